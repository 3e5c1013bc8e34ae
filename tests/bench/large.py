#!/usr/bin/env python3
"""One large message echoed through a lossy link, and the memory that it took on both sides.

The bound is the receive window plus the message, twice in the client, which holds what it
sent and what comes back. Exits 1 when the message did not come back whole.
"""

import argparse
import json
import os
import sys
import time

from stand import Stand


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=16 << 20, help="bytes")
    parser.add_argument("--link", default="loss 5%", help="netem words, both ways")
    parser.add_argument("--build-dir", help="apps and netsim built already")
    args = parser.parse_args()

    with Stand(args.link + " limit 100000", folder=args.build_dir) as stand:
        start = time.monotonic()
        client = stand.client("--count", "1", "--size", str(args.size), "--timeout", "120")
        output = client.stdout.read()
        _, status, usage = os.wait4(client.pid, 0)
        elapsed = time.monotonic() - start
        server_kib = stand.server.memory_peak_kib()

    result = json.loads(output or "{}")
    whole = status == 0 and result.get("received") == 1 and result.get("corrupted") == 0
    print("%d bytes, link '%s' both ways: %s in %.1f s, %d packets retransmitted"
          % (args.size, args.link, "whole" if whole else "FAILED", elapsed,
             result.get("retransmitted", -1)))
    print("resident at the peak: client %.1f MiB, server %.1f MiB"
          % (usage.ru_maxrss / 1024, server_kib / 1024))
    return 0 if whole else 1


if __name__ == "__main__":
    sys.exit(main())
