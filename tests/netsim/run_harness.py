"""What the tests of `belay-netsim run` share: users, runs, and what may be left of them."""

import atexit
import contextlib
import glob
import os
import select
import shlex
import subprocess
import sys
import tempfile
import time
import uuid

from expect import expect, expect_in

NETSIM = os.path.abspath(sys.argv[1])
TUTORIAL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tutorial")
PATIENCE_S = 60
MARK = "NETSIM_TEST_MARK"
SKIP = 77


def fail(text):
    sys.exit(text)


# What the live backend's wires are to be: see docs/netsim.md.
WIRES = os.environ.get("BELAY_NETSIM_WIRES", "")
# As root: a /dev/net/tun for everybody, seen by this command alone.
OPEN_TUN = ["unshare", "-m", "sh", "-c", "mount -t tmpfs tmpfs /dev/net && "
            "mknod -m 666 /dev/net/tun c 10 200 && exec \"$@\"", "sh"]


class User:
    """Who runs belay-netsim: this one, or (as root) nobody."""

    def __init__(self, name, prefix, python):
        self.name, self.prefix, self.python = name, prefix, python

    def command(self, script):
        return f"{shlex.quote(self.python)} -u {shlex.quote(os.path.join(TUTORIAL, script))}"


def users():
    yield User("this user", [], sys.executable)
    if os.geteuid() != 0:
        return
    prefix = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    for python in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
        # By sh: setpriv itself still finds files by root's rights.
        probe = prefix + ["sh", "-c", 'test -x "$1" && test -r "$2" && exec "$0" -c pass',
                          python, NETSIM, TUTORIAL]
        with contextlib.suppress(OSError):
            if subprocess.run(probe, capture_output=True).returncode == 0:
                yield User("nobody", prefix, python)
                if WIRES == "tun":
                    yield User("nobody with an open /dev/net/tun", OPEN_TUN + prefix, python)
                return
    print("SKIPPED as nobody: the program or python3 is out of his reach")


ENVIRONMENT = {"LC_ALL": "C", "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
               "PYTHONDONTWRITEBYTECODE": "1", "BELAY_NETSIM_WIRES": WIRES}


def arguments(user, *args):
    return [*user.prefix, NETSIM, "run", *args]


def run(user, *args, code=0, env=None, **more):
    """Runs to the end and expects the exit code."""
    result = subprocess.run(arguments(user, *args), capture_output=True, text=True, cwd="/",
                            stdin=subprocess.DEVNULL, timeout=PATIENCE_S,
                            env={**ENVIRONMENT, **(env or {})}, **more)
    expect(result.returncode, code, f"exit code of {args} as {user.name}\n{result.stdout}\n"
           f"{result.stderr}")
    if "Sanitizer" in result.stderr or "runtime error" in result.stderr:
        fail(result.stderr)
    return result


def backend_here(user, backend):
    """None, or why this user has no such backend here."""
    result = subprocess.run(arguments(user, "--backend", backend, "--quiet", "--link", "", "--seed", "1",
                                      "--", ":", "true"),
                            capture_output=True, text=True, cwd="/", timeout=PATIENCE_S,
                            env=ENVIRONMENT)
    return result.stderr.strip() if f"--backend {backend}: " in result.stderr else None


def users_of(backend):
    """Those who have it here; ends the test when nobody has."""
    found = []
    for user in users():
        reason = backend_here(user, backend)
        if reason is None:
            found.append(user)
        else:
            print(f"SKIPPED as {user.name}: {reason}")
    if not found:
        sys.exit(SKIP)
    return found


def python(user, code):
    return f'{user.python} -c "{code}"'


# One UDP socket that answers, at the address of the environment.
ECHO = ("import os,socket; h,p=os.environ['NETSIM_LISTEN'].rsplit(':',1); "
        "s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.bind((h,int(p))); "
        "exec('while 1:\\n d,a=s.recvfrom(65536); s.sendto(d,a)')")
# Sends so many datagrams, one each millisecond or so, and wants no answer.
SEND = ("import os,socket,select; h,p=os.environ['NETSIM_SERVER'].rsplit(':',1); "
        "s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); "
        "[(s.sendto(bytes(100),(h,int(p))), select.select([],[],[],0.001)) for i in range(%d)]")
