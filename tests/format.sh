#!/bin/bash
# The layout of the code is what .clang-format says; text files have no tabs in C, no spaces at
# line ends, and end with a line end. Prints each place that differs. Exit code 77: cannot check.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

command -v clang-format-14 >/dev/null || { echo "SKIPPED: no clang-format-14"; exit 77; }
files=()
if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
    # What is tracked, and what soon will be.
    while IFS= read -r -d '' file; do
        [ -f "$file" ] && files+=("$file")
    done < <(git ls-files -z --cached --others --exclude-standard)
else
    while IFS= read -r -d '' file; do
        files+=("${file#./}")
    done < <(find . -path './build*' -prune -o -type f -print0)
fi

code=()
text=()
for file in "${files[@]}"; do
    case $file in
    *.c | *.h) code+=("$file") ;&
    *.cc | *.md | *.sh | *.py | *.txt | *.cmake | *.in | *.1) text+=("$file") ;;
    esac
done
[ ${#code[@]} -gt 0 ] || { echo "no C files found" >&2; exit 1; }

bad=0
printf '%s\0' "${code[@]}" | xargs -0 -n 16 -P 2 clang-format-14 --dry-run -Werror || bad=1
if grep -nE '[ 	]$' "${text[@]}"; then
    echo "^ space at the end of a line" >&2
    bad=1
fi
if grep -n '	' "${code[@]}"; then
    echo "^ tab" >&2
    bad=1
fi
for file in "${text[@]}"; do
    if [ -s "$file" ] && [ -n "$(tail -c 1 "$file")" ]; then
        echo "$file: no line end at its end" >&2
        bad=1
    fi
done
exit $bad
