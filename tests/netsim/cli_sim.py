"""belay-netsim sim, from outside: exact output, repeatability, error texts and exit codes."""

import json
import subprocess
import sys

NETSIM = sys.argv[1]


def netsim(*args):
    run = subprocess.run([NETSIM, *args], capture_output=True, text=True, timeout=30)
    return run.returncode, run.stdout, run.stderr


def sim(words, *args):
    return netsim("sim", "--link", words, *args)


def expect(got, want, what):
    if got != want:
        sys.exit(f"{what}:\n  got  {got!r}\n  want {want!r}")


def expect_in(part, text, what):
    if part not in text:
        sys.exit(f"{what}: {part!r} is not in\n{text}")


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
