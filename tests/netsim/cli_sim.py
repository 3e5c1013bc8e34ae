"""belay-netsim sim, from outside: exact output, repeatability, error texts and exit codes."""

import json
import os
import subprocess
import sys
import tempfile

from expect import expect, expect_in

NETSIM = sys.argv[1]


def netsim(*args):
    run = subprocess.run([NETSIM, *args], capture_output=True, text=True, timeout=30)
    return run.returncode, run.stdout, run.stderr


def sim(words, *args):
    return netsim("sim", "--link", words, *args)


def lines(words, *args):
    code, out, err = sim(words, *args)
    expect(code, 0, f"exit code of {words!r}, {err!r}")
    return [json.loads(line) for line in out.splitlines()]


def test_exact():
    code, out, err = sim("delay 1.5ms", "--seed", "1", "--count", "3", "--interval", "1")
    expect(out, '{"t_ns":1500000,"id":0,"event":"rx","len":1200}\n'
                '{"t_ns":2500000,"id":1,"event":"rx","len":1200}\n'
                '{"t_ns":3500000,"id":2,"event":"rx","len":1200}\n', "three packets")
    expect((code, err), (0, ""), "three packets")
    code, out, err = sim("limit 1 delay 5ms", "--seed", "1", "--count", "3", "--interval",
                         "2.5", "--size", "46")
    expect(out, '{"t_ns":2500000,"id":1,"event":"drop","len":46,"why":"limit"}\n'
                '{"t_ns":5000000,"id":0,"event":"rx","len":46}\n'
                '{"t_ns":10000000,"id":2,"event":"rx","len":46}\n',
           "a full queue, emptied before what is sent at the same time")


def test_kernel():
    """The first losses that Linux 6.12 made with these words."""
    lost = [e["id"] for e in lines("loss 10% seed 42", "--count", "60", "--size", "146")
            if e["event"] == "drop"]
    expect(lost, [13, 27, 37, 38, 39, 43, 49, 53], "lost with seed 42")


def test_fates():
    words = "delay 20ms 5ms loss 10% duplicate 20% corrupt 20% reorder 30% gap 3"
    events = lines(words, "--seed", "7", "--count", "500")
    expect([e["t_ns"] for e in events], sorted(e["t_ns"] for e in events), "order of time")
    seen = {}
    for e in events:
        seen.setdefault(e["id"], []).append(e)
    expect(sorted(seen), list(range(500)), "each packet has a fate")
    for flag in ("dup", "corrupt", "reorder"):
        if not any(e.get(flag) for e in events):
            sys.exit(f"no packet has {flag}")
    for e in events:
        if e["event"] == "drop":
            expect(e["why"], "loss", "why")
        expect("bit" in e, e.get("corrupt", False), "a corrupt packet names its bit")
        expect(0 <= e.get("bit", 0) < 9600, True, "the bit is in the packet")
    if not any(sum(e["event"] == "rx" for e in of) == 2 for of in seen.values()):
        sys.exit("no packet came twice")


def test_seeds():
    words = "delay 20ms 5ms 10% loss 5% 5% corrupt 10%"
    args = ("--count", "200", "--quiet")
    expect(sim(words, "--seed", "5", *args), sim(words, "--seed", "5", *args), "the same seed")
    expect(sim(words, "--seed", "5", *args)[1], sim(words + " seed 5", *args)[1],
           "a seed in the words")
    expect(sim(words, "--seed", "5", *args)[1] != sim(words, "--seed", "6", *args)[1], True,
           "another seed")
    code, out, err = sim("loss 50% seed 5", "--seed", "6")
    expect((code, out), (0, sim("loss 50%", "--seed", "5")[1]), "the words' seed counts")
    expect_in("the link's own seed 5 counts", err, "two seeds")
    code, out, err = sim("loss 50%", "--count", "200")
    chosen = err.split()[2]
    expect(err, f"belay-netsim: seed {chosen} (the same again with --seed {chosen})\n",
           "a chosen seed is shown")
    expect(sim("loss 50%", "--count", "200", "--seed", chosen)[1], out, "and repeats the run")


def test_ecn():
    expect([e.get("ce", False) for e in lines("loss 100% ecn seed 1", "--count", "2", "--ect")],
           [True, True], "marked")
    expect([e["event"] for e in lines("loss 100% ecn seed 1", "--count", "2")],
           ["drop", "drop"], "not ECN-capable")


