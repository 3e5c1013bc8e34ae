#!/usr/bin/env python3
"""Many echo clients at once on one server, through one lossy link.

Prints how many finished, the fastest and the slowest, their ratio, and the server's memory.
Exits 1 when a client did not get all of its messages back, once and in order.
"""

import argparse
import json
import os
import sys
import time

from stand import Stand


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--count", type=int, default=1000, help="messages of each")
    parser.add_argument("--size", type=int, default=100, help="bytes of each message")
    parser.add_argument("--interval", default="5",
                        help="ms between a client's messages; 0: as fast as credit allows")
    parser.add_argument("--link", default="delay 5ms loss 10%", help="netem words, both ways")
    parser.add_argument("--build-dir", help="apps and netsim built already")
    parser.add_argument("--verbose", action="store_true", help="print the proxy's counters")
    args = parser.parse_args()

    with Stand(args.link + " limit 100000", folder=args.build_dir) as stand:
        idle_kib = stand.server.memory_peak_kib()
        started = {}
        for _ in range(args.clients):
            client = stand.client("--count", str(args.count), "--size", str(args.size),
                                  "--interval", args.interval, "--timeout", "60")
            started[client.pid] = (client, time.monotonic())
        seconds, failed = [], 0
        while started:
            pid, status = os.waitpid(-1, 0)
            if pid not in started:
                continue
            client, start = started.pop(pid)
            seconds.append(time.monotonic() - start)
            result = json.loads(client.stdout.read() or "{}")
            if status != 0 or result.get("received") != args.count:
                failed += 1
                print(client.stderr.read().strip(), file=sys.stderr)
        peak_kib = stand.server.memory_peak_kib()

    if args.verbose:
        print(stand.proxy.summary)
    print("%d clients, %d messages of %d bytes each, %s ms apart, link '%s' both ways"
          % (args.clients, args.count, args.size, args.interval, args.link))
    print("complete: %d of %d" % (args.clients - failed, args.clients))
    print("fastest %.2f s, slowest %.2f s, ratio %.2f"
          % (min(seconds), max(seconds), max(seconds) / min(seconds)))
    print("server: %d KiB at its peak, %d KiB before, %.1f KiB a client"
          % (peak_kib, idle_kib, (peak_kib - idle_kib) / args.clients))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
