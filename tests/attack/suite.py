"""The attack suite's cases, in a network namespace of its own: see run.sh.

The server is in this namespace; clients and attacker are in a second one, behind a veth. Answers
to spoofed addresses go there, too, and nowhere else.
"""

import contextlib
import os
import pathlib
import select
import signal
import subprocess
import sys
import tempfile
import time

SERVER, ATTACKER, PORT = "10.9.0.1", "10.9.0.2", 10000
CLIENTS, INTERVAL_MS = 100, 50
GUARD_S = 120  # far beyond any healthy wait
os.environ["ASAN_OPTIONS"] = "quarantine_size_mb=1"  # else freed memory looks like kept memory


class Bad(Exception):
    """A verdict."""


def check(condition, words):
    if not condition:
        raise Bad(words)


# ------------------------------------------------------------------ processes

class Program:
    """A child whose lines are read as they come."""

    def __init__(self, argv, inside=None, stderr=subprocess.DEVNULL):
        if inside is not None:
            argv = ["nsenter", "-t", str(inside), "-n", "--", *argv]
        self.name = pathlib.Path(argv[-1] if inside is None else argv[5]).name
        self.child = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      stderr=stderr)
        self.pid = self.child.pid
        self.buffer = b""

    def line(self, begin=""):
        """The next line that begins so."""
        end = time.monotonic() + GUARD_S
        while True:
            while b"\n" in self.buffer:
                text, self.buffer = self.buffer.split(b"\n", 1)
                if text.decode().startswith(begin):
                    return text.decode()
            ready = select.select([self.child.stdout], [], [], max(0, end - time.monotonic()))[0]
            more = os.read(self.child.stdout.fileno(), 65536) if ready else b""
            if not more:
                raise Bad(f"{self.name} did not say '{begin}'")
            self.buffer += more

    def rest(self):
        """All lines until it ends."""
        if self.child.stdin and not self.child.stdin.closed:
            self.child.stdin.close()
            self.child.stdin = None
        out = self.child.communicate(timeout=GUARD_S)[0]
        text, self.buffer = self.buffer + out, b""
        return text.decode()

    def say(self, text):
        self.child.stdin.write(text.encode() + b"\n")
        self.child.stdin.flush()

    def stop(self):
        if self.child.poll() is None:
            self.child.terminate()
            try:
                self.child.wait(10)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
        for pipe in (self.child.stdin, self.child.stdout):
            if pipe:
                pipe.close()


def figures(line):
    """'x a 1 b 2.5' -> {'a': 1.0, 'b': 2.5}; words that are no pairs are left out."""
    words, found = line.split(), {}
    for key, value in zip(words, words[1:]):
        with contextlib.suppress(ValueError):
            found[key] = float(value)
    return found


# ------------------------------------------------------------------ the stage

class Stage:
    def __init__(self, build, quick):
        self.build, self.quick = build, quick
        self.open = contextlib.ExitStack()
        self.folder = pathlib.Path(self.open.enter_context(tempfile.TemporaryDirectory()))
        self.holder = subprocess.Popen(["unshare", "-n", "cat"], stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE)
        self.open.callback(self.holder.wait)
        self.open.callback(self.holder.stdin.close)
        self.holder.stdin.write(b"here\n")
        self.holder.stdin.flush()
        self.holder.stdout.readline()  # it has its namespace
        self.outside = self.holder.pid
        self.link()

    def link(self):
        there = ["nsenter", "-t", str(self.outside), "-n", "--"]
        for command in (
                ["ip", "link", "add", "atk0", "type", "veth", "peer", "name", "atk1"],
                ["ip", "link", "set", "atk1", "netns", str(self.outside)],
                ["ip", "address", "add", f"{SERVER}/24", "dev", "atk0"],
                ["ip", "link", "set", "lo", "up"],
                ["ip", "link", "set", "atk0", "up"],
                [*there, "ip", "address", "add", f"{ATTACKER}/24", "dev", "atk1"],
                [*there, "ip", "link", "set", "lo", "up"],
                [*there, "ip", "link", "set", "atk1", "up"],
                ["ip", "route", "add", "default", "via", ATTACKER]):
            subprocess.run(command, check=True)
        shown = subprocess.run(["ip", "-o", "link", "show", "atk0"], check=True,
                               capture_output=True, text=True).stdout
        self.mac = shown.split("link/ether ")[1].split()[0]

    def tool(self, name, *arguments, here=False):
        program = Program([str(self.build / "tests/attack" / name), *map(str, arguments)],
                          None if here else self.outside, stderr=None)
        self.open.callback(program.stop)
        return program

    def server(self, port=PORT, *options):
        log = open(self.folder / f"server-{port}.log", "ab")
        self.open.callback(log.close)
        program = Program([str(self.build / "apps/belay-echo-server"), "--listen",
                           f"{SERVER}:{port}", *options], stderr=log)
        self.open.callback(program.stop)
        program.port = port
        program.line("listening" if "--json" not in options else "{")
        return program

    def clients(self, count=CLIENTS, port=PORT, address=SERVER):
        program = self.tool("attack_clients", address, port, count, INTERVAL_MS)
        program.ports = program.line("ports").split()[1:]
        return program

    def relay(self, how, *record):
        program = self.tool("attack_relay", SERVER, PORT, how, *record)
        program.port = int(program.line("relay").split()[1])
        return program


