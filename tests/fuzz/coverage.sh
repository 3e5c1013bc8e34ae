#!/bin/bash
# The lines of parsers that the corpora reach, and that they are enough of them.
#
#   tests/fuzz/coverage.sh             a table; fails when a file of floors.txt is below its floor
#   tests/fuzz/coverage.sh FILE...     the lines of these files that no input reaches
#
# Exits 77 where clang's coverage tools are not installed.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../setup.sh"

dir=build/coverage
cd "$belay_root"
for tool in clang llvm-profdata-14 llvm-cov-14; do
    if ! command -v $tool >/dev/null; then
        skipped "coverage: $tool is not installed (Debian: clang llvm-14)"
        exit 77
    fi
done

log=$(cmake -G Ninja -S . -B $dir -DCMAKE_C_COMPILER=clang -DCMAKE_BUILD_TYPE=Debug \
    -DCMAKE_C_FLAGS='-fprofile-instr-generate -fcoverage-mapping' -DBELAY_WERROR=ON 2>&1) ||
    { printf '%s\n' "$log" >&2; fail "configuring $dir failed"; }
log=$(ninja --quiet -C $dir fuzz_replays 2>&1) ||
    { printf '%s\n' "$log" >&2; fail "building $dir failed"; }

rm -f $dir/*.profraw
objects=()
for program in $dir/tests/fuzz/test_fuzz_*; do
    target=${program##*/test_fuzz_}
    LLVM_PROFILE_FILE=$dir/$target.profraw "$program" "tests/fuzz/corpus/$target" >/dev/null ||
        fail "$program fails over its corpus"
    objects+=(-object "$program")
done
llvm-profdata-14 merge -o $dir/all.profdata $dir/*.profraw

if [ $# -gt 0 ]; then
    for file in "$@"; do
        llvm-cov-14 show -instr-profile=$dir/all.profdata "${objects[@]:1}" "$belay_root/$file" \
            >$dir/shown.txt 2> >(grep -v 'functions have mismatched data' >&2)
        say "$file"
        grep -E '^ +[0-9]+\| +0\|' $dir/shown.txt || echo "every line is reached"
    done
    exit
fi

say "lines that the corpora reach"
# Targets have functions of the same name; of those, which are ours, one is counted.
llvm-cov-14 export -summary-only -instr-profile=$dir/all.profdata "${objects[@]:1}" \
    >$dir/summary.json 2> >(grep -v 'functions have mismatched data' >&2)
python3 - $dir/summary.json tests/fuzz/floors.txt <<'END_OF_PYTHON'
import json, os, sys

summary, floors = sys.argv[1:]
files = json.load(open(summary))["data"][0]["files"]


def lines_of(name):
    for file in files:
        if file["filename"].endswith("/" + name):
            return file["summary"]["lines"]
    return {"count": 0, "percent": 0}


bad = False
print(f"{'file':36} {'lines':>6} {'reached':>8} {'floor':>6}")
for row in open(floors):
    row = row.split("#")[0].split()
    if not row:
        continue
    name, floor = row[0], float(row[1])
    if not os.path.exists(name):
        print(f"{name:36} is not here")
        continue
    reached = lines_of(name)
    below = reached["percent"] < floor
    bad |= below
    print(f"{name:36} {reached['count']:6} {reached['percent']:7.1f}% {floor:5.0f}%"
          + ("  BELOW" if below else ""))
if bad:
    sys.exit("coverage.sh: a file is below its floor: add inputs to its target's corpus")
END_OF_PYTHON
