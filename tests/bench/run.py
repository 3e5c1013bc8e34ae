#!/usr/bin/env python3
"""Belay beside its peers, in turn (A B C A B C ...), medians of some runs.

Tables: loopback (cost, two processes with a core each), echo (small messages there and back over
loopback), bulk (share of a 100 Mbit/s bottleneck), latency (100 bytes every 10 ms and 1000 bytes
every 2 ms, one way, through loss), fair (two flows on one bottleneck). docs/performance.md says
what each figure means. Needs a machine with nothing else to do.

Writes into --out: results.jsonl (every run), TABLE.md, and plots.
"""

import argparse
import datetime
import json
import os
import platform
import shlex
import subprocess
import sys

import results
from results import NEVER

RATE_MBIT, DELAY_MS, MTU = 100, 25, 1500
BDP_PACKETS = RATE_MBIT * 1000000 // 8 * 2 * DELAY_MS // 1000 // MTU
# The rate counts IP bytes: netem's view of a packet begins with an Ethernet header of 14 in
# live, and with the IP header in proxy.
ETHERNET = {"live": " -14", "kernel": " -14", "proxy": ""}

# name: label, program, words; words over loopback alone.
PEERS = {
    "udp": ("raw UDP (no reliability)", "udp", [], []),
    "udp-gso": ("raw UDP, GSO + GRO (the limit)", "udp", ["gso"], []),
    "tcp-cubic": ("TCP cubic", "tcp", ["cc=cubic"], []),
    "tcp-bbr": ("TCP bbr", "tcp", ["cc=bbr"], []),
    "enet": ("ENet", "enet", [], []),
    "srt": ("SRT", "srt", [], []),
    "udt": ("UDT", "udt", [], []),
    "sctp": ("SCTP tuned (usrsctp)", "sctp", ["tuned"], ["buffer=262144"]),
    "belay": ("Belay", "belay", [], []),
    "belay-1200": ("Belay, datagrams of 1200 bytes", "belay", ["datagram=1200"], []),
    "belay-insecure": ("Belay --insecure", "belay", ["insecure"], []),
}

LOSSES = {"0": "", "0.1": "loss 0.1%", "1": "loss 1%", "5": "loss 5%", "10": "loss 10%",
          "20": "loss 20%", "30": "loss 30%",
          "bursts": "loss gemodel 1.316% 25%", # 5 % in bursts of 4
          "reorder": "", "early": ""}


def percent(names):
    return [(n, {"bursts": "bursts of 4, 5 %", "reorder": "25 % 10 ms late",
                 "early": "25 % 10 ms early"}.get(n, n + " %"))
            for n in names]


COLUMNS = {
    "loopback": [("bulk", "1200-byte messages"), ("small", "64-byte messages"),
                 ("ping", "ping-pong")],
    "echo": [("64", "64 in flight"), ("1024", "1024 in flight")],
    "bulk": percent(["0", "0.1", "1", "5", "reorder", "early"]),
    "latency": percent(["0", "1", "5", "10", "20", "30", "bursts", "reorder"]),
    "latency-large": percent(["1", "5", "10", "20", "30"]),
    "fair": [("belay+tcp-cubic", "Belay and TCP cubic"), ("belay+belay", "two of Belay"),
             ("tcp-cubic+tcp-cubic", "two of TCP cubic")],
}
DEFAULT_PEERS = {
    "loopback": ["udp", "udp-gso", "tcp-cubic", "enet", "srt", "udt", "sctp", "belay",
                 "belay-1200", "belay-insecure"],
    "echo": ["enet", "belay"],
    "bulk": ["tcp-cubic", "tcp-bbr", "enet", "srt", "udt", "sctp", "belay"],
    "latency": ["tcp-cubic", "tcp-bbr", "enet", "srt", "udt", "sctp", "belay"],
    "fair": ["belay", "tcp-cubic"],
}
DEFAULT_PEERS["latency-large"] = DEFAULT_PEERS["latency"]
TABLES = list(COLUMNS)
SECONDS = {"loopback": 4, "echo": 4, "bulk": 30, "latency": 30, "latency-large": 30, "fair": 30}
QUICK_SECONDS = {"loopback": 1, "echo": 1, "bulk": 6, "latency": 5, "latency-large": 4, "fair": 9}


class Failed(Exception):
    pass


