#!/bin/bash
# Bugs planted on purpose, one a patch. Each names a test, and that test must turn red: a suite
# that no bug can turn red proves nothing.
#
#   tests/mutants/run.sh [NAME...]     all, or those whose file names have NAME in them
#
# A patch begins with two lines, "Test: " and the name of a test as ctest knows it, "Bug: " and
# what is wrong. The tree is copied to build/mutants and built there, so nothing here changes;
# the copy and its build are kept, so that a second run is shorter. Prints a table; exits 1 when
# a mutant is missed, does not apply any more, or does not compile.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
root=$PWD
tree=$root/build/mutants/tree
build=$root/build/mutants/build
log=$root/build/mutants/log.txt

# What git tracks or would, or all but builds where there is no git. Files that did not change
# keep their times, so that they are not compiled again.
list_files() {
    git ls-files -co --exclude-standard 2>/dev/null ||
        find . -path ./build -prune -o -type f -print | sed 's|^\./||'
}

copy_tree() {
    mkdir -p "$tree"
    list_files | sort -u | while read -r file; do
        [ -f "$file" ] || continue
        cmp -s "$file" "$tree/$file" && continue
        mkdir -p "$tree/$(dirname "$file")"
        cp -p "$file" "$tree/$file"
        touch "$tree/$file"
    done
}

# The program of a test: what is built for it.
target_of() {
    case $1 in
    sim_property) echo test_sim_property ;;
    *) echo "test_$1" ;;
    esac
}

# green, red or broken (does not compile).
judge() {
    ninja -C "$build" "$(target_of "$1")" >>"$log" 2>&1 || { echo broken; return; }
    if timeout 600 ctest --test-dir "$build" -R "^$1\$" --no-tests=error >>"$log" 2>&1; then
        echo green
    else
        echo red
    fi
}

header() { # file, word
    sed -n "1,2s/^$2: //p" "$1"
}

selected() {
    local patch name
    for patch in "$root"/tests/mutants/*.patch; do
        [ $# -eq 0 ] && echo "$patch" && continue
        for name in "$@"; do
            [[ $(basename "$patch") == *"$name"* ]] && echo "$patch" && break
        done
    done
}

mkdir -p "$root/build/mutants"
: >"$log"
mapfile -t patches < <(selected "$@")
[ ${#patches[@]} -gt 0 ] || { echo "mutants: no patch of that name" >&2; exit 2; }

copy_tree
cmake -G Ninja -S "$tree" -B "$build" -DCMAKE_C_COMPILER=clang -DCMAKE_BUILD_TYPE=RelWithDebInfo \
    -DBELAY_SANITIZE=address,undefined >>"$log" 2>&1

# Red with the bug says something only when it is green without.
bad=0
for test in $(for patch in "${patches[@]}"; do header "$patch" Test; done | sort -u); do
    verdict=$(judge "$test")
    [ "$verdict" = green ] || { echo "mutants: $test is $verdict without any bug" >&2; bad=1; }
done

printf '%-28s %-16s %s\n' MUTANT TEST VERDICT
caught=0
for patch in "${patches[@]}"; do
    name=$(basename "$patch" .patch)
    test=$(header "$patch" Test)
    copy_tree
    if ! (cd "$tree" && patch -p1 -s --no-backup-if-mismatch) <"$patch" >>"$log" 2>&1; then
        verdict='does not apply'
    else
        verdict=$(judge "$test")
    fi
    case $verdict in
    red) verdict=caught caught=$((caught + 1)) ;;
    green) verdict=MISSED bad=1 ;;
    *) bad=1 ;;
    esac
    printf '%-28s %-16s %s\n' "$name" "$test" "$verdict"
done
copy_tree
echo "$caught of ${#patches[@]} caught$([ $bad -eq 0 ] || echo "; see $log")"
exit $bad
