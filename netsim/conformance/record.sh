#!/bin/bash
# Records what the kernel's netem decides into tests/vectors/netem-6.12.json. See --help.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
vm=$root/netsim/vm

usage() {
    cat <<'END'
usage: record.sh [--check [--every N]] [--netsim PROGRAM] [--tests DIR] [--out FILE]

Boots the virtual machine once, sends packets through the kernel's netem for each line of
lines.txt, asks tc for the words of words.txt and bad.txt, and writes the numbers to
tests/vectors/netem-6.12.json. One to three minutes on an idle machine.

  --check           write nothing: compare with what is there, exit 1 when decisions differ that are
                    the seed's alone; lines.txt says which are not
  --every N         with --check: only each N-th line, for a quick look
  --netsim PROGRAM  belay-netsim, for the tables of distributions [build/gcc/netsim/belay-netsim]
  --tests DIR       then also run test_netsim_kernel, _kernel_statistics and _tc_roundtrip of this
                    folder on the new recording
  --out FILE        write it there instead
  --timeout S       seconds for the virtual machine, and for another recording to end [1200]
  --help            this text

Exit status: 0 done, 1 failed or differs, 2 wrong usage, 77 the machine can't be had here.
END
}

die() {
    local code=$1
    shift
    echo "record.sh: $*" >&2
    exit "$code"
}

check=false
every=1
netsim=$root/build/gcc/netsim/belay-netsim
tests=
out=$root/tests/vectors/netem-6.12.json
seconds=1200
while [ $# -gt 0 ]; do
    case $1 in
    --check) check=true ;;
    --help) usage; exit 0 ;;
    --netsim | --tests | --out | --timeout | --every)
        [ $# -ge 2 ] || die 2 "$1 needs a value; --help tells which"
        case $1 in
        --netsim) netsim=$2 ;;
        --tests) tests=$2 ;;
        --out) out=$2 ;;
        --timeout) seconds=$2 ;;
        --every) every=$2 ;;
        esac
        shift ;;
    *) die 2 "unknown option '$1'; --help lists those there are" ;;
    esac
    shift
done
[[ $every =~ ^[1-9][0-9]*$ ]] || die 2 "--every needs a number, 1 or more"
[ "$every" = 1 ] || { $check && [ -z "$tests" ]; } || die 2 "--every is for --check, without --tests"
[ -x "$netsim" ] || die 2 "there is no $netsim; --netsim names belay-netsim"

code=0
"$vm/setup.sh" || code=$?
[ $code -ne 69 ] || { echo "SKIPPED: the virtual machine can't be had here"; exit 77; }
[ $code -eq 0 ] || die 1 "the virtual machine's setup failed"
cache=${BELAY_NETSIM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/belay-netsim/vm}
grep -qx 'seed yes' "$cache/ready" || { echo "SKIPPED: that kernel's netem has no seed"; exit 77; }

# Where files are in the guest has a part in its timing, so they are always at one place.
work=/tmp/belay-netsim-record
exec 9</tmp
flock -w "$seconds" 9 || die 1 "another recording is being made, for $seconds s by now"
rm -rf "$work"
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/lines"
cp "$here"/{words,bad,lines}.txt "$work/lines/"
# What is not compared stays; of the others each N-th, but none that is for statistics.
awk -v every="$every" '/^#|^$| warm / { print; next }
    every > 1 && / (bits|again|slots) \|/ { next }
    n++ % every == 0' "$here/lines.txt" >"$work/lines/lines.txt"
mkdir "$work/tables"
for table in normal pareto paretonormal; do
    "$netsim" table $table >"$work/tables/$table.dist"
done
cp "$here/steps.dist" "$work/tables/"
${CC:-cc} -std=c11 -D_GNU_SOURCE -O2 -I"$root" "$here"/*.c -o "$work/record"

"$vm/boot.sh" --timeout "$seconds" --env TC_LIB_DIR="$work/tables" --carry "$work/tables" \
    --out "$work/guest" -- "$work/record" "$work"/lines/{words,bad,lines}.txt >"$work/raw" 2>"$work/log" ||
    { tail -n 5 "$work/log" >&2; die 1 "the recorder failed in the virtual machine"; }
python3 "$here/compact.py" "$(tr '\n' ',' <"$cache/ready")" "$work/raw" >"$work/new.json"

if [ -n "$tests" ]; then
    for test in kernel kernel_statistics tc_roundtrip; do
        BELAY_NETSIM_RECORDING=$work/new.json "$tests/test_netsim_$test" >"$work/log" 2>&1 ||
            { tail -n 30 "$work/log" >&2; die 1 "test_netsim_$test fails on the new recording"; }
        grep -h ' lines;\|pairs in' "$work/log" || true
    done
fi
if $check; then
    python3 "$here/check.py" "$out" "$work/new.json"
else
    cp "$work/new.json" "$out"
    echo "$(stat -c %s "$out") bytes in $out"
fi
