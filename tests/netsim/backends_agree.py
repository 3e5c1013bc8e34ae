"""The same words and seed on different backends: the same packets are dropped and duplicated.

    backends_agree.py BELAY_NETSIM [--vm]

The simulator says which of COUNT packets come out, and how often; then real ones are sent through
`belay-netsim run` with each backend that works here. The sender is open-loop: it goes on whatever
comes. No `limit` is reached, and ARP and neighbour discovery stay out of the link, so that the
packets alone draw. Order and times are not compared: they depend on when a packet was sent.

--vm: the virtual machine, with the kernel's own netem, alone. Exit code 77: no backend works here.
"""

import collections
import json
import os
import shlex
import socket
import struct
import subprocess
import sys

COUNT = 400
EVERY_S = 0.002
END = 1 << 30  # ids from here on ask: has all come?
PATIENCE_S = 60

LINKS = [
    ("loss 10%", 11),
    ("loss gemodel 5% 40% 80% 3%", 12),
    ("loss state 5% 40% 20% 60% 2%", 13),
    ("duplicate 20%", 14),
    ("delay 20ms 5ms loss 5% duplicate 10% reorder 25% gap 3", 15),
    ("delay 5ms 2ms distribution normal rate 10mbit loss 5% duplicate 5%", 16),
]


# ------------------------------------------------------------------ inside of a run

def address(name):
    host, port = os.environ[name].rsplit(":", 1)
    return host, int(port)


def serve():
    """Collects ids; to each question it answers with all of them so far."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(address("NETSIM_LISTEN"))
    came = []
    while True:
        data, peer = server.recvfrom(2048)
        number = struct.unpack("!I", data[:4])[0]
        if number < END:
            came.append(number)
        else:
            server.sendto(struct.pack(f"!I{len(came)}H", number, *came), peer)


def send():
    """COUNT packets, each at its time; then questions until two answers in a row agree."""
    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.connect(address("NETSIM_SERVER"))
    pace, other_end = socket.socketpair()  # a clock that nobody answers
    for number in range(COUNT):
        client.send(struct.pack("!I", number) * 25)
        pace.settimeout(EVERY_S)
        try:
            pace.recv(1)
        except TimeoutError:
            pass
    other_end.close()
    client.settimeout(0.3)
    answers = []
    for question in range(END, END + 100):
        client.send(struct.pack("!I", question) * 25)
        try:
            answers.append(client.recv(4096)[4:])
        except TimeoutError:
            continue
        if len(answers) > 2 and answers[-1] == answers[-2] == answers[-3]:
            print(json.dumps(list(struct.unpack(f"!{len(answers[-1]) // 2}H", answers[-1]))))
            return
    sys.exit("the answers never agreed")


# ------------------------------------------------------------------ outside

def simulate(netsim, words, seed):
    done = subprocess.run([netsim, "sim", "--quiet", "--link", words, "--seed", str(seed), "--count",
                           str(COUNT), "--interval", str(EVERY_S * 1000), "--size", "142"],
                          capture_output=True, text=True, timeout=PATIENCE_S, check=True)
    events = [json.loads(line) for line in done.stdout.splitlines()]
    return collections.Counter(e["id"] for e in events if e["event"] == "rx")


def run(netsim, backend, words, seed):
    """The ids that came, or None with the reason that this backend can't be had."""
    me = f"{shlex.quote(sys.executable)} {shlex.quote(os.path.abspath(__file__))}"
    done = subprocess.run([netsim, "run", "--backend", backend, "--quiet", "--link", words, "--seed",
                           str(seed), "--", f"{me} --serve", ":", f"{me} --send"],
                          capture_output=True, text=True, timeout=PATIENCE_S * 5, check=False)
    if done.returncode == 125:
        return None, done.stderr.strip()
    if done.returncode != 0:
        sys.exit(f"{backend}, {words}: exit {done.returncode}\n{done.stderr}")
    return collections.Counter(json.loads(done.stdout.splitlines()[-1])), ""


def differences(want, got):
    return {i: (want[i], got[i]) for i in range(COUNT) if want[i] != got[i]}


def compare(netsim, backend):
    """False: this backend does not work here."""
    for words, seed in LINKS:
        want = simulate(netsim, words, seed)
        got, why = run(netsim, backend, words, seed)
        if got is None:
            print(f"SKIPPED {backend}: {why.splitlines()[-1] if why else 'no reason given'}")
            return False
        differ = differences(want, got)
        if differ:
            sys.exit(f"{backend}, `{words}`, seed {seed}: (simulated, came) of {differ}")
        print(f"ok {backend}: {words}: {sum(got.values())} of {COUNT}, "
              f"{sum(n == 0 for n in (want[i] for i in range(COUNT)))} lost, "
              f"{sum(n == 2 for n in want.values())} twice")
    return True


def main():
    if sys.argv[1] == "--serve":
        return serve()
    if sys.argv[1] == "--send":
        return send()
    backends = ["vm"] if "--vm" in sys.argv else ["live", "proxy", "kernel"]
    return 0 if any([compare(sys.argv[1], backend) for backend in backends]) else 77


sys.exit(main())
