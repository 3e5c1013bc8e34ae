"""The virtual machine's scripts: the same inputs give the same bytes; exit codes, crashes, time
limits, wrong usage; what is carried in and out; nothing is left behind.

    python3 vm_boot.py BELAY-NETSIM
"""

import os
import select
import signal
import subprocess
import sys
import tempfile
import time
import unittest

NETSIM = os.path.abspath(sys.argv.pop(1))
SKIPPED, UNAVAILABLE = 77, 69
SECONDS = 600  # of a very busy host

# All that could differ: the clocks, random numbers, netem's decisions and times.
CLOCKS = """
cat /proc/uptime; date +%s; od -N 16 -t x1 /dev/urandom
tc qdisc add dev lo root netem delay 10ms 3ms loss 10% seed 5
ping -c 8 -i 0.1 127.0.0.1; tc -s qdisc show dev lo; head -3 /proc/interrupts; lsmod
"""


def vm(*args, **options):
    options.setdefault("timeout", SECONDS)
    return subprocess.run([NETSIM, "vm", *args], capture_output=True, text=True, **options)


def set_up():
    run = vm("--setup")
    if run.returncode == UNAVAILABLE:
        print("SKIPPED vm_boot: the virtual machine can't be had:", run.stderr, sep="\n")
        sys.exit(SKIPPED)
    if run.returncode != 0:
        sys.exit(f"vm --setup failed:\n{run.stderr}")


def children(pid):
    """All below it, by /proc."""
    parents = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat") as file:
                parents[int(name)] = int(file.read().rsplit(")", 1)[1].split()[1])
        except OSError:
            pass
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found[1:]


def command_name(pid):
    try:
        with open(f"/proc/{pid}/comm") as file:
            return file.read().strip()
    except OSError:
        return ""


class Case(unittest.TestCase):
    def setUp(self):
        self.tmp = tempfile.TemporaryDirectory()
        self.addCleanup(self.tmp.cleanup)
        self.folder = self.tmp.name

    def path(self, name, text=None, mode=0o644):
        path = os.path.join(self.folder, name)
        if text is not None:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w") as file:
                file.write(text)
            os.chmod(path, mode)
        return path

    def check(self, run, code, *words):
        said = run.stdout + run.stderr
        self.assertEqual(run.returncode, code, said)
        for word in words:
            self.assertIn(word, said)


class Repeats(Case):
    def run_clocks(self, name, *options):
        """What it said, and its console."""
        run = vm("--out", self.path(name), *options, "--", "sh", "-c", CLOCKS)
        self.check(run, 0, "qdisc netem", "64 bytes from")
        with open(self.path(f"{name}/console")) as file:
            return run.stdout, run.stderr, file.read()

    def test_same_inputs_same_bytes(self):
        first, second = self.run_clocks("first"), self.run_clocks("second")
        self.assertEqual(first, second)
        other = self.run_clocks("other", "--seed", "2", "--module", "sch_tbf")
        self.assertNotEqual(first[0], other[0])
        self.assertNotIn("sch_tbf", first[0])
        self.assertIn("sch_tbf", other[0])


class Clock(Case):
    def test_is_fine_from_the_start(self):
        """Timers with the resolution of a tick would make 56 ms of 50."""
        run = vm("--", "grep", "hres_active", "/proc/timer_list")
        self.assertEqual(run.stdout.split(), [".hres_active", ":", "1"])
        self.assertEqual(run.stderr, "")


class Carries(Case):
    def test_in_and_out(self):
        """A script with its interpreter and module, a folder, variables; results and status."""
        self.path("script", "#!/usr/bin/env python3\n"
                  "import asyncio, json, os, socket, sys, mine\n"
                  "sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
                  "sock.sendto(b'x', ('localhost', 9))\n"
                  "open('here.txt', 'w').write('new\\n')\n"
                  "open('old.txt', 'a').write('more\\n')\n"
                  "os.mkdir('sub'); open('sub/a b.txt', 'w').write('sub\\n')\n"
                  "open('/results/result', 'w').write(open('data/one').read())\n"
                  "json.dump([mine.NAME, os.environ['COLOUR'], sys.argv[1]], sys.stdout)\n"
                  "sys.stderr.write('error text')\n"
                  "sys.exit(7)\n", 0o755)
        self.path("mine.py", "NAME = 'a module of mine'\n")
        self.path("data/one", "carried\n")
        self.path("old.txt", "old\n")
        self.path("untouched.txt", "as it was\n")
        before = os.stat(self.path("untouched.txt")).st_mtime_ns
        run = vm("--here", "--carry", "data", "--carry", "old.txt", "--carry", "untouched.txt",
                 "--env", "COLOUR=it's \"blue\"", "--out", "out", "--", "./script",
                 "two words $HOME", cwd=self.folder)
        self.assertEqual((run.returncode, run.stdout, run.stderr),
                         (7, '["a module of mine", "it\'s \\"blue\\"", "two words $HOME"]',
                          "error text"))
        for name, text in (("here.txt", "new\n"), ("old.txt", "old\nmore\n"),
                           ("sub/a b.txt", "sub\n"), ("out/result", "carried\n"),
                           ("out/stdout", run.stdout), ("out/stderr", "error text")):
            with open(self.path(name)) as file:
                self.assertEqual(file.read(), text, name)
        self.assertEqual(os.stat(self.path("untouched.txt")).st_mtime_ns, before)
        self.assertEqual(sorted(os.listdir(self.folder)),
                         ["data", "here.txt", "mine.py", "old.txt", "out", "script", "sub",
                          "untouched.txt"])


