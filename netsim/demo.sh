#!/bin/bash
# 1,000 messages over a terrible link, as plain UDP and over Belay. See --help.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../tests/setup.sh"

link='delay 20ms 5ms loss 20% duplicate 5% reorder 25%'
seed=7
count=1000
size=100
interval_ms=2
build_dir=

usage() {
    cat <<END
usage: netsim/demo.sh [--count N] [--link 'WORDS'] [--seed N] [--build-dir DIR]

Builds Belay (on Debian missing packages are installed first, as root or through sudo), then
sends messages to an echo server and back through a simulated link: first as plain UDP
datagrams, then over Belay.

  --count N        messages [$count]
  --link 'WORDS'   the link, each way, in the words of tc-netem(8)
                   [$link]
  --seed N         the same seed, the same decisions of the link [$seed]
  --build-dir DIR  take the programs from there instead of building them in build/demo
  --help           this text

Exit code 0: plain UDP lost or scrambled something, and Belay returned every message, once and
in order. 1: not so. 2: usage.
END
}

wrong_usage() {
    echo "demo.sh: $*; --help tells more" >&2
    exit 2
}

while [ $# -gt 0 ]; do
    case $1 in
    --help) usage; exit 0 ;;
    --count | --link | --seed | --build-dir) [ $# -ge 2 ] || wrong_usage "$1 needs a value" ;;
    *) wrong_usage "unknown option '$1'" ;;
    esac
    case $1 in
    --count)
        [[ $2 =~ ^[1-9][0-9]{0,6}$ ]] || wrong_usage "--count: '$2' is not 1 to 9999999"
        count=$2 ;;
    --seed)
        [[ $2 =~ ^[0-9]{1,18}$ ]] || wrong_usage "--seed: '$2' is not a number"
        seed=$2 ;;
    --link) link=$2 ;;
    --build-dir) build_dir=$2 ;;
    esac
    shift 2
done

if [ -z "$build_dir" ]; then
    install_missing "${build_packages[@]}"
    build_dir=$belay_root/build/demo
    say "building in build/demo"
    build "$build_dir" -DCMAKE_BUILD_TYPE=Release -DBELAY_TESTS=OFF -DBELAY_APPS=ON
fi
server_program=$build_dir/apps/belay-echo-server
client_program=$build_dir/apps/belay-echo-client
netsim_program=$build_dir/netsim/belay-netsim
for program in "$server_program" "$client_program" "$netsim_program"; do
    [ -x "$program" ] || fail "there is no $program"
done

"$netsim_program" sim --link "$link" --seed 1 --count 1 >/dev/null || exit 2

temp=$(mktemp -d)
running=()
clean_up() {
    local pid
    for pid in "${running[@]}"; do
        kill -KILL "$pid" 2>/dev/null || true
    done
    rm -rf "$temp"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# start COMMAND...: in the background; its output is read from descriptor $fd, it is $pid.
start() {
    exec {fd}< <(exec "$@" 2>>"$temp/errors")
    pid=$!
    running+=("$pid")
}

# start_listening COMMAND...: until it says where; that goes to $address.
start_listening() {
    local line=
    start "$@"
    read -r -t 30 -u "$fd" line || true
    [[ $line =~ ^listening\ on\ (.*)$ ]] || { cat "$temp/errors" >&2; fail "$1 does not listen"; }
    address=${BASH_REMATCH[1]}
}

# run [--plain]: server, link and client; the client's summary goes to $json, the time that it
# took to $micros, its exit code to $code.
run() {
    local began server_pid server_fd link_pid link_fd options=("$@")
    : >"$temp/errors"
    start_listening "$server_program" --listen 127.0.0.1:0 --quiet "${options[@]}"
    server_pid=$pid server_fd=$fd
    start_listening "$netsim_program" proxy --listen 127.0.0.1:0 --to "$address" \
        --link "$link" --link-back "$link" --seed "$seed" --quiet
    link_pid=$pid link_fd=$fd

    began=${EPOCHREALTIME/[.,]/}
    start "$client_program" --json --count "$count" --size "$size" --interval "$interval_ms" \
        "${options[@]}" "$address"
    json=
    read -r -u "$fd" json || true
    micros=$((${EPOCHREALTIME/[.,]/} - began))
    code=0
    wait "$pid" || code=$?
    [[ $json == {*} ]] || { cat "$temp/errors" >&2; fail "the client gave no summary"; }

    # Each ends at a TERM; its end of the pipe closes when it is gone.
    kill "$server_pid" "$link_pid" 2>/dev/null ||
        { cat "$temp/errors" >&2; fail "the echo server or the link ended too early"; }
    cat <&"$server_fd" >/dev/null
    cat <&"$link_fd" >/dev/null
    exec {fd}<&- {server_fd}<&- {link_fd}<&-
    running=()
}

# value KEY: a number in $json, or nothing.
value() {
    if [[ $json =~ \"$1\":\ *([0-9]+) ]]; then
        echo "${BASH_REMATCH[1]}"
    fi
}

# take: the columns from $json.
take() {
    sent=$(value sent) received=$(value received) lost=$(value lost)
    duplicates=$(value duplicates) out_of_order=$(value out_of_order)
    corrupted=$(value corrupted) p50=$(value p50) p99=$(value p99)
    retransmitted=$(value retransmitted)
    if [ "$code" -eq 0 ] && [ "$received" -eq "$count" ] &&
        [ $((lost + duplicates + out_of_order + corrupted)) -eq 0 ]; then
        verdict="all, in order"
    elif [ $((duplicates + out_of_order + corrupted)) -gt 0 ]; then
        verdict=$([ "$lost" -gt 0 ] && echo "lost, scrambled" || echo "scrambled")
    else
        verdict=lost
    fi
}

row_format='%-9s %5s %8s %5s %10s %12s %9s %7s %7s %6s  %s\n'
# thousandths N: with one digit after the point; N empty: a dash.
thousandths() {
    [ -n "$1" ] && printf '%d.%d' $(($1 / 1000)) $(($1 % 1000 / 100)) || printf -- '-'
}
row() {
    # shellcheck disable=SC2059
    printf "$row_format" "$1" "$sent" "$received" "$lost" "$duplicates" "$out_of_order" \
        "$corrupted" "$(thousandths "$p50")" "$(thousandths "$p99")" \
        "$(thousandths $((micros / 1000)))" "$verdict"
}

echo
echo "Link, each way: $link (seed $seed)"
echo "$count messages of $size bytes, one every $interval_ms ms, to an echo server and back:"
echo
# shellcheck disable=SC2059
printf "$row_format" "" sent received lost duplicated "out of order" corrupted \
    "p50 ms" "p99 ms" "time s" verdict

run --plain
take
row "plain UDP"
plain_verdict=$verdict
plain_did="lost $lost, doubled $duplicates and misplaced $out_of_order"

run
take
row Belay
echo
if [ "$plain_verdict" != "all, in order" ] && [ "$verdict" = "all, in order" ]; then
    echo "Plain UDP $plain_did."
    echo "Belay returned all $count, once and in order; its client sent $retransmitted packets again."
    exit 0
fi
if [ "$verdict" != "all, in order" ]; then
    echo "Belay did not return every message once and in order (client's exit code $code)." >&2
    cat "$temp/errors" >&2
else
    echo "Plain UDP came through unharmed: this link shows nothing." >&2
fi
exit 1
