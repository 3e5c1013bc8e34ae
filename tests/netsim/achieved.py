"""Is what arrives what was asked for? Real packets through `belay-netsim run`, each backend.

    achieved.py BELAY_NETSIM [--vm]      --vm: the virtual machine, alone

A client sends numbered packets at its own pace, whatever arrives. The server notes what comes
and in which order, and tells it over the way back, which is clean. Losses, copies and packets
that came before an earlier one must be within the exact binomial bounds of what the words say,
false alarm once in 10^9. Exit code 77: no backend works here.
"""

import json
import math
import os
import select
import shlex
import socket
import struct
import subprocess
import sys

COUNT = 2000  # packets that are judged
FIRST = 100  # that come before: an early packet is seen by the late ones around it
PAIR_EVERY_S = 0.001
FALSE_ALARM = 1e-9
PATIENCE_S = 120
SEEDS = (1, 271828, 3141592653)

# Words; the figure, its chance for a packet; fillers that must arrive after the last packet so
# that none is still under way. A delayed packet comes 200 ms late, when 400 others were sent.
LINKS = [
    ("loss 10%", "lost", 0.1, 20),
    ("duplicate 5%", "copies", 0.05, 20),
    ("delay 200ms reorder 25% limit 100000", "early", 0.25, 1000),
]


# ------------------------------------------------------------------ inside of a run

def address(name):
    host, port = os.environ[name].rsplit(":", 1)
    return host, int(port)


def count(order):
    """Figures from the indices in the order of their arrival."""
    judged = [i for i in order if FIRST <= i < FIRST + COUNT]
    seen, early, lowest_after = set(judged), 0, math.inf
    for i in reversed(order):  # an early one: some earlier packet comes after it
        if FIRST <= i < FIRST + COUNT and i > lowest_after:
            early += 1
        lowest_after = min(lowest_after, i)
    return {"lost": COUNT - len(seen), "copies": len(judged) - len(seen), "early": early}


def receive(fillers_wanted):
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        server.setsockopt(socket.SOL_SOCKET, 33, 8 << 20)  # SO_RCVBUFFORCE: past the system's bound
    except OSError:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
    server.bind(address("NETSIM_LISTEN"))
    order, fillers = [], 0
    while True:
        data, peer = server.recvfrom(2000)
        index = struct.unpack("!I", data[:4])[0]
        if index < FIRST + COUNT:
            order.append(index)
            continue
        fillers += 1
        if fillers >= fillers_wanted:
            server.sendto(json.dumps(count(order)).encode(), peer)


def send():
    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.connect(address("NETSIM_SERVER"))
    index = 0
    while True:
        for _ in range(2):
            client.send(struct.pack("!I", index) + bytes(60))
            index += 1
        if select.select([client], [], [], PAIR_EVERY_S)[0]:
            print(client.recv(2000).decode())
            return


# ------------------------------------------------------------------ outside

def binomial(n, p):
    """The chances of 0 to n hits."""
    return [math.exp(math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) +
                     k * math.log(p) + (n - k) * math.log1p(-p)) for k in range(n + 1)]


def bounds(n, p):
    """The fewest and the most hits that are believed."""
    chances = binomial(n, p)
    low, below = 0, chances[0]
    while below < FALSE_ALARM / 2:
        low += 1
        below += chances[low]
    high, above = n, chances[n]
    while above < FALSE_ALARM / 2:
        high -= 1
        above += chances[high]
    return low, high


def run(netsim, backend, words, fillers, seed):
    """The figures; or None and why there are none."""
    me = f"{shlex.quote(sys.executable)} {shlex.quote(os.path.abspath(__file__))}"
    result = subprocess.run(
        [netsim, "run", "--backend", backend, "--link", words, "--link-back", "", "--seed",
         str(seed), "--", f"{me} --receive {fillers}", ":", f"{me} --send"],
        capture_output=True, text=True, timeout=PATIENCE_S)
    lines = (result.stderr.strip() or "no reason told").splitlines()
    if result.returncode == 125 or any("not there yet" in line for line in lines):
        return None, lines[-1]
    if result.returncode != 0:
        sys.exit(f"{backend}, {words}, seed {seed}: exit code {result.returncode}\n{result.stderr}")
    return json.loads(result.stdout.splitlines()[-1]), None


def check(netsim, backend):
    """Whether the backend works here; what is wrong ends the test."""
    bad = 0
    for words, figure, chance, fillers in LINKS:
        low, high = bounds(COUNT, chance)
        for seed in SEEDS:
            figures, why = run(netsim, backend, words, fillers, seed)
            if figures is None:
                print(f"SKIPPED {backend}: {why}")
                return False
            good = low <= figures[figure] <= high
            bad += not good
            print(f"{'ok' if good else 'BAD'} {backend}, {words}, seed {seed}: {figure} "
                  f"{figures[figure]} of {COUNT}, {100 * chance:g} % are {low} to {high}",
                  flush=True)
            for other in {"lost", "copies", "early"} - {figure}:
                if figures[other] != 0:
                    bad += 1
                    print(f"BAD {backend}, {words}, seed {seed}: {other} {figures[other]}")
    if bad:
        sys.exit(f"{bad} figures are not what was asked for")
    return True


def main(netsim, *options):
    backends = ["vm"] if "--vm" in options else ["kernel", "live", "proxy"]
    worked = [check(netsim, backend) for backend in backends]
    if not any(worked):
        print("SKIPPED: no backend works here")
        sys.exit(77)


if sys.argv[1] == "--receive":
    receive(int(sys.argv[2]))
elif sys.argv[1] == "--send":
    send()
else:
    main(*sys.argv[1:])
