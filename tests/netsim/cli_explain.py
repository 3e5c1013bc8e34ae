"""belay-netsim explain, tc and profiles, from outside: texts, JSON, pictures, errors, exit codes."""

import json
import re
import subprocess
import sys

from expect import expect, expect_in

NETSIM = sys.argv[1]


def netsim(*args):
    run = subprocess.run([NETSIM, *args], capture_output=True, text=True, timeout=60)
    return run.returncode, run.stdout, run.stderr


def ok(*args):
    code, out, err = netsim(*args)
    expect((code, err), (0, ""), f"{args}")
    return out


def flat(*args):
    """A text without its line breaks."""
    return " ".join(ok(*args).split())


def test_text():
    expect(ok("explain", "delay 20ms loss 1%"),
           "delay 20ms loss 1%\n"
           "  loss       1 % of the packets are lost, 1.01 in a row on average.\n"
           "  delay      20 ms for each packet.\n"
           "  limit      With one sent every 1 ms 19.8 are on their way; at most 1000 can\n"
           "             be, so from 50500 a second on it drops.\n"
           "  both ways  With the same words on the way back 1.99 % of the round trips\n"
           "             fail.\n",
           "the whole text")
    expect(ok("explain", ""), "(no words)\n  clean      Nothing happens to packets.\n", "clean")
    for words, parts in {
        "loss 10% 25%": ["1.75 % of the packets are lost", "10 % were asked for",
                         "loss gemodel 7.5% 67.5%"],
        "loss 10% 75%": ["less than 0.0001 %"],
        "loss gemodel 5% 40%": ["11.1 % of the packets are lost, 2.5 in a row"],
        "loss 10% duplicate 20%": ["8 % of the packets are lost", "16.2 % arrive twice"],
        "loss 5% ecn": ["marked where it would be lost: 5 %"],
        "delay 20ms 5ms": ["15 ms to 25 ms", "arrive after a later one", "x-fifo"],
        "delay 20ms 5ms x-fifo": ["All arrive in order"],
        "delay 10ms reorder 25% gap 5": ["12.5 % of the packets leave at once",
                                         "78.6 % arrive after a later one"],
        "rate 8mbit": ["takes 1.2 ms on the line: 833 a second", "16.7 % are dropped"],
        "rate 12mbit x-queue droptail 60k": ["61.44 kB wait at most"],
        "x-drop 3,7-9": ["Packets 3, 7 to 9 are lost"],
        "x-blackout 8s 2s repeat": ["20 % of the time"],
        "slot 10ms packets 4": ["400 a second"],
        "delay 1ms ; at 5s loss 30%": ["From 0 ms on: delay 1ms", "From 5 s on: loss 30%"],
        "rate 10mbit | delay 15ms loss 10%": ["Stage 1: rate 10mbit", "Stage 2: delay 15ms",
                                              "15.96 ms", "10 % of the packets"],
    }.items():
        for part in parts:
            expect_in(part, flat("explain", words), words)
    text = flat("explain", "delay 20ms loss 10%", "--link-back", "delay 30ms loss 20%")
    expect_in("Back: delay 30ms loss 20%", text, "back")
    expect_in("Round trip delay 50 ms, without any queue.", text, "round trip")
    expect_in("28 % of them fail", text, "round trip")
    expect_in("when one is sent every 10 ms", flat("explain", "--interval", "10",
                                                   "delay 20ms 9ms"), "--interval")
    expect_in("takes 120 us", flat("explain", "--size", "150", "rate 10mbit"), "--size")


def test_width():
    for words in ("loss 10% 25% delay 20ms 40ms 10% reorder 5% gap 3 duplicate 1% rate 1mbit",
                  "loss state 5% 40% 10% 50% 3% corrupt 1% slot 5ms bytes 4000 x-rebind 5s"):
        for line in ok("explain", words).splitlines()[1:]:
            if len(line) > 78:
                sys.exit(f"wider than 78: {line}")


