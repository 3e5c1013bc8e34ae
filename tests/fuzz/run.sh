#!/bin/bash
# Fuzzes every target for a while, two at a time. See --help.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../setup.sh"
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

usage() {
    cat <<'END_OF_USAGE'
usage: tests/fuzz/run.sh [--seconds N] [--keep] [TARGET...]

Builds the targets of tests/fuzz with libFuzzer and the sanitizers and runs each for N seconds
[20], from tests/fuzz/corpus/TARGET and always with the same seed, two at a time. Prints a table.
A crash fails, and is said with its input and with the command that shows it again.

Without TARGET it then asks for the lines that the corpora reach (coverage.sh) and whether planted
crashes are found (planted.sh).

  --keep    instead: makes the corpora anew from the seeds (seeds.c), from what they have now, and
            from what the last run found: the 60 that together reach most
  --help    this text

Needs clang's libFuzzer; exits 77 when there is none.
END_OF_USAGE
}

seconds=20
keep=false
targets=()
while [ $# -gt 0 ]; do
    case $1 in
    --help) usage; exit 0 ;;
    --keep) keep=true ;;
    --seconds) need_seconds "${2-}"; seconds=$2; shift ;;
    -*) echo "run.sh: unknown option '$1'; --help lists those there are" >&2; exit 2 ;;
    *) targets+=("$1") ;;
    esac
    shift
done
corpus_max=60
all=false
[ ${#targets[@]} -gt 0 ] || all=true

cd "$belay_root"
need_fuzzer
build_fuzzers fuzz
[ ${#targets[@]} -gt 0 ] || mapfile -t targets <"$fuzz_programs/targets.txt"
for target in "${targets[@]}"; do
    grep -qx "$target" "$fuzz_programs/targets.txt" ||
        { echo "run.sh: there is no target '$target'; there are: $(paste -sd' ' \
            "$fuzz_programs/targets.txt")" >&2; exit 2; }
done

# ------------------------------------------------------------------ the corpora

# merge TARGET: corpus/TARGET becomes the best of it, of the seeds and of what was found: those that
# reach most, each what no other did, up to so many. Seeds keep their names.
merge() {
    local target=$1 work=$fuzz_work/merge/$1 corpus=tests/fuzz/corpus/$1
    rm -rf "$work"
    mkdir -p "$work/out" "$corpus" "$fuzz_work/found/$target"
    "$fuzz_programs/fuzz_$target" -set_cover_merge=1 -merge_control_file="$work/control" -use_counters=0 \
        -use_cmp=0 -max_len=$input_bytes_max -timeout=20 "$work/out" "$fuzz_work/seeds/$target" \
        "$corpus" "$fuzz_work/found/$target" >"$work/log.txt" 2>&1 ||
        { cat "$work/log.txt"; fail "merging the corpus of $target failed"; }
    tests/fuzz/choose.py "$work/control" "$fuzz_work/seeds/$target" "$work/chosen" "$corpus_max"
    rm -rf "$corpus"
    mv "$work/chosen" "$corpus"
    echo "$target: $(find "$corpus" -type f | wc -l) inputs, $(cat "$corpus"/* | wc -c) bytes"
}

if $keep; then
    build_fuzzers fuzz fuzz_seeds
    rm -rf "$fuzz_work/seeds"
    "$fuzz_programs/fuzz_seeds" "$fuzz_work/seeds"
    for target in "${targets[@]}"; do
        merge "$target"
    done
    exit
fi

# ------------------------------------------------------------------ the fuzzing

fuzz() {
    local target=$1
    rm -rf "$fuzz_work/found/$target"
    mkdir -p "$fuzz_work/found/$target" "tests/fuzz/corpus/$target"
    run_fuzzer "fuzz_$target" "$target" "$seconds" -artifact_prefix="$fuzz_work/crash-$target-" \
        "$fuzz_work/found/$target" "tests/fuzz/corpus/$target"
}

row() {
    local target=$1 log=$fuzz_work/log/fuzz_$1.txt result=good
    [ "$(<"$fuzz_work/log/fuzz_$1.exit")" = 0 ] || result=CRASH
    printf '%-10s %10s %9s %7s %9s %8s %9s  %s\n' "$target" \
        "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")" \
        "$(sed -n 's/^stat::average_exec_per_sec: *//p' "$log")" \
        "$(last_figure cov "$log")" "$(last_figure ft "$log")" \
        "$(find "tests/fuzz/corpus/$target" -type f | wc -l)" \
        "$(find "$fuzz_work/found/$target" -type f | wc -l)" "$result"
}

say "fuzzing: $seconds s a target, two at a time, seed $fuzz_seed"
rm -f "$fuzz_work"/crash-*
two_at_a_time fuzz "${targets[@]}"
printf '%-10s %10s %9s %7s %9s %8s %9s\n' target executions per-s edges features corpus found
bad=0
for target in "${targets[@]}"; do
    row "$target"
    [ "$(<"$fuzz_work/log/fuzz_$target.exit")" = 0 ] || bad=1
done
for target in "${targets[@]}"; do
    [ "$(<"$fuzz_work/log/fuzz_$target.exit")" != 0 ] || continue
    echo
    grep -E 'ERROR|FUZZ_CHECK|runtime error|^ *#[0-9]+ .* in (belay|netsim)_' \
        "$fuzz_work/log/fuzz_$target.txt" | head -12 || true
    for file in "$fuzz_work/crash-$target-"*; do
        [ -e "$file" ] && echo "again: $fuzz_programs/fuzz_$target $file"
    done
    echo "all of it: $fuzz_work/log/fuzz_$target.txt"
done
[ $bad = 0 ] || fail "a target crashed"
if $all; then
    tests/fuzz/coverage.sh
    tests/fuzz/planted.sh
fi