def link(table, column, backend):
    """The words of one way; the way back has the same."""
    stages = []
    if table in ("bulk", "fair"):
        stages.append("rate %dmbit%s limit %d" % (RATE_MBIT, ETHERNET[backend], BDP_PACKETS))
    base, share = {"reorder": (DELAY_MS, 75), "early": (DELAY_MS - 10, 25)}.get(
        column, (DELAY_MS, None))
    stages.append("delay %dms limit 100000" % base)
    if share: # so many pass the second delay
        stages.append("delay 10ms reorder %d%% limit 100000" % share)
    if LOSSES.get(column):
        stages.append(LOSSES[column])
    return " | ".join(stages)


class Bench:
    def __init__(self, args):
        self.args = args
        self.file = open(os.path.join(args.out, "results.jsonl"), "a", encoding="utf-8")
        self.write({"machine": machine()})
        self.skipped = set()

    def write(self, what):
        self.file.write(json.dumps(what) + "\n")
        self.file.flush()

    def program(self, peer):
        return os.path.join(self.args.build_dir, "tests", "bench", "bench_" + PEERS[peer][1])

    def missing(self, peer, table):
        """Why this peer can't run here; None: it can."""
        if not os.path.exists(self.program(peer)):
            return "its library was not found when the benchmarks were built"
        if peer.startswith("tcp-"):
            with open("/proc/sys/net/ipv4/tcp_available_congestion_control",
                      encoding="ascii") as file:
                if peer[4:] not in file.read().split():
                    return "this kernel has no " + peer[4:]
            if table not in ("loopback", "echo") and self.args.backend == "proxy":
                return "the proxy carries no TCP"
        return None

    def peers(self, table):
        chosen = self.args.peers or DEFAULT_PEERS[table]
        for peer in chosen:
            why = self.missing(peer, table)
            if why is None:
                yield peer
            elif (peer, why) not in self.skipped:
                self.skipped.add((peer, why))
                print("SKIPPED %s: %s" % (PEERS[peer][0], why))

    def command(self, peer, table, *options):
        words = PEERS[peer][2] + (PEERS[peer][3] if table in ("loopback", "echo") else [])
        if self.args.cc and PEERS[peer][1] == "belay":
            words = words + ["cc=" + self.args.cc]
        argv = [self.program(peer)]
        for word in words:
            argv += ["--with", word]
        return argv + [str(option) for option in options]

    # ------------------------------------------------------------------ runs

    def run(self, argv, seconds):
        """The JSON lines of a run, with what each side said."""
        try:
            done = subprocess.run(argv, capture_output=True, text=True, check=False,
                                  timeout=seconds + 90)
        except subprocess.TimeoutExpired as late:
            raise Failed("no end after %d s" % late.timeout) from late
        lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        sides = [(side, {**line[side], "peer": line["peer"].lower()})
                 for line in lines for side in ("server", "client") if side in line]
        if not sides or not any(side == "server" for side, _ in sides):
            raise Failed((done.stderr.strip().splitlines() or ["no word why"])[-1])
        if any(side["disordered"] for _, side in sides):
            raise Failed("messages came out of order, twice or damaged")
        return sides

    def netsim(self, table, column, number, server, client, seconds):
        words = link(table, column, self.args.backend)
        argv = [self.args.netsim, "run", "--quiet", "--backend", self.args.backend, "--link",
                words, "--link-back", words, "--seed", str(number + 1), "--", server, ":", client]
        return self.run(argv, seconds)

    def seconds(self, table):
        if self.args.seconds:
            return self.args.seconds
        return (QUICK_SECONDS if self.args.quick else SECONDS)[table]

    def loopback(self, table, column, peer, number):
        del number
        seconds = self.seconds(table)
        options = {"bulk": ["--mode", "bulk", "--size", 1200],
                   "small": ["--mode", "bulk", "--size", 64],
                   "ping": ["--mode", "echo", "--size", 64]}.get(
                       column, ["--mode", "echo", "--size", 100, "--in-flight", column])
        sides = dict(self.run(self.command(peer, table, *options, "--seconds", seconds, "--pin"),
                              seconds))
        server, client = sides["server"], sides["client"]
        if server["failed"] or client["failed"]:
            raise Failed("a connection was not made, or ended early")
        messages = max(server["window_messages"], 1)
        return {"gbit_s": server["window_bytes"] * 8e-9 / server["window_s"],
                "million_s": server["window_messages"] * 1e-6 / server["window_s"],
                "server_cpu_ns": server["window_cpu_s"] * 1e9 / messages,
                "client_cpu_ns": client["window_cpu_s"] * 1e9 /
                                 max(client["window_messages"], 1),
                "ping_us": client.get("p50_us"), "sides": sides}

    def through(self, table, column, number, peers, *options):
        """Flows beside each other, each with a port of its own."""
        seconds = self.seconds(table)

        def shell(role):
            base = "NETSIM_LISTEN" if role == "server" else "NETSIM_SERVER"
            parts = []
            for i, peer in enumerate(peers):
                argv = self.command(peer, table, "--role", role, "--seconds", seconds, *options)
                address = '"${%s%%:*}:$((${%s##*:} + %d))"' % (base, base, i)
                parts.append(shlex.join(argv) + " --address " + address)
            return " & ".join(parts) + (" & wait" if len(parts) > 1 else "")

        server, client = shell("server"), shell("client")
        if len(peers) == 1:
            server, client = "exec " + server, "exec " + client
        return self.netsim(table, column, number, server, client, seconds)

    def bulk(self, table, column, peer, number):
        sides = dict(self.through(table, column, number, [peer], "--mode", "bulk"))
        server, client = sides["server"], sides.get("client", {})
        if server["failed"]:
            raise Failed("the connection was not made, or ended early")
        return {"share": server["window_bytes"] * 8e-4 / server["window_s"] / RATE_MBIT,
                "rtt_ms": client.get("rtt_ms"),
                "bytes_a_byte": client.get("window_wire_bytes", 0) /
                                max(server["window_bytes"], 1),
                "sides": sides}

    def latency(self, table, column, peer, number):
        size, interval_us = (1000, 2000) if table == "latency-large" else (100, 10000)
        sides = dict(self.through(table, column, number, [peer], "--mode", "latency", "--size",
                                  size, "--interval-us", interval_us))
        server, client = sides["server"], sides.get("client", {})
        row = {"bytes_a_byte": client.get("wire_bytes", 0) / max(server["bytes"], 1),
               "missing": server["missing"], "sides": sides}
        for name in ("p50", "p99", "p999"):
            value = server.get(name + "_us")
            row[name + "_ms"] = NEVER if value is None else value / 1000
        return row

    def fair(self, table, column, number):
        """A row a flow."""
        names = column.split("+")
        sides = self.through(table, column, number, names, "--mode", "bulk")
        servers = [side for kind, side in sides if kind == "server"]
        clients = [side for kind, side in sides if kind == "client"]
        if len(servers) != 2 or any(side["failed"] for side in servers):
            raise Failed("not both flows ran to their end")
        return servers, clients

    # ------------------------------------------------------------------ tables

    def measure(self, table):
        runner = {"loopback": self.loopback, "echo": self.loopback, "bulk": self.bulk}.get(
            table, self.latency)
        peers = list(self.peers(table))
        rows = []
        for number in range(self.args.runs):
            for column, label in self.columns(table):
                for peer in peers:
                    row = {"table": table, "column": column, "peer": peer, "run": number}
                    try:
                        row.update(runner(table, column, peer, number))
                    except Failed as why:
                        row["why"] = str(why)
                        print("FAILED %s, %s, %s: %s" % (table, label, PEERS[peer][0], why))
                    self.write(row)
                    rows.append(row)
                    print("run %d %s, %s, %s: %s" % (number + 1, table, label, PEERS[peer][0],
                                                     brief(row)), flush=True)
        return rows

    def columns(self, table):
        chosen = self.args.columns
        return [c for c in COLUMNS[table] if not chosen or c[0] in chosen]

    def measure_fair(self):
        rows = []
        for number in range(self.args.runs):
            for column, label in self.columns("fair"):
                if any(self.missing(peer, "fair") for peer in column.split("+")):
                    print("SKIPPED %s: %s" % (label, "a peer of it is not here"))
                    continue
                row = {"table": "fair", "column": column, "run": number}
                try:
                    row.update(self.fair_row(column, number))
                except Failed as why:
                    row["why"] = str(why)
                    print("FAILED fair, %s: %s" % (label, why))
                self.write(row)
                rows.append(row)
                print("run %d fair, %s: %s" % (number + 1, label, brief(row)), flush=True)
        return rows

    def fair_row(self, column, number):
        servers, clients = self.fair("fair", column, number)
        rates = [side["window_bytes"] * 8e-6 / side["window_s"] for side in servers]
        rtts = [side["rtt_ms"] for side in clients if side["rtt_ms"]]
        total = max(sum(rates), 1e-9)
        first, second = (PEERS[peer][1] for peer in column.split("+"))
        own = [rate for rate, side in zip(rates, servers) if side["peer"] == first]
        # Of two alike: the slower one.
        share = min(own if first != second else rates) / total
        return {"first_share": 100 * share, "mbit_s": total,
                "rtt_ms": max(rtts) if rtts else None}


