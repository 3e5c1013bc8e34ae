#!/usr/bin/env bash
# Instructions per packet of the core's fast path, by callgrind: they don't drift with the machine.
# And natively: ns per packet, packets a second, bytes per connection.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../setup.sh"

usage() {
    cat <<'EOF'
usage: tests/bench/instructions.sh [--messages N] [--connections N] [--build-dir DIR] [--json FILE]

Sends messages between two cores in memory, no sockets, and prints a Markdown table: instructions
per packet of the sender and of the receiver, in Belay's own code (own), in libcrypto (AEAD) and in
the C library, acknowledgements included; ns per packet natively, packets a second of both endpoints
in one thread, bytes of a connection.

  --messages N     of each callgrind run [20000]; the native ones have 50 times as many
  --connections N  of the last rows, as many as memory allows [100000]
  --build-dir DIR  where bench_fastpath is built already [build/bench]
  --json FILE      the same as JSON lines
EOF
}

messages=20000 connections=100000 folder= json=/dev/null
while [ $# -gt 0 ]; do
    case $1 in
    --help) usage; exit 0 ;;
    --messages | --connections)
        [[ ${2-} =~ ^[1-9][0-9]{0,7}$ ]] ||
            { echo "instructions.sh: $1 needs a whole number, 1 or more" >&2; exit 2; }
        declare "${1#--}=$2"
        shift 2 ;;
    --build-dir | --json)
        [ $# -ge 2 ] || { echo "instructions.sh: $1 needs a value" >&2; exit 2; }
        if [ "$1" = --json ]; then json=$2; else folder=$2; fi
        shift 2 ;;
    *) echo "instructions.sh: unknown option $1; see --help" >&2; exit 2 ;;
    esac
done

if [ -z "$folder" ]; then
    cd "$belay_root"
    install_missing "${build_packages[@]}" valgrind
    build build/bench -DCMAKE_BUILD_TYPE=Release -DBELAY_BENCH=ON -DBELAY_TESTS=OFF
    folder=build/bench
fi
program=$folder/tests/bench/bench_fastpath
[ -x "$program" ] || fail "there is no $program: build it with -DBELAY_BENCH=ON"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
: >"$json"

# field NAME: a number of the JSON line on stdin.
field() {
    sed -E 's/.*"'"$1"'":([0-9.]+).*/\1/'
}

# collect WHO OPTION...: instructions in WHO_* by kind of code: "own aead libc", per packet.
collect() {
    local who=$1 line packets
    shift
    line=$(valgrind --quiet --tool=callgrind --instr-atstart=no --toggle-collect="${who}_*" \
        --callgrind-out-file="$scratch/out" "$program" "$@" 2>"$scratch/said") ||
        { cat "$scratch/said" >&2; fail "callgrind failed"; }
    packets=$(field packets <<<"$line")
    # A line of costs belongs to the object of the last ob=; the one after calls= is a callee's.
    awk -v packets="$packets" '
        /^c?ob=/ {
            id = $1; sub(/^c?ob=/, "", id)
            if (NF > 1) name[id] = $2
            if (!/^c/) object = name[id]
            next
        }
        /^calls=/ { skip = 1; next }
        /^[0-9+*-]/ {
            if (skip) { skip = 0; next }
            kind = object ~ /libcrypto/ ? "aead" : object ~ /bench_fastpath/ ? "own" : "libc"
            cost[kind] += $2
        }
        END { printf "%.0f %.0f %.0f\n", cost["own"] / packets, cost["aead"] / packets,
              cost["libc"] / packets }' "$scratch/out"
}

have_valgrind=true
command -v valgrind >/dev/null || { have_valgrind=false; skipped "instructions: no valgrind"; }

# row LABEL MESSAGES OPTION...
row() {
    local label=$1 count=$2 native sender="- - -" receiver="- - -" s r
    shift 2
    native=$("$program" --messages $((count * 50)) "$@") || fail "$label: the program failed"
    if $have_valgrind; then
        sender=$(collect sender --messages "$count" "$@")
        receiver=$(collect receiver --messages "$count" "$@")
    fi
    read -r -a s <<<"$sender"
    read -r -a r <<<"$receiver"
    printf '| %s | %s + %s + %s | %s + %s + %s | %.0f + %.0f | %.2f | %s, %s |\n' "$label" \
        "${s[@]}" "${r[@]}" "$(field sender_ns <<<"$native")" "$(field receiver_ns <<<"$native")" \
        "$(awk -v n="$(field packets_per_s <<<"$native")" 'BEGIN { print n / 1e6 }')" \
        "$(field client_core <<<"$native")" "$(field server_core <<<"$native")"
    printf '{"label":"%s","sender":"%s","receiver":"%s","native":%s}\n' "$label" "$sender" \
        "$receiver" "$native" >>"$json"
}

echo "$(date +%F), Linux $(uname -r), $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -1)"
echo
echo '| | sender: instructions a packet, own + AEAD + libc | receiver: the same | ns a packet, sender + receiver | million packets/s, both ends in one thread | bytes a connection, client, server |'
echo '|---|---|---|---|---|---|'
row '1200 bytes, encrypted' "$messages" --size 1200
row '1200 bytes, --insecure' "$messages" --size 1200 --insecure
row '64 bytes, encrypted' $((messages * 5)) --size 64
row '64 bytes, --insecure' $((messages * 5)) --size 64 --insecure
# A message a second on each active connection, so that one and many have the same to do for each.
row '1000 bytes once a second, 1 connection' "$messages" --size 1000 --batch 1 --gap-ms 1000 \
    --insecure
kib=$(awk '/MemAvailable/ { print $2 }' /proc/meminfo)
if [ $((connections * 40)) -gt "$kib" ]; then
    skipped "$connections connections: they want some $((connections * 40 / 1024)) MiB, and $((kib / 1024)) are available"
    exit 0
fi
row "the same, $connections connections" "$messages" --size 1000 --batch 1 --gap-ms 1000 --insecure \
    --connections "$connections"
native=$("$program" --messages 1 --size 1000 --batch 1 --connections $((connections / 10)))
echo
echo "$((connections / 10)) idle encrypted connections: bytes of each: $native" |
    sed -E 's/\{.*"bytes_a_connection":\{([^}]*)\}.*/\1/; s/"//g; s/,/, /g; s/:([0-9])/ \1/g'