def finish(clients):
    """The last echo of each client; nothing may be missing."""
    clients.say("end")
    total = figures(clients.line("end"))
    check(total["sent"] == total["echoed"] and total["damaged"] == 0,
          f"{total['echoed']:.0f} of {total['sent']:.0f} echoed, {total['damaged']:.0f} damaged")
    check(total["broken"] == 0, f"{total['broken']:.0f} connections broke")
    return total


def phase(clients, name, seconds=0.0):
    if seconds:
        time.sleep(seconds)  # that long is what is measured
    clients.say(f"mark {name}")
    return figures(clients.line(f"mark {name}"))


# ------------------------------------------------------------------ what the system says

def rss_kib(program):
    for line in pathlib.Path(f"/proc/{program.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0


def cpu_ns(program):
    return int(pathlib.Path(f"/proc/{program.pid}/schedstat").read_text().split()[0])


def drops(program):
    """Datagrams that the server's socket had no room for."""
    for line in pathlib.Path(f"/proc/{program.pid}/net/udp").read_text().splitlines()[1:]:
        words = line.split()
        if int(words[1].split(":")[1], 16) == program.port:
            return int(words[-1])
    return 0


def datagrams_in(program):
    rows = [line.split() for line in
            pathlib.Path(f"/proc/{program.pid}/net/snmp").read_text().splitlines()
            if line.startswith("Udp:")]
    return int(dict(zip(rows[0], rows[1]))["InDatagrams"])


# ------------------------------------------------------------------ the cases

def storm(stage, server, clients, kind, rate, seconds, quiet):
    """One flood of this kind: what it did, as a dict."""
    before = cpu_ns(server), drops(server), rss_kib(server), time.monotonic()
    flood = stage.tool("attack_storm", "atk1", stage.mac, SERVER, PORT, kind, rate, seconds)
    rss = [before[2]]
    while flood.child.poll() is None:
        rss.append(rss_kib(server))
        with contextlib.suppress(subprocess.TimeoutExpired):
            flood.child.wait(0.1)
    took_s = time.monotonic() - before[3]
    sent = figures(flood.rest())
    if flood.child.returncode == 77:
        raise PermissionError("no raw socket")
    dropped = drops(server) - before[1]
    seen = phase(clients, f"{kind}-{rate}")
    taken = max(1, sent["sent"] - dropped)
    cpu = cpu_ns(server) - before[0] - quiet["cpu"] * took_s
    return {**seen, "kind": kind, "reached": sent["rate"], "bogus": sent["sent"],
            "drops": dropped, "ns": max(0, cpu) / taken, "busy": cpu / took_s / 1e9,
            "rss": max(rss) - before[2]}


def quiet_phase(server, clients, seconds):
    phase(clients, "start")
    cpu, began = cpu_ns(server), time.monotonic()
    seen = phase(clients, "quiet", seconds)
    return {**seen, "cpu": (cpu_ns(server) - cpu) / (time.monotonic() - began)}


def row_of(flood):
    return (f"    {flood['kind']:9} {flood['reached']:8.0f}/s  {flood['ns']:6.0f} ns each, server "
            f"{100 * flood['busy']:3.0f} % busy, {flood['drops']:8.0f} of {flood['bogus']:.0f} "
            f"dropped by the socket, echoes {flood['echoed']:.0f} of {flood['sent']:.0f}, p50 "
            f"{flood['p50_us'] / 1e3:.2f} p99 {flood['p99_us'] / 1e3:.2f} max "
            f"{flood['max_us'] / 1e3:.1f} ms, memory {flood['rss']:+d} KiB")


def is_broken(flood):
    return flood["echoed"] < flood["sent"] / 2 or flood["p99_us"] > 1e6 or \
        flood["open"] < CLIENTS


def case_flood(stage):
    """spoofed first packets, while 100 clients echo"""
    rates = [20000] if stage.quick else [200000, 300000, 400000, 600000, 800000, 1200000]
    seconds = 1.5 if stage.quick else 10
    server = stage.server(PORT, "--quiet")
    clients = stage.clients()
    quiet = quiet_phase(server, clients, seconds)
    print(f"    quiet: p50 {quiet['p50_us'] / 1e3:.2f} p99 {quiet['p99_us'] / 1e3:.2f} max "
          f"{quiet['max_us'] / 1e3:.1f} ms, {quiet['echoed']:.0f} echoes")
    rss, words = rss_kib(server), "not reached"
    for rate in rates:
        flood = storm(stage, server, clients, "init", rate, seconds, quiet)
        print(row_of(flood), flush=True)
        if is_broken(flood):
            words = f"{flood['reached']:.0f}/s"
            break
        if flood["reached"] < 0.9 * rate:
            words = f"above {flood['reached']:.0f}/s, the flooder's most"
            break
    phase(clients, "after", seconds / 2)
    grown = rss_kib(server) - rss
    total = finish(clients)
    check(grown < 16384, f"memory grew by {grown} KiB")
    return f"{total['echoed']:.0f} messages, none lost; memory {grown:+d} KiB; breaks: {words}"


def case_kinds(stage):
    """other floods"""
    rate, seconds = (20000, 0.7) if stage.quick else (200000, 5)
    server = stage.server(PORT, "--quiet")
    clients = stage.clients()
    quiet = quiet_phase(server, clients, seconds)
    rss = rss_kib(server)
    for kind in ("damaged", "data", "versions", "noise"):
        print(row_of(storm(stage, server, clients, kind, rate, seconds, quiet)), flush=True)
    grown = rss_kib(server) - rss
    total = finish(clients)
    check(grown < 16384, f"memory grew by {grown} KiB")
    return f"{total['echoed']:.0f} messages, none lost; memory {grown:+d} KiB"


def case_replay(stage):
    """a whole recorded session, again"""
    server = stage.server(PORT, "--json")
    record = stage.folder / "record"
    relay = stage.relay("pass", record)
    clients = stage.clients(5, relay.port, ATTACKER)
    phase(clients, "recorded", 1 if stage.quick else 3)
    total = finish(clients)
    closed = 0
    while closed < 5:
        closed += '"closed"' in server.line("{")
    relay.child.terminate()
    passed = figures(relay.rest())["passed"]
    check(record.stat().st_size > 5 * 1200, "nothing was recorded")
    replayed = figures(stage.tool("attack_probe", "replay", SERVER, PORT, record).rest())
    # Whoever connects now is the next that the server speaks of, if the replay was nobody.
    last = stage.clients(1)
    finish(last)
    server.child.terminate()
    events = [line for line in server.rest().splitlines() if '"connected"' in line]
    check(len(events) == 1, f"{len(events) - 1} connections from a replay")
    return (f"{total['echoed']:.0f} messages recorded ({passed:.0f} datagrams), "
            f"{replayed['replayed']:.0f} sent again, no event, {replayed['answers']:.0f} answers")


def case_expire(stage):
    """half-open handshakes expire"""
    stage.server(PORT, "--quiet")
    lines = stage.tool("attack_probe", "expire", SERVER, PORT, 40).rest().splitlines()
    check("0xc2" in lines[0], f"no cookie was asked for: {lines[0]}")
    check("after" in lines[1], "they never did")
    return f"cookies were asked for, and no more after {lines[1].split()[2]} s"


def meddle(stage, how):
    stage.server(PORT, "--quiet")
    relay = stage.relay(how)
    clients = stage.clients(5 if stage.quick else 20, relay.port, ATTACKER)
    seen = phase(clients, how, 1.5 if stage.quick else 10)
    total = finish(clients)
    relay.child.terminate()
    done = figures(relay.rest())
    check(total["sent"] > 0, "nothing was sent")
    return total, done, seen


def case_mangle(stage):
    """flipped, cut, spliced"""
    total, done, _ = meddle(stage, "mangle")
    check(done["mangled"] > 3 * done["passed"], "nothing was mangled")
    return (f"{done['mangled']:.0f} mangled and {done['withheld']:.0f} withheld beside "
            f"{done['passed']:.0f}: {total['echoed']:.0f} messages whole and in order")


def case_forge(stage):
    """forged resets, closes, answers"""
    total, done, _ = meddle(stage, "forge")
    check(done["forged"] > 3 * done["passed"], "nothing was forged")
    return f"{done['forged']:.0f} forgeries: {total['echoed']:.0f} messages, no connection ended"


def case_amplify(stage):
    """what an unproven address gets"""
    stage.server(PORT, "--quiet")
    wait_ms = 1000 if stage.quick else 12000
    lines = stage.tool("attack_probe", "amplify", SERVER, PORT, wait_ms).rest().splitlines()
    answers = {line.split()[1]: figures(line) for line in lines}
    accept = max(answers[kind]["ratio"] for kind in ("init", "init-6-times"))
    stateless = {kind: answer["ratio"] for kind, answer in answers.items()
                 if kind not in ("init", "init-6-times")}
    worst = max(stateless, key=stateless.get)
    for line in lines:
        if figures(line)["received"] > 0:
            print("   ", line[len("answer "):])
    check(answers["init"]["received"] > 0, "the server is not there")
    check(accept <= 3, f"{accept} times for an INIT")
    check(stateless[worst] <= 1, f"{stateless[worst]} times for {worst}")
    return f"{accept:.3f} before validation, {stateless[worst]:.3f} without state ({worst})"


def case_icmp(stage):
    """forged ICMP: unreachable, too big"""
    server = stage.server(PORT, "--quiet")
    clients = stage.clients(20)
    phase(clients, "start", 0.5)
    sent = 0
    for _ in range(2 if stage.quick else 20):
        probe = stage.tool("attack_probe", "icmp", SERVER, PORT, ATTACKER)
        probe.say("\n".join(clients.ports))
        sent += figures(probe.rest()).get("icmp", 0)
        if probe.child.returncode == 77:
            raise PermissionError("no raw socket")
    phase(clients, "after", 0.5 if stage.quick else 3)
    total = finish(clients)
    check(sent > 0, "none was sent")
    check(server.child.poll() is None, "the server ended")
    return f"{sent:.0f} errors: {total['echoed']:.0f} messages, none lost"


def settle(server):
    """Datagrams that came, when none comes any more."""
    end = time.monotonic() + GUARD_S
    count = datagrams_in(server)
    while time.monotonic() < end:
        time.sleep(0.5)
        if datagrams_in(server) == count:
            return count
        count = datagrams_in(server)
    raise Bad("they never fall silent")


def case_reflect(stage):
    """two servers, each made to answer the other"""
    one, other = stage.server(PORT, "--quiet"), stage.server(PORT + 1, "--quiet")
    before, sent = settle(one), 0
    for first, second in ((one, other), (other, one)):
        probe = stage.tool("attack_probe", "reflect", SERVER, first.port, second.port, here=True)
        sent += figures(probe.rest()).get("reflected", 0)
        if probe.child.returncode == 77:
            raise PermissionError("no raw socket")
    after = settle(one) - before
    check(sent > 0, "none was sent")
    check(after <= 2 * sent, f"{after} datagrams came of {sent:.0f}")
    return f"{sent:.0f} sent in their names, {after - sent:.0f} more came of it, then silence"


def main():
    build, words = pathlib.Path(sys.argv[1]), sys.argv[2:]
    quick = "--quick" in words
    cases = {name[5:]: case for name, case in globals().items() if name.startswith("case_")}
    chosen = [word for word in words if word != "--quick"] or list(cases)
    unknown = [word for word in chosen if word not in cases]
    if unknown:
        print(f"run.sh: no case '{unknown[0]}': {' '.join(cases)}", file=sys.stderr)
        return 2
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    bad, skipped, rows = 0, 0, []
    for name in chosen:
        print(f"{name}: {cases[name].__doc__}", flush=True)
        try:
            stage = Stage(build, quick)
            with stage.open:
                verdict, words = "ok", cases[name](stage)
        except PermissionError as error:
            verdict, words = "SKIPPED", str(error)
            skipped += 1
        except (Bad, subprocess.SubprocessError, KeyError, IndexError) as error:
            verdict, words = "BAD", str(error) or type(error).__name__
            bad += 1
        finally:
            subprocess.run(["ip", "link", "delete", "atk0"], stderr=subprocess.DEVNULL,
                           check=False)
        rows.append(f"{name:8} {verdict:8} {words}")
        print(f"    {verdict}: {words}", flush=True)
    print("\n" + "\n".join(rows))
    if bad:
        return 1
    return 77 if skipped == len(rows) else 0


if __name__ == "__main__":
    sys.exit(main())
