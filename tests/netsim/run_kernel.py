"""belay-netsim run --backend kernel: what tc is told, by a tc of our own; and where this kernel
has netem, whether it does it."""

import json
import os
import subprocess
import sys

from run_harness import (CALL, ECHO, ENVIRONMENT, NETSIM, PATIENCE_S, SEND, SKIP, backend_here,
                         expect, expect_in, folder_for_all, python, run, run_tests, users,
                         users_of)

HERE = users_of("live")  # namespaces; the rest is tc's
ME = HERE[0]
KERNEL = ["--backend", "kernel"]

# Notes what it is told and the tables it is shown. SEED: how it and its kernel take `seed`.
TC = r"""#!/bin/sh
echo "$@" >>"$TC_LOG"
case "$SEED $*" in
"no tc "*" seed "*) echo 'What is "seed"?' >&2; exit 255 ;;
"no kernel "*show*) echo "qdisc netem 8001: root refcnt 2 limit 1000 delay 1ms" ;;
*show*) echo "qdisc netem 8001: root refcnt 2 limit 1000 delay 1ms seed 1" ;;
*"loss 50%"*) echo "Error: netem: something is wrong." >&2; exit 2 ;;
esac
for table in "$TC_LIB_DIR"/*.dist; do
    test ! -f "$table" || echo "${table##*/}" $(cat "$table") >>"$TC_LOG"
done
exit 0
"""


class Told:
    """A run with our tc: what it was told, table by table."""

    def __init__(self, user, *args, seed="yes", code=0, files=()):
        with folder_for_all("/var/tmp") as folder:  # tables are in a /tmp of tc's own
            tc, log = os.path.join(folder, "tc"), os.path.join(folder, "log")
            with open(tc, "w") as stream:
                stream.write(TC)
            os.chmod(tc, 0o755)
            for name, text in files:
                with open(os.path.join(folder, name), "w") as stream:
                    stream.write(text)
            args = [arg.replace("FOLDER", folder) for arg in args]
            self.result = run(user, *args, code=code, env={
                "PATH": f"{folder}:{ENVIRONMENT['PATH']}", "TC_LOG": log, "SEED": seed})
            self.lines = open(log).read().splitlines() if os.path.exists(log) else []

    def adds(self):
        """The qdiscs of the two sides."""
        return [line for line in self.lines if line.startswith("qdisc add dev net0 ") and
                line != "qdisc add dev net0 root netem delay 1ms"]


def commands(user):
    return ["--", python(user, ECHO), ":", python(user, CALL)]


def test_refusals():
    """What netem can't do is told before anything is tried, with who can."""
    for args, part in [
        (["--link", "x-drop 3"], "the kernel's netem has no x-drop; --backend live has"),
        (["--link", "delay 1ms | delay 2ms"], "has no pipeline; --backend live has"),
        (["--link", "delay 1ms ; at 1s delay 2ms"], "has no schedule; --backend live has"),
        (["--link", "", "--link-back", "x-fifo"], "has no x-fifo; --backend live has"),
        (["--link", "", "--log", "x"], "writes no --log; --backend live does"),
        (["--link", "", "--pcap", "x"], "writes no --pcap; --backend live does"),
    ]:
        result = run(ME, *KERNEL, *args, *commands(ME), code=2)
        expect_in(part, result.stderr, f"{args}")


def test_no_netem():
    for user in users():
        if backend_here(user, "kernel") is None:
            continue
        result = run(user, *KERNEL, "--link", "", *commands(user), code=125)
        expect_in("--backend kernel: ", result.stderr, user.name)


def test_both_ways():
    for user in HERE:
        told = Told(user, *KERNEL, "--link", "loss 1% delay 20ms 5ms", "--link-back",
                    "limit 5 delay 10ms", "--seed", "7", *commands(user))
        expect(told.adds(), ["qdisc add dev net0 root netem delay 20ms 5ms loss 1% seed 7",
                             "qdisc add dev net0 root netem limit 5 delay 10ms "
                             "seed 7191089600892374487"], f"as {user.name}")
        expect(told.result.stdout, "hello\n", "they met on the wire")
        expect_in("belay-netsim: kernel, seed 7: out 1 packets, back 1\n", told.result.stderr,
                  "nothing else passes the wire")


def test_clean_way_back():
    told = Told(ME, *KERNEL, "--link", "delay 1ms seed 3", *commands(ME))
    expect(told.adds(), ["qdisc add dev net0 root netem delay 1ms seed 3"], "one side only")