def test_words_errors():
    code, out, err = sim("loss 5% reorder 25%")
    expect((code, out), (2, ""), "reorder without delay")
    expect(err, "belay-netsim: reorder needs a delay\n"
                "  loss 5% reorder 25%\n"
                "          ^^^^^^^\n"
                "try: delay 10ms reorder 25%\n", "the caret")
    code, out, err = sim("delay")
    expect(err, "belay-netsim: delay's time is missing\n"
                "  delay\n"
                "       ^\n"
                "try: delay 20ms 5ms 25%\n", "the caret at the end")
    code, out, err = sim("délai\t20ms")
    expect(err.splitlines()[1:3], ["  délai 20ms", "  ^^^^^"], "columns, not bytes")
    code, out, err = sim("loss 10% 25%", "--count", "1", "--seed", "1")
    expect(code, 0, "a note is no error")
    expect_in("gemodel", err, "the note on correlation")
    expect(sim("loss 10% 25%", "--count", "1", "--seed", "1", "--quiet")[2], "", "quiet")


def test_pipeline():
    """Numbers by hand: 1200 bytes at 9.6 Mbit/s take 1 ms."""
    code, out, err = sim("rate 9600kbit limit 2 | delay 10ms", "--seed", "1", "--count", "4",
                         "--interval", "0")
    expect(out, '{"t_ns":0,"id":2,"event":"drop","len":1200,"why":"limit","stage":0}\n'
                '{"t_ns":0,"id":3,"event":"drop","len":1200,"why":"limit","stage":0}\n'
                '{"t_ns":11000000,"id":0,"event":"rx","len":1200}\n'
                '{"t_ns":12000000,"id":1,"event":"rx","len":1200}\n', "a bottleneck, then a way")
    expect((code, err), (0, ""), "a pipeline")
    events = lines("corrupt 100% | loss 0% | corrupt 100%", "--seed", "1", "--count", "3")
    expect([len(e["bit"]) for e in events], [2, 2, 2], "two stages flip two bits")


def test_schedule():
    events = lines("delay 1ms ; at 3ms delay 1ms loss 100% ; at 5ms delay 1ms", "--seed", "1",
                   "--count", "8")
    expect([e["id"] for e in events if e["event"] == "drop"], [3, 4], "lost from 3 ms to 5")
    expect([e["t_ns"] for e in events if e["event"] == "rx"],
           [1000000, 2000000, 3000000, 6000000, 7000000, 8000000], "the others")


def test_extensions():
    def dropped(words, why, *args):
        events = lines(words, "--seed", "1", "--quiet", *args)
        expect({e["why"] for e in events if e["event"] == "drop"} <= {why}, True, f"why: {words}")
        return [e["id"] for e in events if e["event"] == "drop"]

    expect(dropped("x-drop 2,5-7", "x-drop", "--count", "10"), [2, 5, 6, 7], "x-drop")
    expect(dropped("x-blackout 3ms 2ms repeat", "blackout", "--count", "10"), [3, 4, 8, 9],
           "x-blackout")
    expect(dropped("x-mtu 1199", "mtu", "--count", "2"), [0, 1], "x-mtu")
    expect(dropped("x-mtu 1200", "mtu", "--count", "2"), [], "x-mtu, just fits")
    expect(dropped("rate 9600kbit x-queue droptail 2400", "queue", "--count", "5", "--interval",
                   "0")[-2:], [3, 4], "x-queue droptail")
    events = lines("delay 20ms 15ms x-fifo", "--seed", "3", "--count", "200")
    expect([e["id"] for e in events], list(range(200)), "x-fifo keeps the order")


def test_rebind():
    """The port changes at its times, also while nothing is sent, and not when all is over."""
    events = lines("delay 4500us x-rebind 2ms repeat", "--count", "2", "--interval", "3")
    expect([(e["t_ns"] / 1e6, e["event"], e.get("id")) for e in events],
           [(2, "rebind", None), (4, "rebind", None), (4.5, "rx", 0), (6, "rebind", None),
            (7.5, "rx", 1)], "in order of time")


def test_files():
    with tempfile.TemporaryDirectory() as folder:
        trace, table = os.path.join(folder, "t.trace"), os.path.join(folder, "n.dist")
        with open(trace, "w") as out:
            out.write("# 1500 bytes a line\n5\n6\n20\n")
        events = lines(f"x-trace {trace}", "--seed", "1", "--count", "3", "--size", "1600")
        expect([e["t_ns"] for e in events], [6000000, 20000000, 25000000],
               "what an opportunity has left over begins the next packet")
        for name in ("normal", "pareto", "paretonormal"):
            with open(table, "w") as out:
                out.write(netsim("table", name)[1])
            words = "delay 20ms 5ms distribution "
            expect(sim(words + table, "--seed", "4")[1], sim(words + name, "--seed", "4")[1],
                   f"the printed table is {name}")
        for words, part in [
            (f"x-trace {folder}", "is a directory"),
            (f"x-trace {folder}/none", "none: No such file"),
            ("delay 9ms 1ms distribution gauss", "there is no such .dist file in"),
            (f"delay 9ms 1ms distribution {trace}/x", "Not a directory"),
        ]:
            code, out, err = sim(words)
            expect((code, out), (1, ""), words)
            expect_in(part, err, words)


