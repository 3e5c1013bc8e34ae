"""belay-netsim matrix, from outside. Most runs are made by a stand-in for `belay-netsim run`,
which runs the client alone; what is awaited is told through pipes, so nothing depends on time."""

import glob
import json
import os
import pty
import shlex
import signal
import subprocess
import sys
import tempfile

from expect import expect, expect_in

NETSIM = sys.argv[1]
SCENARIOS = sys.argv[2]  # the folder of the examples
PATIENCE_S = 60

STAND_IN = """#!/bin/sh
# run OPTIONS -- SERVER : CLIENT
[ -z "$ARGS_TO" ] || for arg; do printf '%s\\n' "$arg"; done >"$ARGS_TO"
while [ $# -gt 1 ]; do
    [ "$1" != --seed ] || export seed="$2"
    shift
done
[ -z "$SAYS" ] || echo "$SAYS" >&2
exec sh -c "$1"
"""

COMMON = """
[scenario a]
link = loss 5%
[command c]
server = no server here
"""


class Folder:
    """A folder to run in, with the stand-in and a file of scenarios."""

    def __init__(self, text):
        self.temp = tempfile.TemporaryDirectory()
        self.path = self.temp.name
        self.write("stand-in", STAND_IN)
        os.chmod(self.file("stand-in"), 0o755)
        self.write("x.ini", text)

    def file(self, name):
        return os.path.join(self.path, name)

    def write(self, name, text):
        with open(self.file(name), "wb") as out:
            out.write(text.encode() if isinstance(text, str) else text)

    def read(self, name):
        with open(self.file(name)) as text:
            return text.read()

    def start(self, *args, stand_in=True, **variables):
        env = dict(os.environ, **variables)
        if stand_in:
            env["NETSIM_MATRIX_PROGRAM"] = self.file("stand-in")
        return subprocess.Popen([NETSIM, "matrix", "x.ini", *args], cwd=self.path, env=env,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def run(self, *args, code=0, stand_in=True, **variables):
        process = self.start(*args, stand_in=stand_in, **variables)
        out, err = process.communicate(timeout=PATIENCE_S)
        expect(process.returncode, code, f"exit code of {args}\n{out}\n{err}\n")
        return out, err

    def records(self, *args, **kwargs):
        self.run("--json", "out.json", *args, **kwargs)
        return [json.loads(line) for line in self.read("out.json").splitlines()]


def test_one_run():
    folder = Folder("seeds = 3\nbackend = proxy\nduration = 2.5\nmtu = 1280\n[scenario a b]\n")
    expect_in("is no name", folder.run(code=2)[1], "names are checked")
    folder.write("x.ini", "seeds = 3\nbackend = proxy\nduration = 2.5\nmtu = 1280\n"
                 "[scenario bad]\nlink = delay 5ms ;\n  at 1s loss 5%\nlink-back = loss 1%\n"
                 "[command it's]\nserver = x\nclient = y\n")
    expect_in("is no name", folder.run(code=2)[1], "of commands too")
    folder.write("x.ini", "seeds = 3\nbackend = proxy\nduration = 2.5\nmtu = 1280\n"
                 "[scenario bad]\nlink = delay 5ms ;\n  at 1s loss 5%\nlink-back = loss 1%\n"
                 "[command c]\nserver = one 'two'\n"
                 "client = echo '{\"lost\":1,\"in\":{\"p50\":2.5}}'\n  echo bye\n"
                 "expect = exit == 0, lost == 1 and in.p50 > 3, none < 1\n")
    records = folder.records(code=1, ARGS_TO=folder.file("args"), SAYS="oh")
    want = ["run", "--backend", "proxy", "--link", "delay 5ms ; at 1s loss 5%", "--link-back",
            "loss 1%", "--seed", "3", "--duration", "2.5", "--mtu", "1280", "--", "one 'two'", ":",
            "echo '{\"lost\":1,\"in\":{\"p50\":2.5}}'\necho bye"]
    expect(folder.read("args"), "\n".join(want) + "\n", "arguments of the run")
    expect(len(records), 1, "one record")
    record = records[0]
    expect(shlex.split(record.pop("run")), ["belay-netsim"] + want, "the line to run it again")
    expect(0 < record.pop("seconds") < PATIENCE_S, True, "seconds")
    expect(record, {
        "scenario": "bad", "command": "c", "seed": 3, "backend": "proxy", "exit": 0,
        "pass": False, "client": {"lost": 1, "in": {"p50": 2.5}}, "error": "oh",
        "expect": [{"is": "exit == 0", "value": 0, "pass": True},
                   {"is": "lost == 1", "value": 1, "pass": True},
                   {"is": "in.p50 > 3", "value": 2.5, "pass": False},
                   {"is": "none < 1", "value": None, "pass": False}]}, "the record")


def test_profile_and_clean():
    folder = Folder("[scenario a]\nprofile = starlink\n[scenario b]\n[command c]\nclient = true\n")
    folder.run("--filter", "a/", ARGS_TO=folder.file("args"))
    expect(folder.read("args").split("\n")[:8],
           ["run", "--backend", "auto", "--profile", "starlink", "--seed", "1", "--"], "a profile")
    folder.run("--filter", "b/", ARGS_TO=folder.file("args"))
    expect(folder.read("args").split("\n"),
           ["run", "--backend", "auto", "--link", "", "--seed", "1", "--", "", ":", "true", ""],
           "a clean link, and no server")


def test_matrix_order():
    """Scenarios, in them commands, in them seeds; whatever ends first."""
    folder = Folder("seeds = 1-3\n[scenario b]\n[scenario a]\nseeds = 9,7\n"
                    "[command y]\nclient = echo {}\n[command x]\nclient = true\n")
    want = [("b", "y", 1), ("b", "y", 2), ("b", "y", 3), ("b", "x", 1), ("b", "x", 2),
            ("b", "x", 3), ("a", "y", 9), ("a", "y", 7), ("a", "x", 9), ("a", "x", 7)]
    for jobs in "1", "7", "100":
        records = folder.records("--jobs", jobs)
        expect([(r["scenario"], r["command"], r["seed"]) for r in records], want, f"jobs {jobs}")
        expect([r["client"] for r in records],
               [{} if r[1] == "y" else None for r in want], "the clients' objects")
    records = folder.records("--seeds", "5", "--filter", "/x")
    expect([(r["scenario"], r["command"], r["seed"]) for r in records],
           [("b", "x", 5), ("a", "x", 5)], "filter and seeds")
    folder.run("--filter", "z", code=2)
    folder.write("x.ini", "seeds = 18446744073709551615\n" + COMMON + "client = true\n")
    expect(folder.records()[0]["seed"], "18446744073709551615", "a seed too great for JSON")


def test_jobs_are_at_once():
    """The first ends after the second, the second after the third: all must run at once."""
    folder = Folder("seeds = 1-3\n" + COMMON +
                    "client = [ $seed = 3 ] || read line <pipe$seed\n"
                    "  [ $seed = 1 ] || echo >pipe$((seed - 1))\n  echo \"{\\\"n\\\":$seed}\"\n")
    for i in 1, 2:
        os.mkfifo(folder.file(f"pipe{i}"))
    expect([r["client"]["n"] for r in folder.records("--jobs", "3")], [1, 2, 3], "order kept")
    folder.write("x.ini", "jobs = 3\n" + folder.read("x.ini"))
    expect(len(folder.records()), 3, "jobs from the file")


def test_scenarios_jobs():
    """One that wants to be alone is."""
    folder = Folder("seeds = 1-20\n[scenario a]\n[scenario alone]\njobs = 1\n[scenario b]\n"
                    "[command c]\nclient = mkdir $$.d; set -- *.d; echo \"{\\\"n\\\":$#}\"; rmdir $$.d\n")
    records = folder.records("--jobs", "4")
    expect(len(records), 60, "all are made")
    expect({r["client"]["n"] for r in records if r["scenario"] == "alone"}, {1}, "alone")


def test_exit_codes():
    for client, expectation, code, passes in [
            ("true", "", 0, True),
            ("exit 3", "", 1, False),
            ("exit 3", "expect = exit == 3", 0, True),
            ("exit 3", "expect = exit != 0", 0, True),
            ("exit 124", "expect = exit == 124", 0, True),
            ("exit 125", "", 125, None),
            ("exit 127", "expect = exit == 127", 125, None),
            ("exit 139", "", 1, False),  # a crash of the client
            ("kill -9 $$", "", 125, None),  # of the run itself
            ("echo '{\"a\":true}'", "expect = a == 1", 0, True),
            ("echo '[1]'", "expect = a == 1", 1, False),
            ("echo '{\"a\":1}'; echo 'server done'", "expect = a == 1", 0, True),
            ("echo '{\"a\":1}'; echo '{\"a\":2}'", "expect = a == 2", 0, True),
            ("echo '{\"a\":1'; printf 'x\\377\\n'", "expect = a == 1", 1, False),
            ("printf '{\"a\":1}'", "expect = a == 1", 0, True),
            ("true", "expect = time_s >= 0, time_s < 60", 0, True)]:
        folder = Folder(f"{COMMON}client = {client}\n{expectation}\n")
        expect(folder.records(code=code)[0]["pass"], passes, f"{client}, {expectation}")
    folder = Folder("seeds = 1-2\n" + COMMON + "client = exit 12$((6 - seed))\n")
    folder.run(code=1)  # one could not be made, one failed


def test_override():
    folder = Folder("[scenario a]\nexpect.c = exit == 4\n[scenario b]\n"
                    "[command c]\nclient = exit 4\n")
    expect([r["pass"] for r in folder.records(code=1)], [True, False], "a's own expectation")


def test_backend_of_auto():
    folder = Folder(COMMON + "client = true\n")
    for says, want in [("belay-netsim: backend live (kernel: no netem)", "live"),
                       ("belay-netsim: backend kernel", "kernel"), ("nothing", None)]:
        expect(folder.records(SAYS=says)[0]["backend"], want, says)


def test_table():
    folder = Folder("seeds = 1-8\n[scenario bad-wifi]\nlink = loss 5%\n[scenario a]\n"
                    "expect.plain = lost > 2\n"
                    "[command plain]\nclient = echo \"{\\\"lost\\\":$seed}\"\nexpect = lost < 2\n")
    out, err = folder.run(code=1)
    lines = [line.split() for line in out.splitlines()]
    expect(lines[0], ["scenario", "command", "passed", "median", "s", "worst"], "head")
    for line, want in zip(lines[1:3], (["bad-wifi", "plain", "1/8", "lost", "8"],
                                       ["a", "plain", "6/8", "lost", "1"])):
        expect(line[:3] + line[4:], want, "row")
    expect(out.count("\nFAILED bad-wifi/plain seed "), 5, "the first failures whole")
    expect_in("FAILED bad-wifi/plain seed 2: wanted lost < 2, got 2\n  again: belay-netsim run "
              "--backend auto --link 'loss 5%' --seed 2 -- '' : 'echo \"{\\\"lost\\\":$seed}\"'\n",
              out, "why, and how again")
    expect_in("\nand so with --seed 7, 8\n", out, "the rest")
    expect_in("\n7 of 16 runs passed, 9 failed\n", out, "sum")
    expect(sorted(line.split()[0] for line in err.splitlines()),
           sorted(f"{i}/16" for i in range(1, 17)), "a line for each run")
    expect(err.count(" passed ") + err.count(" FAILED "), 16, "with its state")
    out, err = folder.run("--quiet", "--json", "-", code=1)
    expect(len([json.loads(line) for line in out.splitlines()]), 16, "JSON alone")
    expect(err.startswith("scenario "), True, f"the table moves, and no progress: {err}")


def test_not_made():
    folder = Folder(COMMON + "client = printf 'no\\033[2Jpermission\\n' >&2; exit 125\n")
    out, _ = folder.run(code=125)
    expect_in("NOT MADE a/c seed 1: exit code 125\n  it said: no [2Jpermission\n", out, "why")
    expect_in("0 of 1 runs passed, 1 could not be made\n", out, "sum")
    expect_in("  -  ", out, "no median of nothing")
    folder = Folder(COMMON + "client = printf '%s\\n' 'belay-netsim: backend x' 'sh: no: not found' "
                    "'out: loss 5%' ' Sent 0' 'belay-netsim: x, seed 1: out 0' >&2; exit 127\n")
    out, _ = folder.run(code=125)
    expect_in("it said: sh: no: not found; belay-netsim: x, seed 1: out 0\n", out,
              "the command's own word, before the report")
    os.remove(folder.file("stand-in"))
    out, _ = folder.run(code=125)
    expect_in("No such file", out, "no program")


def test_keep():
    folder = Folder("seeds = 1-2\n" + COMMON + "client = echo out$seed; echo err$seed >&2\n")
    for _ in range(2):  # again into the same folder
        folder.run("--keep", "kept")
        expect(sorted(os.listdir(folder.file("kept"))),
               ["a.c.1.err", "a.c.1.out", "a.c.2.err", "a.c.2.out"], "files")
        expect(folder.read("kept/a.c.2.out") + folder.read("kept/a.c.2.err"), "out2\nerr2\n", "text")
    expect_in("--keep: none/none", folder.run("--keep", "none/none", code=2)[1], "no folder")
    os.mkdir(folder.file("kept/a.c.1.err.d"))
    os.remove(folder.file("kept/a.c.1.err"))
    os.mkdir(folder.file("kept/a.c.1.err"))
    out, err = folder.run("--keep", "kept", code=125)
    expect_in("a run could not be started in kept: ", err, "what can't be written")
    expect_in("2 were not tried", out, "and the table all the same")


def test_cannot_write():
    folder = Folder(COMMON + "client = true\n")
    expect_in("--json: none/x: ", folder.run("--json", "none/x", code=2)[1], "no folder")
    if os.path.exists("/dev/full"):
        expect_in("--json: /dev/full: ", folder.run("--json", "/dev/full", code=1)[1], "disk full")


def test_usage():
    folder = Folder(COMMON + "client = true\n")
    for args, part in [(["--jobs", "0"], "--jobs: at least 1"), (["--jobs", "x"], "--jobs: `x`"),
                       (["--jobs", "1025"], "is more than 1024"),
                       (["--seeds", "1,1"], "--seeds: `1,1` has a seed twice"),
                       (["y.ini"], "`y.ini` is left over"), (["--nonsense"], "Try 'belay-netsim"),
                       (["--filter", "zz"], "has `zz` in it")]:
        expect_in(part, folder.run(*args, code=2)[1], str(args))
    run = subprocess.run([NETSIM, "matrix"], capture_output=True, text=True, timeout=PATIENCE_S)
    expect((run.returncode, "a file of scenarios is missing" in run.stderr), (2, True), "no file")
    run = subprocess.run([NETSIM, "matrix", "/nonexistent.ini"], capture_output=True, text=True,
                         timeout=PATIENCE_S)
    expect(run.returncode, 2, "no such file")
    expect_in("/nonexistent.ini: No such file", run.stderr, "no such file")


def test_wrong_files():
    for text, part in [
            ("[scenario a]\nlink = delay 5ms\n  loss 101%\n",
             "x.ini:2: link: `101%` is "),
            ("[scenario a]\nlink = delay 5ms\n  loss 101%\n",
             "\n  delay 5ms loss 101%\n                 ^^^^\n"),
            ("[command a]\nexpect = lost = 0\n",
             "x.ini:2: expect: `=` compares nothing; equal is ==\n  lost = 0\n       ^\ntry: "),
            ("# c\n\nsed = 1\n", "x.ini:3: `sed` is no key of the top; there are seeds, "),
            ("[scenario a]\nlink = x-trace none.trace\n[command c]\nclient = true\n", "x.ini:2: "),
            (b"\0\0", "x.ini:1: this is no text"), ("", "x.ini: there is no [scenario NAME]"),
            ("seeds = 1-100000\n[scenario a]\n[scenario b]\n" +
             "".join(f"[command c{i}]\nclient = x\n" for i in range(6)),
             "these are 1200000 runs, more than 1000000")]:
        folder = Folder(text)
        _, err = folder.run(code=2)
        expect_in(part, err, f"{text!r}")


def test_terminal():
    """A bar on a terminal, gone at the end; what went wrong stays."""
    folder = Folder("seeds = 1-4\n" + COMMON + "client = exit $((seed / 4))\n")
    main, other = pty.openpty()
    env = dict(os.environ, NETSIM_MATRIX_PROGRAM=folder.file("stand-in"))
    process = subprocess.Popen([NETSIM, "matrix", "x.ini", "--jobs", "1"], cwd=folder.path, env=env,
                               stdout=subprocess.PIPE, stderr=other, text=True)
    process.communicate(timeout=PATIENCE_S)
    os.close(other)
    shown = b""
    try:
        while data := os.read(main, 65536):
            shown += data
    except OSError:  # nobody has the other end any more
        pass
    os.close(main)
    shown = shown.decode()
    expect_in("[############............] 2/4  a/c", shown, "bar")
    expect_in("[########################] 4/4, 1 bad  a/c", shown, "full bar")
    expect_in("\r\033[K4/4 FAILED a/c seed 4 ", shown, "the failure")
    expect(shown.endswith("\r\033[K"), True, "the bar is taken away")
    expect("passed a/c" in shown, False, "what passes needs no line")


class Blocked:
    """A matrix of five runs; the first has passed, two wait and tell their pids."""

    def __init__(self, trap="", number=2):
        self.folder = Folder("seeds = 1-5\n" + COMMON + f"client = {trap}\n"
                             "  [ $seed != 1 ] || exit 0\n  echo $$ >pids\n"
                             "  while true; do read line <never; done\n")
        os.mkfifo(self.folder.file("pids"))
        os.mkfifo(self.folder.file("never"))
        # Open for both, so that opening blocks nobody.
        self.never = os.open(self.folder.file("never"), os.O_RDWR)
        self.pids = os.fdopen(os.open(self.folder.file("pids"), os.O_RDWR), "r")
        self.process = self.folder.start("--jobs", str(number), "--json", "out.json")
        self.waiting = [int(self.pids.readline()) for _ in range(number)]

    def end(self, code):
        out, err = self.process.communicate(timeout=PATIENCE_S)
        expect(self.process.returncode, code, f"exit code\n{err}")
        os.close(self.never)
        self.pids.close()
        for pid in self.waiting:
            try:
                os.kill(pid, 0)
                sys.exit(f"{pid} is still there")
            except ProcessLookupError:
                pass
        return out, [json.loads(line)["seed"]
                     for line in self.folder.read("out.json").splitlines()]


def test_signals():
    for number, code in (signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129):
        blocked = Blocked()
        blocked.process.send_signal(number)
        out, seeds = blocked.end(code)
        expect_in("\n1 of 5 runs passed, 4 were not tried\n", out, "what is done so far")
        expect(seeds, [1], "and its record")
        expect("FAILED" in out, False, "what was stopped has not failed")


def test_second_signal():
    """One that would not end is killed when it is asked for twice."""
    blocked = Blocked("trap 'echo trapped >pids' TERM")
    blocked.process.send_signal(signal.SIGINT)
    for _ in blocked.waiting:
        expect(blocked.pids.readline(), "trapped\n", "they were asked first")
    blocked.process.send_signal(signal.SIGINT)
    blocked.end(130)


def test_real_run():
    """Through `belay-netsim run` itself, without namespaces."""
    server = ("import os, socket\nhost, port = os.environ['NETSIM_LISTEN'].rsplit(':', 1)\n"
              "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\ns.bind((host, int(port)))\n"
              "while True:\n    data, peer = s.recvfrom(100)\n    s.sendto(data, peer)\n")
    client = ("import json, os, socket\nhost, port = os.environ['NETSIM_SERVER'].rsplit(':', 1)\n"
              "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\ns.settimeout(20)\n"
              "copies = []\nfor i in range(10):\n"
              "    s.sendto(b'%d' % i, (host, int(port)))\n"
              "    copies.append([s.recv(100), s.recv(100)])\n"
              "print(json.dumps({'pairs': sum(a == b for a, b in copies)}))\n")
    folder = Folder("backend = proxy\nseeds = 1-2\n[scenario twice]\nlink = duplicate 100%\n"
                    "[command c]\n"
                    f"server = {shlex.quote(sys.executable)} server.py\n"
                    f"client = {shlex.quote(sys.executable)} client.py\n"
                    "expect = exit == 0, pairs == 10\n")
    folder.write("server.py", server)
    folder.write("client.py", client)
    process = folder.start("--json", "out.json", stand_in=False)
    out, err = process.communicate(timeout=PATIENCE_S)
    records = [json.loads(line) for line in folder.read("out.json").splitlines()]
    if any("not there yet" in record.get("error", "") for record in records):
        print("SKIPPED test_real_run: this belay-netsim has no run")
        return
    expect(process.returncode, 0, f"exit code\n{out}\n{err}")
    expect([(r["seed"], r["backend"], r["client"]) for r in records],
           [(1, "proxy", {"pairs": 10}), (2, "proxy", {"pairs": 10})], "records")


def test_examples():
    """The files that come with netsim are right; nothing of them is run."""
    files = glob.glob(os.path.join(SCENARIOS, "*.ini"))
    expect(len(files) >= 2, True, f"there are some in {SCENARIOS}")
    for file in files:
        run = subprocess.run([NETSIM, "matrix", file, "--filter", " "], capture_output=True,
                             text=True, timeout=PATIENCE_S)
        expect_in("no SCENARIO/COMMAND has", run.stderr, file)


signal.alarm(5 * PATIENCE_S)  # nothing may hang
for name, test in list(globals().items()):
    if name.startswith("test_"):
        test()
        print("ok", name, flush=True)