def test_tables():
    """tc finds our tables, not its own, and those of files under names without a slash."""
    table = subprocess.run([NETSIM, "table", "pareto"], capture_output=True, text=True,
                           env=ENVIRONMENT, timeout=PATIENCE_S).stdout
    want = " ".join(line for line in table.splitlines() if not line.startswith("#")).split()
    expect(len(want), 4096, "a table")
    told = Told(ME, *KERNEL, "--seed", "1", "--link",
                "delay 9ms 2ms distribution pareto slot distribution FOLDER/own.dist 5ms 1ms",
                *commands(ME), files=[("own.dist", "# mine\n-5 0\n7\n")])
    expect(told.adds(), ["qdisc add dev net0 root netem delay 9ms 2ms distribution pareto "
                         "slot distribution netsim-slot 5ms 1ms seed 1"], "names")
    tables = {line.split()[0]: line.split()[1:] for line in told.lines if ".dist " in line}
    expect(tables, {"pareto.dist": want, "netsim-slot.dist": ["-5", "0", "7"]}, "tables")
    told = Told(ME, *KERNEL, "--seed", "1", "--link", "delay 9ms 2ms distribution uniform",
                *commands(ME))
    expect(told.adds(), ["qdisc add dev net0 root netem delay 9ms 2ms seed 1"],
           "tc has no table of that name")


def test_no_seed():
    """A seed that was asked for must count; a fresh one need not, and that is told."""
    for seed in ("no tc", "no kernel"):
        for link in (["--link", "loss 1%", "--seed", "7"], ["--link", "loss 1% seed 7"]):
            told = Told(ME, *KERNEL, *link, *commands(ME), seed=seed, code=2)
            expect_in("has no seed; --backend live has", told.result.stderr, seed)
            expect(told.adds(), [], seed)
            told = Told(ME, *link, *commands(ME), seed=seed)
            expect_in("backend live (kernel: the netem of this kernel, or this tc, has no seed",
                      told.result.stderr, f"auto, {seed}")
        told = Told(ME, *KERNEL, "--link", "loss 1%", *commands(ME), seed=seed)
        expect(told.adds(), ["qdisc add dev net0 root netem loss 1%"], seed)
        expect_in("another run decides otherwise", told.result.stderr, seed)


def test_auto_takes_it():
    told = Told(ME, "--link", "delay 1ms", "--seed", "1", *commands(ME))
    expect_in("belay-netsim: backend kernel\n", told.result.stderr, "first in the order")


def test_tc_refuses():
    told = Told(ME, *KERNEL, "--link", "loss 50%", "--seed", "1", *commands(ME), code=125)
    expect_in("belay-netsim: --link: tc: Error: netem: something is wrong.\n",
              told.result.stderr, "its own words")


def test_tutorials():
    for kind in ("", "asyncio_", "tcp_"):
        told = Told(ME, *KERNEL, "--link", "", "--seed", "1", "--", ME.command(kind + "server.py"),
                    ":", ME.command(kind + "client.py"))
        expect_in("received: ", told.result.stdout, kind)


def test_nothing_crossed():
    told = Told(ME, *KERNEL, "--link", "", "--seed", "1", "--", python(ME, ECHO), ":", "true",
                code=125)
    expect_in("no packet crossed the link: does the client call", told.result.stderr, "told")


def real_loss_by_seed(user):
    """The kernel drops what the simulator does."""
    words = "loss 20%"
    sim = subprocess.run([NETSIM, "sim", "--link", words, "--seed", "9", "--count", "60"],
                         capture_output=True, text=True, timeout=PATIENCE_S, env=ENVIRONMENT)
    lost = sum(json.loads(line)["event"] == "drop" for line in sim.stdout.splitlines())
    result = run(user, *KERNEL, "--link", words, "--seed", "9", "--", python(user, ECHO), ":",
                 python(user, SEND % 60))
    expect_in(f"kernel, seed 9: out {60 - lost} packets", result.stderr, f"as {user.name}")


def real_words(user):
    for words in ("delay 2ms 1ms distribution normal", "delay 2ms rate 1mbit 1 53 4 limit 50",
                  "slot 1ms 2ms packets 3", "loss gemodel 1% 90%", "corrupt 0.1%"):
        run(user, *KERNEL, "--link", words, "--link-back", words, "--", ":",
            "ping -c 5 -i 0.2 -w 20 $NETSIM_HOST")


run_tests(list(globals().items()))
REAL = 0
for candidate in users():
    reason = backend_here(candidate, "kernel")
    if reason is not None:
        print(f"SKIPPED the kernel's own netem as {candidate.name}: {reason}")
        continue
    REAL += 1
    real_loss_by_seed(candidate)
    real_words(candidate)
    print("ok the kernel's own netem as", candidate.name)
sys.exit(0 if REAL > 0 else SKIP)