def test_table():
    code, out, err = netsim("table", "normal")
    expect((code, err, out.startswith("# normal: ")), (0, "", True), "a table")
    numbers = [int(word) for line in out.splitlines()[1:] for word in line.split()]
    expect((len(numbers), numbers[0], numbers[4095]), (4096, -30051, 30051), "its numbers")
    expect(numbers, sorted(numbers), "ascending")
    for args, part in [
        ([], "is missing: normal, pareto or paretonormal"),
        (["uniform"], "`uniform` is no table"),
        (["normal", "pareto"], "`pareto` is left over"),
        (["--bogus"], "Try 'belay-netsim table --help'."),
    ]:
        code, out, err = netsim("table", *args)
        expect((code, out), (2, ""), f"table {args}")
        expect_in(part, err, f"table {args}")
    expect_in("TC_LIB_DIR", netsim("table", "--help")[1], "table --help")
    with open("/dev/full", "w") as full:
        expect(subprocess.run([NETSIM, "table", "normal"], stdout=full,
                              stderr=subprocess.DEVNULL, timeout=30).returncode, 1, "full disk")


def test_plan_errors():
    code, out, err = sim("loss 5% | reorder 25%")
    expect((code, out), (2, ""), "reorder without delay in its stage")
    expect(err, "belay-netsim: reorder needs a delay\n"
                "  loss 5% | reorder 25%\n"
                "            ^^^^^^^\n"
                "try: delay 10ms reorder 25%\n", "the caret in a pipeline")
    code, out, err = sim("loss 5% ; loss 6%")
    expect((code, err.splitlines()[2]), (2, "            ^^^^"), "the caret in a schedule")
    code, out, err = sim("delay 5ms x-fifo ; at 1s x-fifo", "--seed", "1", "--count", "1")
    expect(err.count("note: x-fifo does nothing without jitter"), 1, "a note is told once")
    code, out, err = sim("seed 5 loss 50% | loss 50%", "--seed", "6")
    expect_in("the link's own seed 5 counts", err, "two seeds")


def test_usage():
    for args, part in [
        ([], "Usage:"),
        (["nonsense"], "is no command"),
        (["sim"], "--link is missing"),
        (["sim", "--link"], "requires an argument"),
        (["sim", "--bogus"], "belay-netsim: unrecognized option"),
        (["sim", "--bogus"], "Try 'belay-netsim sim --help'."),
        (["proxy", "--to"], "belay-netsim: option '--to' requires an argument"),
        (["proxy", "--to"], "Try 'belay-netsim proxy --help'."),
        (["sim", "--link", "", "extra"], "is left over"),
        (["sim", "--link", "", "--count", "-1"], "--count: `-1` must not be negative"),
        (["sim", "--link", "", "--count", "x"], "is not a whole number"),
        (["sim", "--link", "", "--size", "4294967296"], "is more than 4294967295"),
        (["sim", "--link", "", "--interval", "-1"], "is not a number of milliseconds"),
        (["sim", "--link", "", "--interval", "nan"], "is not a number of milliseconds"),
        (["sim", "--link", "", "--interval", "1e13"], "is more than 1000000000000"),
        (["sim", "--link", "", "--interval", "1e9", "--count", "1000000000000"], "hundred years"),
        (["sim", "--link", "", "--seed", "18446744073709551616"], "is too large"),
    ]:
        code, out, err = netsim(*args)
        expect((code, out), (2, ""), f"usage {args}")
        expect_in(part, err, f"usage {args}")
    for args in (["--help"], ["sim", "--help"], ["proxy", "--help"], ["--version"]):
        code, out, err = netsim(*args)
        expect((code, err), (0, ""), f"{args}")
        expect_in("belay-netsim", out, f"{args}")


def test_output_fails():
    with open("/dev/full", "w") as full:
        run = subprocess.run([NETSIM, "sim", "--link", "", "--seed", "1"], stdout=full,
                             stderr=subprocess.PIPE, text=True, timeout=30)
    expect(run.returncode, 1, "exit code for a full disk")
    expect_in("standard output: ", run.stderr, "a full disk")


for name, test in list(globals().items()):
    if name.startswith("test_"):
        test()
        print("ok", name)