def brief(row):
    names = ("gbit_s", "million_s", "ping_us", "server_cpu_ns", "client_cpu_ns", "share",
             "bytes_a_byte", "rtt_ms", "p50_ms", "p99_ms", "p999_ms", "first_share", "mbit_s")
    return ", ".join("%s %.3g" % (name, row[name]) for name in names
                     if row.get(name) is not None) or row.get("why", "nothing")


# ---------------------------------------------------------------------- what is written


def machine():
    cpu = "unknown"
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                cpu = line.split(":", 1)[1].strip()
                break
    return {"date": datetime.date.today().isoformat(), "kernel": platform.release(), "cpu": cpu,
            "cores": os.cpu_count(), "load": os.getloadavg()[0]}


def loopback_table(rows, peers):
    lines = ["| | Gbit/s, 1200-byte messages | CPU ns/message, client + server | million 64-byte "
             "messages/s | CPU ns/message, client + server | ping-pong p50, us |",
             "|---|---|---|---|---|---|"]
    for name, label in peers:
        def pick(column, keys, digits):
            found = [r for r in rows if r["peer"] == name and r["column"] == column]
            return results.cell(found, keys, digits).replace("/", " + ") if found else ""
        lines.append("| %s | %s | %s | %s | %s | %s |" % (
            label, pick("bulk", ["gbit_s"], [2]),
            pick("bulk", ["client_cpu_ns", "server_cpu_ns"], [0, 0]),
            pick("small", ["million_s"], [2]),
            pick("small", ["client_cpu_ns", "server_cpu_ns"], [0, 0]),
            pick("ping", ["ping_us"], [1])))
    return "\n".join(lines) + "\n"