def test_json():
    whole = json.loads(ok("explain", "--json", "--link-back", "loss 5%",
                          "loss 10% 25% | delay 20ms 5ms ; at 3s delay 1ms"))
    expect(sorted(whole), ["back", "interval_ns", "link", "size_bytes"], "keys")
    expect((whole["interval_ns"], whole["size_bytes"]), (1000000, 1200), "traffic")
    stages = whole["link"]["stages"]
    expect([len(steps) for steps in stages], [1, 2], "stages and steps")
    loss = stages[0][0]["loss"]
    expect((round(loss["asked"], 6), round(loss["lost"], 6)), (0.1, 0.0175), "loss")
    expect([w["id"] for w in stages[0][0]["warnings"]], ["correlation"], "warnings")
    expect(stages[1][1]["at_ns"], 3000000000, "a step's time")
    delay = stages[1][0]["delay"]
    expect((delay["min_ns"], round(delay["mean_ns"] / 1e5)), (15000000, 200), "delay")
    if not 0.5 < stages[1][0]["order"]["late"] < 0.7:
        sys.exit(f"late: {stages[1][0]['order']}")
    expect(round(whole["back"]["lost"], 6), 0.05, "back")
    alone = json.loads(ok("explain", "--json", "slot 10ms reorder 5% delay 1ms 1ms"))
    expect((alone["back"], alone["link"]["stages"][0][0]["order"]["late"]), (None, None),
           "no formula")


def test_picture():
    expect(ok("explain", "--picture", "loss 30% seed 42", "--count", "3"),
           "3 packets, one every 1 ms\n"
           "  .XX\n"
           "  . delivered   X lost\n"
           "\n"
           "3 packets (0 to 2), one every 1 ms\n"
           "             sent                                          arrives\n"
           "       0 ms     0 |--------------------------------------->| 0\n"
           "       1 ms     1 |--------------------X                   |\n"
           "       2 ms     2 |--------------------X                   |\n", "a picture")
    same = ("explain", "--picture", "delay 20ms 5ms distribution normal loss 5%", "--seed")
    expect(ok(*same, "3"), ok(*same, "3"), "the same seed")
    expect(ok(*same, "3") != ok(*same, "4"), True, "another seed")
    expect_in("╲", ok(*same, "3", "--utf8"), "--utf8")
    expect_in("one every 7 ms", ok(*same, "3", "--interval", "7"), "--interval")
    for words, part in {"rate 1mbit limit 10": "no room", "x-rebind 5s repeat": "port",
                        "x-blackout 10s 2s repeat": "lost", "delay 20ms 5ms": "often"}.items():
        expect_in(part, ok("explain", "--picture", words), words)


def test_tc():
    script = ok("tc", "--dev", "veth0", "seed 3 loss 5% delay 20ms 5ms distribution normal",
                "--back", "rate 1mbit", "--dev-back", "veth1")
    run = [line for line in script.splitlines() if line and not line.startswith("#")]
    expect(run, ["tc qdisc add dev veth0 root netem delay 20ms 5ms distribution normal loss 5% "
                 "seed 3",
                 "tc qdisc add dev veth1 root netem rate 1mbit",
                 "tc -s qdisc show dev veth0",
                 "tc -s qdisc show dev veth1"], "commands")
    expect_in("# tc qdisc del dev veth1 root", script, "to end it")
    for part in ("limit 1000", "ethtool -K veth0", "belay-netsim table normal", "6.6"):
        expect_in(part, script, "notes")
    expect(subprocess.run(["sh", "-n"], input=script, text=True).returncode, 0, "sh -n")
    expect_in("twice", ok("tc", "--dev", "lo", "delay 1ms"), "lo")
    expect_in("uniform", ok("tc", "delay 5ms 1ms"), "uniform")
    for words, what in {"x-drop 3": "x-drop", "delay 1ms | delay 2ms": "a pipeline",
                        "delay 1ms ; at 5s delay 2ms": "a schedule",
                        "delay 5ms 1ms x-fifo": "x-fifo"}.items():
        code, out, err = netsim("tc", words)
        expect((code, out), (2, ""), words)
        expect_in(f"no word for {what}", err, words)
        expect_in("belay-netsim run --backend live", err, words)