# One datagram there and back.
CALL = ("import os,socket; h,p=os.environ['NETSIM_SERVER'].rsplit(':',1); "
        "s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.settimeout(20); "
        "s.sendto(b'hello',(h,int(p))); print(s.recv(100).decode())")


@contextlib.contextmanager
def folder_for_all(where=None):
    with tempfile.TemporaryDirectory(dir=where) as folder:
        os.chmod(folder, 0o777)
        yield folder


def run_tests(tests):
    """Those named on the command line, or all."""
    for name, test in tests:
        if name.startswith("test_") and (len(sys.argv) < 3 or name in sys.argv[2:]):
            start = time.monotonic()
            test()
            print(f"ok {name} ({time.monotonic() - start:.1f} s)", flush=True)


# ---------------------------------------------------------------- what is left of a run


def read(file):
    with contextlib.suppress(OSError):
        with open(file, "rb") as stream:
            return stream.read()
    return b""


def wait_for_end(pid):
    """False: it does not end."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    ended = select.select([fd], [], [], PATIENCE_S)[0]
    os.close(fd)
    return bool(ended)


class Watched:
    """A run whose processes can be told by a mark in their environment."""

    def __init__(self, user, *args, ready=b"ready\n"):
        self.mark = f"{MARK}={uuid.uuid4()}"
        name, value = self.mark.split("=")
        self.nets = set()
        self.out = b""
        self.process = subprocess.Popen(arguments(user, *args), stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
                                        cwd="/", env={**ENVIRONMENT, name: value})
        atexit.register(self.process.kill)  # when a test fails; afterwards it does nothing
        if ready is not None:
            self.read_until(ready)
            self.note_nets()

    def read_until(self, text):
        while text not in self.out:
            if not select.select([self.process.stdout], [], [], PATIENCE_S)[0]:
                fail(f"{text!r} did not come: {self.out!r}")
            data = os.read(self.process.stdout.fileno(), 4096)
            if data == b"":
                fail(f"ended without {text!r}: {self.out!r}\n{self.process.stderr.read()}")
            self.out += data

    def pids(self):
        found = []
        for file in glob.glob("/proc/[0-9]*/environ"):
            if self.mark.encode() in read(file).split(b"\0"):
                found.append(int(file.split("/")[2]))
        return found

    def inside(self):
        """The process that holds the run: belay-netsim's only child."""
        children = read(f"/proc/{self.process.pid}/task/{self.process.pid}/children").split()
        expect(len(children), 1, "children")
        return int(children[0])

    def commands(self, part):
        return [pid for pid in self.pids() if part.encode() in read(f"/proc/{pid}/cmdline")]

    def note_nets(self):
        for pid in self.pids():
            with contextlib.suppress(OSError):
                self.nets.add(os.readlink(f"/proc/{pid}/ns/net"))
        self.nets.discard(os.readlink("/proc/self/ns/net"))

    def wait(self, code, what):
        out, err = self.process.communicate(timeout=PATIENCE_S)
        err = err.decode()
        expect(self.process.returncode, code, f"exit code, {what}\n{out.decode()}{err}")
        self.expect_nothing_left(what)
        return err

    def expect_nothing_left(self, what):
        for _ in range(1000):  # a process that was just born may have a child by now
            left = self.pids()
            if not left:
                break
            for pid in left:
                if not wait_for_end(pid):
                    fail(f"{what}: left behind: {read(f'/proc/{pid}/cmdline')!r}")
        else:
            fail(f"{what}: processes are born for ever")
        for link in glob.glob("/proc/[0-9]*/ns/net"):
            with contextlib.suppress(OSError):
                if os.readlink(link) in self.nets:
                    fail(f"{what}: {link} is left behind")


def bound_namespaces():
    """`ip netns` has them as mounts."""
    return sorted(line for line in read("/proc/self/mountinfo").decode().splitlines()
                  if " nsfs " in line)


def own_interfaces():
    return [file for file in glob.glob("/sys/class/net/*/address")
            if read(file).startswith(b"02:00:c6:12")]