def fair_table(rows, columns):
    lines = ["| flows | goodput's share of the first, % | both, Mbit/s | largest RTT, ms |",
             "|---|---|---|---|"]
    for column, label in columns:
        found = [r for r in rows if r["column"] == column]
        if found:
            lines.append("| %s | %s | %s | %s |" % (
                label, results.cell(found, ["first_share"], [0]),
                results.cell(found, ["mbit_s"], [1]), results.cell(found, ["rtt_ms"], [1])))
    return "\n".join(lines) + "\n"


TITLES = {
    "loopback": "Cost on loopback, two processes, one core each",
    "echo": "Echo of 100-byte messages over loopback: million a second (CPU ns of the client)",
    "bulk": "Share of a %d Mbit/s bottleneck, RTT %d ms, queue %d packets, in %% (IP bytes sent "
            "a byte)" % (RATE_MBIT, 2 * DELAY_MS, BDP_PACKETS),
    "latency": "100 bytes every 10 ms, one way, ms: p50/p99/p99.9 (IP bytes sent a byte)",
    "latency-large": "1000 bytes every 2 ms, one way, ms: p50/p99/p99.9 (IP bytes sent a byte)",
    "fair": "Two flows on a %d Mbit/s bottleneck, RTT %d ms, queue %d packets"
            % (RATE_MBIT, 2 * DELAY_MS, BDP_PACKETS),
}


