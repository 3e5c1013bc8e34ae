#!/bin/bash
# The manual pages: groff and mandoc find nothing wrong, and each option of --help is in its
# program's page. usage: man.sh PROGRAM...      Exit code 77: cannot check.
set -euo pipefail
pages=$(cd "$(dirname "${BASH_SOURCE[0]}")/../docs/man" && pwd)

command -v groff >/dev/null || { echo "SKIPPED: no groff"; exit 77; }
bad=0
for page in "$pages"/*.1; do
    said=$(groff -man -Tutf8 -ww -z "$page" 2>&1) || bad=1
    [ -z "$said" ] || { echo "$said"; bad=1; }
    if command -v mandoc >/dev/null; then
        mandoc -T lint -W warning "$page" || bad=1
    fi
done

# options HELP: -x and --long at the beginning of its lines.
options() {
    sed -nE 's/^ +(-[^ ,]|--[a-z-]+)(, (--[a-z-]+))?( .*)?$/\1\n\3/p' | sed '/^$/d' | sort -u
}
for program in "$@"; do
    name=$(basename "$program")
    text=$(groff -man -Tascii -P-c "$pages/$name.1" | sed 's/.\x08//g')
    helps=$("$program" --help)
    # belay-netsim has a help for each of its commands.
    for command in $(sed -nE 's/^  ([a-z]+) .*/\1/p' <<<"$helps"); do
        helps+=$'\n'$("$program" "$command" --help 2>/dev/null || true)
    done
    found=0
    while IFS= read -r option; do
        found=$((found + 1))
        grep -qE -- "(^|[ ,])$option([ ,.]|$)" <<<"$text" ||
            { echo "$name.1 does not tell of $option"; bad=1; }
    done < <(options <<<"$helps")
    [ $found -gt 0 ] || { echo "$name --help lists no options"; bad=1; }
done
exit $bad
