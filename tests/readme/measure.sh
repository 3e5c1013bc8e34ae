#!/bin/bash
# Prints the README's first table anew: the demo over links of several kinds.
# usage: tests/readme/measure.sh [--build-dir DIR]
set -euo pipefail
demo=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../netsim" && pwd)/demo.sh

echo '| link, each way | UDP: received | misplaced | doubled | damaged | Belay: received | p50 | p99 | `netsim/demo.sh --link` |'
echo '|---|---|---|---|---|---|---|---|---|'
while IFS='|' read -r name link; do
    out=$("$demo" "$@" --link "$link" 2>/dev/null || true)
    read -r _ _ _ received _ doubled misplaced damaged _ < <(grep '^plain UDP ' <<<"$out")
    read -r _ _ returned _ _ _ _ p50 p99 _ < <(grep '^Belay  ' <<<"$out")
    echo "| $name | $received | $misplaced | $doubled | $damaged | $returned | $p50 | $p99 | \`'$link'\` |"
done <<'END'
delay alone|delay 20ms
1 % lost|delay 20ms loss 1%
5 % lost|delay 20ms loss 5%
10 % lost|delay 20ms loss 10%
20 % lost|delay 20ms loss 20%
lost in bursts|delay 20ms loss gemodel 1.5% 25%
jitter|delay 20ms 10ms
25 % pass the queue|delay 20ms reorder 25%
doubled, damaged|delay 20ms duplicate 10% corrupt 5%
END
