#!/bin/bash
# Shows that the fuzzers bite: each target is built with a crash that hides behind a few bytes of
# what was parsed (FUZZ_PLANT in its file), and the fuzzer must find it, from the corpus. It stops
# when it has; that takes a few seconds, and on a machine with other work to do a few times as long.
# The corpus alone must not crash: then nothing would have been found.
#
#   tests/fuzz/planted.sh [--seconds N]      N seconds a target at most [180]
#
# Prints a table. Exits 1 when a crash was not found, or is in the corpus; 77 where there is no
# libFuzzer.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../setup.sh"
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

seconds=180
if [ "${1-}" = --seconds ]; then
    need_seconds "${2-}"
    seconds=$2
    shift 2
fi
[ $# = 0 ] || { echo "planted.sh: unknown argument '$1'" >&2; exit 2; }

cd "$belay_root"
need_fuzzer
build_fuzzers fuzz_planted
mapfile -t targets <"$fuzz_programs/targets.txt"

# What is new goes to the first folder.
fuzz() {
    local new=$fuzz_work/planted/$1
    rm -rf "$new"
    mkdir -p "$new"
    run_fuzzer "fuzz_$1_planted" "$1" "$seconds" -runs=0 -artifact_prefix="$fuzz_work/planted-$1-" \
        "tests/fuzz/corpus/$1"
    cp "$fuzz_work/log/fuzz_$1_planted.exit" "$fuzz_work/log/fuzz_$1_corpus.exit"
    run_fuzzer "fuzz_$1_planted" "$1" "$seconds" -artifact_prefix="$fuzz_work/planted-$1-" \
        "$new" "tests/fuzz/corpus/$1"
}

say "planted crashes: $seconds s a target at most"
two_at_a_time fuzz "${targets[@]}"
printf '%-10s %-10s %7s %10s\n' target found after-s executions
bad=0
for target in "${targets[@]}"; do
    log=$fuzz_work/log/fuzz_${target}_planted.txt
    found=found
    grep -q 'FUZZ_PLANT(' "$log" || { found=MISSED; bad=1; }
    [ "$(<"$fuzz_work/log/fuzz_${target}_corpus.exit")" = 0 ] || { found=IN-CORPUS; bad=1; }
    printf '%-10s %-10s %7s %10s\n' "$target" $found \
        "$(<"$fuzz_work/log/fuzz_${target}_planted.seconds")" \
        "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")"
done
rm -f "$fuzz_work"/planted-*
[ $bad = 0 ] || fail "a planted crash was not found, or a corpus crashes by itself"
