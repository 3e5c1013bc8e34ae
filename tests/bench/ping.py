#!/usr/bin/env python3
"""What `ping` sees behind `delay 25ms` both ways, backend by backend, and what goes through live.

Each backend that works here runs two pings: iputils' ping (in steps of 0.1 ms; not for proxy,
which has no ICMP) and one of this script over UDP, its own some 50 us included. Prints a table,
with --throughput also what iperf3 gets through a clean link, and all of it as one line of JSON.
Exits 1 when live's median is further than 0.3 ms from 50 ms: meant for an idle machine.
"""

import argparse
import json
import os
import re
import shlex
import shutil
import socket
import statistics
import subprocess
import sys
import time

RTT_MS, TARGET_MS = 50, 0.3
SCRIPT = os.path.abspath(__file__)
NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
PATIENCE_S = 600


def address(name):
    host, port = os.environ[name].rsplit(":", 1)
    return host.strip("[]"), int(port)


def serve():
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(address("NETSIM_LISTEN"))
    while True:
        server.sendto(*server.recvfrom(2048))


def ping_udp(count):
    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.connect(address("NETSIM_SERVER"))
    client.settimeout(5)
    for i in range(count):
        start = time.perf_counter_ns()
        client.send(b"%056d" % i)
        while int(client.recv(2048)) != i:
            pass
        print("time=%.3f ms" % ((time.perf_counter_ns() - start) / 1e6))


def run(args, prefix, backend, link, server, client):
    """belay-netsim run: (exit code, stdout, stderr)."""
    command = [*prefix, args.netsim, "run", "--backend", backend, "--link", link, "--link-back",
               link, "--seed", "1"]
    if backend == "vm":
        command += ["--carry", SCRIPT]
    command += ["--", server, ":", client] if server else ["--", ":", client]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S)
    return done.returncode, done.stdout, done.stderr


def last_line(text):
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no word why"


def summary(times):
    cuts = statistics.quantiles(times, n=100, method="inclusive")
    return {"count": len(times), "p50": statistics.median(times), "p90": cuts[89],
            "p99": cuts[98], "sd": statistics.pstdev(times)}


def measure(args, name, prefix, backend, kind):
    # The system's Python: one in a home folder is out of nobody's reach.
    python = shutil.which("python3", path="/usr/bin:/usr/local/bin:/bin") or sys.executable
    me = "%s %s" % (shlex.quote(python), shlex.quote(SCRIPT))
    if kind == "ping":
        server, client = "", "ping -n -i 0.05 -c %d ${NETSIM_SERVER%%:*}" % args.count
    else:
        server, client = me + " --serve", me + " --udp %d" % args.count
    code, out, err = run(args, prefix, backend, "delay 25ms", server, client)
    times = [float(ms) for ms in re.findall(r"time=([0-9.]+) ms", out)]
    if code != 0 or len(times) < 2:
        print("%-14s %-5s SKIPPED: %s" % (name, kind, last_line(err)))
        return None
    row = {"backend": name, "by": kind, **summary(times)}
    print("%-14s %-5s %7d %9.3f %9.3f %9.3f %8.3f"
          % (name, kind, row["count"], row["p50"], row["p90"], row["p99"], row["sd"]))
    return row


def throughput(args, name, prefix, kind):
    """iperf3 through a clean link; packets are those that the link itself counted."""
    options = {"TCP": "", "UDP 1400": "-u -b 0 -l 1400", "UDP 64": "-u -b 0 -l 64"}[kind]
    code, out, err = run(args, prefix, "live", "", "iperf3 -s -1 >/dev/null",
                         "iperf3 -c ${NETSIM_SERVER%%:*} -t %d -J %s" % (args.seconds, options))
    sent = re.search(r"^out: .*\n Sent (\d+) bytes (\d+) pkt", err, re.M)
    overran = re.search(r"came faster than read (\d+)", err)
    if code != 0 or sent is None:
        print("%-14s %-8s SKIPPED: %s" % (name, kind, last_line(err)))
        return None
    seconds = json.loads(out)["end"]["sum_sent"]["seconds"]
    row = {"backend": name, "by": kind, "gbit_per_s": int(sent[1]) * 8e-9 / seconds,
           "packets_per_s": int(sent[2]) / seconds,
           "came_faster_than_read": int(overran[1]) if overran else 0}
    print("%-14s %-8s %8.2f Gbit/s %10.0f packets/s   came faster than read: %d"
          % (name, kind, row["gbit_per_s"], row["packets_per_s"], row["came_faster_than_read"]))
    return row


def backends(args):
    yield "kernel", [], "kernel"
    yield "live", [], "live"
    if os.geteuid() == 0 and shutil.which("setpriv"):
        yield "live, nobody", NOBODY, "live"
    yield "live, tun", ["env", "BELAY_NETSIM_WIRES=tun"], "live"
    yield "proxy", [], "proxy"
    if args.vm:
        yield "vm", [], "vm"


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--netsim", help="a belay-netsim built already")
    parser.add_argument("--count", type=int, default=200, help="pings of each kind [200]")
    parser.add_argument("--vm", action="store_true", help="the virtual machine, too")
    parser.add_argument("--throughput", action="store_true", help="iperf3 through live, too")
    parser.add_argument("--seconds", type=int, default=5, help="of each throughput run [5]")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--udp", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        return serve()
    if args.udp:
        return ping_udp(args.udp)
    if args.count < 2:
        parser.error("--count: at least 2")
    if args.netsim is None:
        from stand import build
        args.netsim = os.path.join(build(), "netsim", "belay-netsim")

    print("round trip in ms behind `delay 25ms` both ways; load of this machine: %.2f"
          % os.getloadavg()[0])
    print("%-14s %-5s %7s %9s %9s %9s %8s" % ("backend", "by", "count", "p50", "p90", "p99", "sd"))
    rows = [measure(args, name, prefix, backend, kind)
            for name, prefix, backend in backends(args)
            for kind in (["udp"] if backend == "proxy" else
                         ["ping"] if backend == "vm" else ["ping", "udp"])]
    flows = []
    if args.throughput:
        print("through a clean link, one way")
        flows = [throughput(args, name, prefix, kind)
                 for name, prefix, backend in backends(args) if backend == "live"
                 for kind in ("TCP", "UDP 1400", "UDP 64")]
    rows, flows = [row for row in rows if row], [flow for flow in flows if flow]
    print(json.dumps({"rtt_ms": rows, "throughput": flows}))
    late = [row for row in rows if row["backend"].startswith("live") and row["by"] == "ping" and
            abs(row["p50"] - RTT_MS) > TARGET_MS]
    for row in late:
        print("%s: the median is %.3f ms, more than %.1f from %d" %
              (row["backend"], row["p50"], TARGET_MS, RTT_MS), file=sys.stderr)
    return 1 if late else 0


if __name__ == "__main__":
    sys.exit(main())