def write_table(args, table, rows, bench):
    peers = [(name, PEERS[name][0]) for name in (args.peers or DEFAULT_PEERS[table])]
    columns = bench.columns(table)
    if table == "loopback":
        body = loopback_table(rows, peers)
    elif table == "fair":
        body = fair_table(rows, columns)
    elif table == "echo":
        body = results.table(rows, columns, peers, "", ["million_s"], [2], "client_cpu_ns")
    elif table == "bulk":
        body = results.table(rows, columns, peers, "", ["share"], [1], "bytes_a_byte")
        # What is above the path's own is the queue; a peer that tells no RTT has zeros.
        body += "\nRound trip time meanwhile, ms, smoothed, by each peer's own measure:\n\n"
        known = [row for row in rows if row.get("rtt_ms")]
        body += results.table(known, columns, peers, "", ["rtt_ms"], [1])
    else:
        body = results.table(rows, columns, peers, "loss each way",
                             ["p50_ms", "p99_ms", "p999_ms"], [0, 0, 0], "bytes_a_byte")
    m = machine()
    head = "%s.\n\nMedians of %d runs of %g s, taken in turn; %s, Linux %s, %s, %d cores:\n`%s`\n\n" % (
        TITLES[table], args.runs, bench.seconds(table), m["date"], m["kernel"], m["cpu"],
        m["cores"], args.line)
    with open(os.path.join(args.out, table + ".md"), "w", encoding="utf-8") as file:
        file.write(head + body)
    print("\n" + head + body)
    draw(args, table, rows, columns, peers)


def draw(args, table, rows, columns, peers):
    if table == "bulk":
        results.plot(args.out, table, rows, columns, peers, "share", "% of the link")
    elif table.startswith("latency"):
        for key in ("p50_ms", "p99_ms"):
            results.plot(args.out, "%s-%s" % (table, key[:3]), rows, columns, peers, key,
                         key[:3] + ", ms", logarithmic=True)
    elif table == "loopback":
        for column, key, label in (("bulk", "gbit_s", "Gbit/s"),
                                   ("small", "million_s", "million messages/s"),
                                   ("ping", "ping_us", "us")):
            results.plot(args.out, "%s-%s" % (table, column), rows,
                         [c for c in columns if c[0] == column], peers, key, label)


def words(choices):
    def parse(value):
        wrong = [word for word in value.split(",") if word not in choices]
        if wrong:
            raise argparse.ArgumentTypeError("'%s' is none of: %s"
                                             % (wrong[0], ", ".join(choices)))
        return value.split(",")
    return parse


def options():
    every_column = sorted({name for columns in COLUMNS.values() for name, _ in columns})
    parser = argparse.ArgumentParser(prog="run.sh", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", type=words(TABLES), default=TABLES,
                        help="of %s, with commas between [all]" % ", ".join(TABLES))
    parser.add_argument("--peers", type=words(PEERS), help="of " + ", ".join(PEERS))
    parser.add_argument("--columns", type=words(every_column),
                        help="of " + ", ".join(every_column))
    parser.add_argument("--runs", type=int, help="of each cell [3; --quick: 1]")
    parser.add_argument("--seconds", type=float, help="of each run [by table]")
    parser.add_argument("--quick", action="store_true", help="a short look, not to be quoted")
    parser.add_argument("--cc", help="Belay's congestion controller [its default]")
    parser.add_argument("--backend", choices=["live", "kernel", "proxy"], default="live",
                        help="of belay-netsim run [live]")
    parser.add_argument("--out", default="build/bench-results", help="folder [%(default)s]")
    parser.add_argument("--build-dir", required=True, help="where all is built [build/bench]")
    args = parser.parse_args()
    args.runs = args.runs or (1 if args.quick else 3)
    if args.runs < 1 or (args.seconds is not None and args.seconds <= 0):
        parser.error("--runs and --seconds are 1 or more")
    args.line = "tests/bench/run.sh " + shlex.join(without_folders(sys.argv[1:]))
    args.build_dir = os.path.abspath(args.build_dir)
    args.netsim = os.path.join(args.build_dir, "netsim", "belay-netsim")
    return args


def without_folders(argv):
    """What the tables' heads show: no folder of this machine."""
    shown, skip = [], False
    for word in argv:
        if not skip and word not in ("--build-dir", "--out") and \
                not word.startswith(("--build-dir=", "--out=")):
            shown.append(word)
        skip = word in ("--build-dir", "--out")
    return shown


def main():
    args = options()
    os.makedirs(args.out, exist_ok=True)
    m = machine()
    print("%s, Linux %s, %s, %d cores, load %.2f" % (m["date"], m["kernel"], m["cpu"],
                                                     m["cores"], m["load"]))
    bench = Bench(args)
    has_failed = False
    for table in args.table:
        rows = bench.measure_fair() if table == "fair" else bench.measure(table)
        has_failed |= any("why" in row for row in rows)
        write_table(args, table, rows, bench)
    return 1 if has_failed else 0


if __name__ == "__main__":
    sys.exit(main())
