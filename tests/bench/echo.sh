#!/usr/bin/env bash
# The echo of small messages over loopback, Belay beside ENet on the same machine: runs taken in
# turn, medians and their ratio. Builds what it needs into build/bench.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../setup.sh"

usage() {
    cat <<'EOF'
usage: tests/bench/echo.sh [--runs N] [--count N] [--size BYTES] [--in-flight 'N ...']

Echoes --count messages [1000000] of --size bytes [100] over loopback, a server and a client
process with one core each, with so many in flight ['64 1024'], --runs times [5], ENet and Belay
in turn. Prints messages a second and the CPU time of both processes per message.
EOF
}

runs=5 count=1000000 size=100 in_flight='64 1024'
while [ $# -gt 0 ]; do
    case $1 in
    --help) usage; exit 0 ;;
    --runs | --count | --size | --in-flight)
        [ $# -ge 2 ] || { echo "echo.sh: $1 needs a value" >&2; exit 2; }
        case $1 in
        --runs) runs=$2 ;;
        --count) count=$2 ;;
        --size) size=$2 ;;
        --in-flight) in_flight=$2 ;;
        esac
        shift 2
        ;;
    *) echo "echo.sh: unknown option $1; see --help" >&2; exit 2 ;;
    esac
done

cd "$belay_root"
install_missing "${build_packages[@]}" libenet-dev
build build/bench -DCMAKE_BUILD_TYPE=Release -DBELAY_BENCH=ON -DBELAY_TESTS=OFF -DBELAY_APPS=OFF

results=$(mktemp)
trap 'rm -f "$results"' EXIT
for window in $in_flight; do
    for _ in $(seq "$runs"); do
        for peer in enet belay; do
            echo "$window $(build/bench/tests/bench/bench_echo_$peer "$count" "$size" "$window")" \
                >>"$results"
        done
    done
done

median() { # of column $3, in flight $1, peer $2
    awk -v w="$1" -v p="$2" -v c="$3" '$1 == w && $2 == p { print $c }' "$results" | sort -n |
        awk '{ v[NR] = $1 } END { print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'
}

echo "$size-byte messages echoed over loopback, medians of $runs runs taken in turn"
printf '%9s  %14s  %14s  %6s  %16s\n' 'in flight' 'ENet, msg/s' 'Belay, msg/s' ratio \
    'CPU ns/msg (E, B)'
for window in $in_flight; do
    enet=$(median "$window" ENet 3) belay=$(median "$window" Belay 3)
    printf '%9s  %14.0f  %14.0f  %6.2f  %8.0f %7.0f\n' "$window" "$enet" "$belay" \
        "$(awk -v a="$belay" -v b="$enet" 'BEGIN { print a / b }')" \
        "$(median "$window" ENet 4)" "$(median "$window" Belay 4)"
done
