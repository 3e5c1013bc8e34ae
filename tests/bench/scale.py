#!/usr/bin/env python3
"""Many connections, measured: latency with 10,000 of them beside one's, CPU with two shards beside
one's, how long a connection takes to open, and what many cost in the core alone. Prints one
Markdown table with the targets beside. Some three minutes; on a machine with nothing else to do.
docs/performance.md says what each row means.
"""

import argparse
import json
import os
import shlex
import subprocess
import sys

from run import machine, without_folders

PARTS = ("latency", "shards", "connect", "live", "core")
DELAY_MS, LOSSES = 25, (0, 20)
PATIENCE_S = 600


class Failed(Exception):
    pass


class Scale:
    def __init__(self, args):
        self.args = args
        self.folder = os.path.join(args.build_dir, "tests", "bench")
        self.file = open(args.json, "w", encoding="utf-8") if args.json else None
        self.before = machine()
        self.rows = []

    def program(self, name):
        return os.path.join(self.folder, "bench_" + name)

    def run(self, *argv):
        """The JSON lines that a command prints."""
        argv = [str(word) for word in argv]
        try:
            done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                  check=False, timeout=PATIENCE_S)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Failed(str(error)) from error
        lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
        if done.returncode != 0 or not lines:
            raise Failed((done.stderr.strip().splitlines() or ["no word why"])[-1])
        if self.file:
            self.file.write("".join(line + "\n" for line in lines))
            self.file.flush()
        return [json.loads(line) for line in lines]

    def row(self, what, target, figure):
        self.rows.append("| %s | %s | %s |" % (what, target, figure))

    # ------------------------------------------------------------------ the parts

    def latency(self):
        *runs, all_runs = self.run(self.program("many"), "--connections", self.args.connections,
                                   "--seconds", self.args.seconds, "--rounds", self.args.rounds)
        many = [run for run in runs if run["connections"] > 1]
        for label, cuts in (("one connection", all_runs["one"]),
                            ("{:,} connections".format(all_runs["connections"]),
                             all_runs["many"])):
            self.row("one-way latency over loopback, %s: p50 / p99 / p99.9" % label, "",
                     "%.2f / %.2f / %.2f ms" % tuple(cuts[key] / 1e3 for key in
                                                     ("p50_us", "p99_us", "p999_us")))
        self.row("p99 of many less that of one", "<= 2 ms",
                 "%.2f ms" % (all_runs["p99_later_us"] / 1e3))
        sides = [[sum(run[side][key] for run in many) / len(many)
                  for side in ("client", "server")] for key in ("cpu_us_a_message", "cpu_percent")]
        self.row("CPU of a message meanwhile, client + server", "",
                 "%.1f + %.1f us: %.0f + %.0f %% of a core" % (*sides[0], *sides[1]))

    def shards(self):
        for size in (1000, 64):
            last = self.run(self.program("shards"), "--size", size, "--seconds",
                            max(0.5, self.args.seconds / 2), "--rounds", self.args.rounds)[-1]
            self.row("server's CPU of a datagram, %d-byte messages: one shard, two, ratio" % size,
                     "<= 1.1", "%.0f ns, %.0f ns, %.2f" % (
                         last["one_cpu_ns"], last["several_cpu_ns"], last["ratio"]))

    def opened(self, how, loss, result, failed):
        target = "p50 <= %d ms" % (2 * DELAY_MS + 2) if loss == 0 else "p99 <= 300 ms"
        self.row("connected, %s, %d %% loss each way, RTT %d ms: p50 / p99 / p99.9" %
                 (how, loss, 2 * DELAY_MS), target, "%.1f / %.1f / %.1f ms%s" % (
                     result["p50_ms"], result["p99_ms"], result["p999_ms"],
                     ", %d FAILED" % failed if failed else ""))

    def connect(self):
        for line in self.run(self.program("connect_sim"), "--loss", ",".join(map(str, LOSSES)),
                             "--delay-ms", DELAY_MS, "--dials", self.args.dials,
                             "--seed", self.args.seed):
            self.opened("virtual time, {:,} dials".format(line["dials"]), line["loss_percent"],
                        line["connected"], line["failed"])

    def live(self):
        netsim = os.path.join(self.args.build_dir, "netsim", "belay-netsim")
        dials = max(50, self.args.dials // 4)
        connect = shlex.quote(os.path.abspath(self.program("connect")))
        for loss in LOSSES:
            words = "delay %dms" % DELAY_MS + (" loss %d%%" % loss if loss else "")
            line = self.run(netsim, "run", "--quiet", "--backend", "live", "--link", words,
                            "--link-back", words, "--seed", self.args.seed, "--",
                            connect + " --server",
                            ":", "%s --client --dials %d" % (connect, dials))[-1]
            self.opened("netsim live, {:,} dials".format(line["dials"]), loss, line,
                        line["failed"])

    def core(self):
        lines = self.run(self.program("scale"), "--json", self.args.idle)
        by_name = {line["benchmark"]: line for line in lines}
        rates = [line for line in lines if line["benchmark"] == "handshakes"]
        self.row("handshakes a second of a server's core: " +
                 ", ".join(line["pattern"] for line in rates), ">= 9,000, 6,500, 4,000",
                 ", ".join("{:,.0f}".format(line["per_s"]) for line in rates))
        self.row("a refused cookie, its RETRY included", "<= 1 us",
                 "%.1f us" % by_name["refused cookie"]["us"])
        idle, alive = by_name["idle connection"], by_name["keepalives of one side"]
        self.row("an idle connection of a server: the core's, keys", "<= 4,096 bytes in all",
                 "{:,.0f} + {:,.0f} bytes".format(idle["core_bytes"], idle["keys_bytes"]))
        self.row("keepalives of {:,} connections, every {} s, from one side".format(
            alive["connections"], alive["every_s"]), "<= 5 % of a core",
                 "%.1f %% of a core" % alive["cpu_percent"])

    # ------------------------------------------------------------------ all of them

    def measure(self):
        failed = False
        for part in self.args.only or PARTS:
            print("measuring: %s" % part, file=sys.stderr, flush=True)
            try:
                getattr(self, part)()
            except Failed as why:
                failed |= part != "live" # it needs namespaces
                print("%s %s: %s" % ("SKIPPED" if part == "live" else "FAILED", part, why),
                      file=sys.stderr)
        print("{date}, Linux {kernel}, {cpu}, {cores} cores, load {load:.1f} before:".format(
            **self.before))
        print("`%s`\n" % self.args.line)
        print("| what | target | figure |\n|---|---|---|")
        print("\n".join(self.rows))
        return 1 if failed else 0


def parse():
    parser = argparse.ArgumentParser(prog="scale.sh", description=__doc__)
    parser.add_argument("--only", type=lambda text: text.split(","), metavar="PARTS",
                        help="some of %s, with commas [all]" % ",".join(PARTS))
    parser.add_argument("--connections", type=int, default=10000,
                        help="whose latency is compared with one's [10000]")
    parser.add_argument("--seconds", type=float, default=5, help="of each latency run [5]")
    parser.add_argument("--rounds", type=int, default=2,
                        help="of one and many, one shard and two, in turns [2]")
    parser.add_argument("--dials", type=int, default=4000,
                        help="in virtual time; a quarter of them live [4000]")
    parser.add_argument("--idle", type=int, default=100000, help="idle connections [100000]")
    parser.add_argument("--seed", type=int, default=1, help="of the links [1]")
    parser.add_argument("--json", metavar="FILE", help="every result as a line of JSON")
    parser.add_argument("--build-dir", metavar="DIR", default="build/bench",
                        help="where everything is built already")
    args = parser.parse_args()
    for part in args.only or []:
        if part not in PARTS:
            parser.error("--only %s: not one of %s" % (part, ", ".join(PARTS)))
    return args


def main():
    args = parse()
    args.line = shlex.join(["tests/bench/scale.sh", *without_folders(sys.argv[1:])])
    return Scale(args).measure()


if __name__ == "__main__":
    sys.exit(main())