class Ends(Case):
    def console(self):
        with open(self.path("out/console")) as file:
            return file.read().splitlines()

    def test_by_its_word(self):
        """QEMU is ended when the results are written: the guest, whose restart may hang, has none."""
        self.check(vm("--out", self.path("out"), "--", "true"), 0)
        self.assertEqual(self.console()[-1], "netsim-machine: done")

    def test_too_much(self):
        run = vm("--out", self.path("out"), "--", "truncate", "-s", "1G", "/results/zeros")
        self.check(run, 125, "do not fit", "--memory")
        self.assertIn("netsim-machine: failed", self.console()[-1])


class Fails(Case):
    def test_crash(self):
        run = vm("--", "sh", "-c", "echo c >/proc/sysrq-trigger")
        self.check(run, 125, "the guest's kernel crashed", "sysrq triggered crash")

    def test_time_is_over(self):
        run = vm("--timeout", "2", "--", "sh", "-c", "while :; do :; done")
        self.check(run, 124, "2 s were over")

    def test_commands(self):
        plain = self.path("plain", "text\n")
        self.check(vm("--", "no-such-program"), 127, "`no-such-program'")
        self.check(vm("--", "./no-such-program"), 127, "`./no-such-program'")
        self.check(vm("--", plain), 126, "is not a program")
        self.check(vm("--carry", "no-such-file", "--", "true"), 125, "`no-such-file'")
        self.check(vm("--module", "no_such", "--", "true"), 125, "`no_such'")

    def test_usage(self):
        self.check(vm(), 2, "no COMMAND")
        self.check(vm("--bogus", "--", "true"), 2, "`--bogus'")
        self.check(vm("--memory", "much", "--", "true"), 2, "--memory", "`much'")
        self.check(vm("--memory", "1", "--", "true"), 2, "--memory", "64 or more")
        self.check(vm("--seed", "-1", "--", "true"), 2, "--seed", "`-1'")
        self.check(vm("--timeout"), 2, "--timeout")
        self.check(vm("--env", "a b=c", "--", "true"), 2, "`a b'")
        self.check(vm("--setup", "--bogus"), 2, "`--bogus'")
        self.check(vm("--help"), 0, "usage:", "--setup", "--carry")
        self.check(vm("--setup", "--help"), 0, "usage:", "bookworm-backports")

    def test_not_set_up(self):
        empty = self.path("empty")
        self.check(vm("--cache", empty, "--", "true"), 125, "vm --setup")
        self.check(vm("--check", "--cache", empty), 125, "vm --setup")
        self.check(vm("--check"), 0, "kernel ", "seed ")

    def test_setup_spares_what_is_not_its_own(self):
        self.path("full/of", "something\n")
        run = vm("--setup", "--cache", self.path("full"))
        self.check(run, 1, "something else in it")
        self.assertTrue(os.path.exists(self.path("full/of")))

    def test_without_packages(self):
        nowhere = dict(os.environ, BELAY_NETSIM_MIRROR="http://127.0.0.1:9/debian")
        run = vm("--setup", "--cache", self.path("cache"), env=nowhere)
        self.check(run, UNAVAILABLE, "bookworm-backports can't be had", "bookworm:")
        self.assertEqual(os.listdir(self.folder), [])


class Killed(Case):
    def start(self):
        """A machine that runs for ever; QEMU's process is awaited."""
        program = subprocess.Popen(
            [NETSIM, "vm", "--", "sh", "-c", "while :; do :; done"], stderr=subprocess.PIPE,
            text=True, env=dict(os.environ, TMPDIR=self.folder))
        self.addCleanup(program.stderr.close)
        self.addCleanup(program.wait)
        self.addCleanup(program.kill)
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline and program.poll() is None:
            for pid in children(program.pid):
                if command_name(pid).startswith("qemu"):
                    return program, os.pidfd_open(pid)
        self.fail(f"there is no QEMU; exit code {program.poll()}")

    def check_gone(self, pidfd):
        with open(pidfd):
            ready, _, _ = select.select([pidfd], [], [], SECONDS)
            self.assertEqual(ready, [pidfd], "QEMU lives on")

    def end(self, number, code):
        program, pidfd = self.start()
        program.send_signal(number)
        self.assertEqual(program.wait(SECONDS), code)
        self.check_gone(pidfd)
        self.assertEqual(os.listdir(self.folder), [])

    def test_sigterm(self):
        self.end(signal.SIGTERM, 143)

    def test_sigint(self):
        self.end(signal.SIGINT, 130)

    def test_without_a_word(self):
        """QEMU ends, and the guest did not say that its results are whole."""
        program, pidfd = self.start()
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        self.check_gone(pidfd)
        _, said = program.communicate(timeout=SECONDS)
        self.assertEqual(program.returncode, 125, said)
        self.assertIn("QEMU ended (status 137) before", said)

    def test_sigkill(self):
        """Temporary files too are gone by then."""
        program, pidfd = self.start()
        program.kill()
        self.check_gone(pidfd)
        self.assertEqual(os.listdir(self.folder), [])


set_up()
unittest.main(verbosity=2)