def test_profiles():
    names = [line.split()[0] for line in ok("profiles").splitlines()]
    expect(ok("list"), ok("profiles"), "list is the same")
    expect_in("quic-interop", names, "names")
    profiles = json.loads(ok("profiles", "--json"))
    expect([p["name"] for p in profiles], names, "JSON has the same")
    for p in profiles:
        one = ok("profiles", p["name"])
        expect_in(f"--link      '{p['link']}'\n", one, p["name"])
        expect_in(f"--link-back '{p['link_back']}'\n", one, p["name"])
        expect_in("https://", one, p["name"])
        expect(json.loads(ok("profiles", "--json", p["name"])), p, p["name"])
        ok("explain", p["link"], "--link-back", p["link_back"])


def test_words_errors():
    for command in ("explain", "tc"):
        code, out, err = netsim(command, "loss 5% reorder 25%")
        expect((code, out), (2, ""), f"{command}: reorder without delay")
        expect_in("          ^^^^^^^\n", err, f"{command}: the caret")
    code, out, err = netsim("explain", "delay 5ms 1ms distribution /no/such/table")
    expect((code, out), (1, ""), "a file that is not there")
    expect_in("/no/such/table", err, "a file that is not there")


def test_usage():
    for args, part in [
        (["explain"], "the words are missing"),
        (["explain", "loss", "5%"], "`5%` is left over: quote the words"),
        (["explain", "--bogus"], "Try 'belay-netsim explain --help'."),
        (["explain", "--interval", "0", ""], "at least"),
        (["explain", "--interval", "x", ""], "is not a number of milliseconds"),
        (["explain", "--interval", "1e7", ""], "is more than 1000000"),
        (["explain", "--size", "-1", ""], "--size"),
        (["explain", "--count", "0", ""], "--count"),
        (["explain", "--count", "100001", ""], "--count"),
        (["explain", "--json", "--picture", ""], "exclude each other"),
        (["explain", "--picture", "--link-back", "", ""], "leave --link-back out"),
        (["tc"], "the words are missing"),
        (["tc", "loss", "5%"], "left over"),
        (["tc", "--dev", "a;b", ""], "is no name of an interface"),
        (["tc", "--dev", "", ""], "is no name of an interface"),
        (["tc", "--dev", "-x", ""], "is no name of an interface"),
        (["tc", "--dev", "a234567890123456", ""], "is no name of an interface"),
        (["tc", "--back", "", ""], "go together"),
        (["tc", "--dev", "a", "--dev-back", "a", "--back", "", ""], "one netem"),
        (["profiles", "nope"], "`nope` is no profile"),
        (["profiles", "geo", "lte"], "left over"),
        (["profiles", "--bogus"], "Try 'belay-netsim profiles --help'."),
    ]:
        code, out, err = netsim(*args)
        expect((code, out), (2, ""), f"usage {args}")
        expect_in(part, err, f"usage {args}")
    for command in ("explain", "tc", "profiles"):
        expect_in("Usage: belay-netsim " + command, ok(command, "--help"), command)


def test_output_fails():
    for args in (["explain", "loss 5%"], ["explain", "--json", ""], ["tc", ""], ["profiles"],
                 ["explain", "--picture", "loss 5%"], ["profiles", "--json"]):
        with open("/dev/full", "w") as full:
            run = subprocess.run([NETSIM, *args], stdout=full, stderr=subprocess.PIPE, text=True,
                                 timeout=60)
        expect(run.returncode, 1, f"exit code for a full disk, {args}")
        if not re.search("standard output: ", run.stderr):
            sys.exit(f"{args}: {run.stderr}")


for name, test in list(globals().items()):
    if name.startswith("test_"):
        test()
        print("ok", name)
