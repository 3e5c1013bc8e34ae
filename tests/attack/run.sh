#!/bin/bash
# The attack suite: what an attacker can do to a live server. See --help.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

usage() {
    cat <<'END'
usage: tests/attack/run.sh [--quick] [--build-dir DIR] [CASE...]

Attacks belay-echo-server, with raw datagrams from spoofed addresses, while honest clients go on,
all in network namespaces of its own: nothing leaves this machine. Prints a table.

  --quick          a second or two each, at a low rate: verdicts, but figures of no worth
  --build-dir DIR  where Belay was built [build]; for figures, a release build
  CASE             only these: flood kinds replay expire mangle forge amplify icmp reflect

Exits 1 when a verdict is bad, 77 when the system lets it have no namespace or raw socket.
END
}

skip() {
    echo "SKIPPED: $1"
    exit 77
}

build=
arguments=()
while [ $# -gt 0 ]; do
    case $1 in
    --help) usage; exit 0 ;;
    --quick) arguments+=(--quick) ;;
    --build-dir) build=${2:?"run.sh: --build-dir needs a directory"}; shift ;;
    -*) echo "run.sh: unknown option '$1'; --help lists those there are" >&2; exit 2 ;;
    *) arguments+=("$1") ;;
    esac
    shift
done
build=${build:-$here/../../build}
[ -x "$build/tests/attack/attack_probe" ] && [ -x "$build/apps/belay-echo-server" ] || {
    echo "run.sh: $build has no attack_probe or no belay-echo-server: build Belay first" >&2
    exit 2
}
[ "$(uname -s)" = Linux ] || skip "network namespaces are Linux's"
for tool in unshare nsenter ip python3; do
    command -v $tool >/dev/null || skip "there is no '$tool' here"
done
own=(-n)
[ "$(id -u)" = 0 ] || own=(-r -n)
unshare "${own[@]}" true 2>/dev/null || skip "no network namespace is to be had here"
exec unshare "${own[@]}" python3 "$here/suite.py" "$(cd "$build" && pwd)" "${arguments[@]}"
