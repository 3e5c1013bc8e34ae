#!/bin/bash
# The house keeps its floors: who includes whom, and that the core does no I/O.
#
#   floors.sh               checks the checkout
#   floors.sh --self-test   plants violations in a copy and expects each to be found
#   --archive FILE          the core, built without sanitizers; else compiled here
#
#   apps          public headers only
#   netsim        of the library, base alone; in it: the commands on run on live and report on
#                 model, which does no I/O
#   4 event       <belay/*.h>, base/list.h
#   3 endpoint    conn and below
#   2 conn        floors 1 and 0
#   1 wire crypto recovery delivery     base, not each other
#   0 base
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
core_rooms=(base wire crypto recovery delivery conn endpoint)

# What a file in a folder may include besides its own folder's files: extended regular
# expressions for the text between "" or, with its brackets, <>.
c_headers='<(assert|inttypes|limits|stdalign|stdbool|stddef|stdint|stdio|string)\.h>'
core_public='<belay/(common|core)\.h>'
floor_1="base/.*|$c_headers|$core_public"
floor_2="wire/.*|crypto/.*|recovery/.*|delivery/.*|$floor_1"
any_system='<[^>]*>'

allowed() {
    case $1 in
    lib/base) echo "$c_headers|$core_public|<sanitizer/asan_interface\.h>" ;;
    lib/crypto) echo "$floor_1|<openssl/[a-z_]*\.h>|<intel-ipsec-mb\.h>" ;;
    lib/wire | lib/recovery | lib/delivery) echo "$floor_1" ;;
    lib/conn) echo "$floor_2" ;;
    lib/endpoint) echo "conn/.*|$floor_2" ;;
    lib/event) echo "base/list\.h|$any_system" ;;
    apps) echo "[a-z_]*\.h|$any_system" ;;
    netsim/model) echo "$floor_1|<(ctype|errno|limits|math|stdarg|stdlib|strings)\.h>" ;;
    netsim/report) echo "netsim/model/.*|base/.*|$any_system" ;;
    netsim/live) echo "netsim/(cli|(model|report)/[a-z_0-9]*)\.h|base/.*|$any_system" ;;
    netsim/run) echo "netsim/(cli|(model|report|live)/[a-z_0-9]*)\.h|base/.*|$any_system" ;;
    netsim/conformance) echo "netsim/(model|report)/.*|base/.*|$any_system" ;;
    netsim) echo "netsim/[a-z_]*/[a-z_0-9]*\.h|base/.*|$any_system" ;;
    include/belay) echo "<belay/(common|core)\.h>|<std(bool|def|int)\.h>|<event2/util\.h>" ;;
    *) return 1 ;;
    esac
}

# check_includes ROOT: prints "file:line: what" for each include that reaches too far.
check_includes() {
    local dir own rule found=0 line file what
    local include='^([^:]*:[0-9]+): *# *include *("([^"]*)"|<[^>]*>)'
    for dir in "$1"/lib/*/ "$1"/apps/ "$1"/netsim/ "$1"/netsim/*/ "$1"/include/belay/; do
        dir=${dir#"$1"/}
        dir=${dir%/}
        compgen -G "$1/$dir/*.[ch]" >/dev/null || continue
        rule=$(allowed "$dir") || { echo "$dir: a folder without a floor"; found=1; continue; }
        own=${dir#lib/}
        while IFS= read -r line; do
            [[ $line =~ $include ]] || { echo "$dir/$line: not understood"; found=1; continue; }
            file=${BASH_REMATCH[1]}
            what=${BASH_REMATCH[3]:-${BASH_REMATCH[2]}}
            if [[ $what == */private.h && $what != "$own/private.h" ]] ||
                ! [[ $what =~ ^($own/[a-z_0-9]*\.h|$rule)$ ]]; then
                echo "$dir/$file: $what is not for $dir"
                found=1
            fi
        done < <(cd "$1/$dir" && grep -nE '^ *# *include' /dev/null ./*.[ch] | sed 's,^\./,,')
    done
    return $found
}

# What the core may take from outside: memory and string functions of the C library,
# libcrypto's and ipsec-mb's primitives, what assert calls, what compilers make of these.
# Not: the heap, streams, clocks, sockets, files, threads, environment, RAND_.
outside='_GLOBAL_OFFSET_TABLE_|__assert_fail|__assert_rtn|__stack_chk_(fail|guard)'
outside+='|(__)?(mem(cmp|cpy|move|set|chr)|str(cmp|ncmp|len|nlen|chr)|v?snprintf)(_chk)?'
outside+='|CRYPTO_(memcmp|malloc|clear_free)|(alloc|free)_mb_mgr|init_mb_mgr_auto|OPENSSL_cleanse|OSSL_PARAM_[a-z0-9_]*'
outside+='|EVP_(CIPHER|KDF|MAC|MD|PKEY)_[A-Za-z0-9_]*|EVP_(Digest|Encrypt|Decrypt)[A-Za-z0-9_]*'

# check_symbols ARCHIVE: prints what the core uses from outside, and state that can change.
check_symbols() {
    local found=0
    if nm -A -u "$1" | awk '{ sub(/.*:/, "", $1); print $NF }' | sort -u |
        comm -23 - <(nm --defined-only "$1" | awk 'NF == 3 { print $3 }' | sort -u) |
        grep -vxE "$outside" >"$temp/outside"; then
        while IFS= read -r symbol; do
            echo "the core uses $symbol: $(nm -A -u "$1" | awk -v s="$symbol" \
                '$NF == s { sub(/:[^:]*$/, "", $1); sub(/.*:/, "", $1); printf "%s ", $1 }')"
        done <"$temp/outside"
        found=1
    fi
    # .data.rel.ro holds const tables of pointers; the linker makes it read-only.
    if objdump -t "$1" | awk -F '\t' '
        /^[^ ]*: +file format/ { sub(/: .*/, ""); file = $0 }
        NF == 2 {
            split($1, left, / +/); n = split($1, word, / +/); section = word[n]
            split($2, right, / +/)
            if (section !~ /^(\.t?(data|bss).*|\*COM\*)$/ || section ~ /^\.data\.rel\.ro/) next
            if (right[1] !~ /^0+$/) { print file ": " right[2] " in " section " can change"; bad = 1 }
        }
        END { exit !bad }'; then
        found=1
    fi
    return $found
}

# compile_core ROOT: to $temp/core.a, without sanitizers.
compile_core() {
    local room source flags
    flags=$(pkg-config --cflags libcrypto 2>/dev/null || true)
    mkdir "$temp/objects"
    for room in "${core_rooms[@]}"; do
        for source in "$1/lib/$room"/*.c; do
            printf '%s %s\n' "$source" "$temp/objects/${room}_$(basename "$source" .c).o"
        done
    done | xargs -P 2 -L 1 "$here/tests/floors.sh" --compile "$1" "$flags" || return 1
    ar rcs "$temp/core.a" "$temp/objects"/*.o
}

self_test() {
    local missed=0
    # judge WHAT NAME CHECK...: the check must fail and name it.
    judge() {
        local what=$1 name=$2
        shift 2
        if "$@" >"$temp/said" 2>&1 || ! grep -q "$name" "$temp/said"; then
            echo "not found: $what"
            cat "$temp/said"
            missed=1
        fi
    }
    # include WHAT FILE LINE: with LINE added to FILE.
    include() {
        rm -rf "$temp/copy"
        mkdir "$temp/copy"
        cp -r "$here/include" "$here/lib" "$here/apps" "$here/netsim" "$temp/copy"
        mkdir -p "$(dirname "$temp/copy/$2")"
        printf '\n%s\n' "$3" >>"$temp/copy/$2"
        judge "$1" "$(dirname "$2")" check_includes "$temp/copy"
    }
    # symbol WHAT NAME CODE: with an object made from CODE added to the core.
    symbol() {
        printf '%s\n' "$3" >"$temp/planted.c"
        cp "$clean" "$temp/planted.a"
        compile_one "$here" '' "$temp/planted.c" "$temp/planted.o"
        ar q "$temp/planted.a" "$temp/planted.o"
        judge "$1" "$2" check_symbols "$temp/planted.a"
    }

    include "an upper floor" lib/wire/packet.c '#include "conn/connection.h"'
    include "a neighbour" lib/recovery/loss.c '#include "delivery/outbox.h"'
    include "another room's private.h" lib/endpoint/core.c '#include "conn/private.h"'
    include "sockets in the core" lib/conn/build.c '#include <sys/socket.h>'
    include "libevent in the core" lib/endpoint/core.c '#include <event2/event.h>'
    include "the driver around core.h" lib/event/conn.c '#include "conn/connection.h"'
    include "an app in the library" apps/client.c '#include "wire/packet.h"'
    include "netsim in the library" netsim/model/link.c '#include "wire/packet.h"'
    include "files in netsim's model" netsim/model/link.c '#include <unistd.h>'
    include "a folder without a floor" lib/attic/old.c '#include <stdio.h>'

    local clean=$archive
    symbol "the heap" malloc 'void *malloc(unsigned long);
        void *belay_planted(void) { return malloc(9); }'
    symbol "a clock" clock_gettime 'int clock_gettime(int, void *);
        int belay_planted(void) { char t[64]; return clock_gettime(1, t); }'
    symbol "a stream" puts 'int puts(const char *);
        int belay_planted(void) { return puts("hello"); }'
    symbol "randomness" RAND_bytes 'int RAND_bytes(void *, int);
        int belay_planted(void) { char t[64]; return RAND_bytes(t, 64); }'
    symbol "state" calls 'int belay_planted(void) { static int calls; return ++calls; }'
    symbol "initialized state" belay_planted 'int belay_planted = 7;'
    symbol "thread state" belay_planted '_Thread_local int belay_planted;'
    return $missed
}

compile_one() {
    # shellcheck disable=SC2086 # flags are words
    "${CC:-cc}" -std=c11 -O2 -fPIC -w -I"$1/include" -I"$1/lib" '-DBELAY_VERSION=""' \
        $2 -c "$3" -o "$4"
}

if [ "${1-}" = --compile ]; then # for compile_core
    shift
    compile_one "$@"
    exit
fi

temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT
archive=
check=check_all
while [ $# -gt 0 ]; do
    case $1 in
    --archive)
        archive=${2:?--archive needs a file}
        shift
        ;;
    --self-test) check=self_test ;;
    *)
        echo "floors.sh: unknown option '$1'" >&2
        exit 2
        ;;
    esac
    shift
done

check_all() {
    local status=0
    check_includes "$here" || status=1
    check_symbols "$archive" || status=1
    return $status
}

if [ -z "$archive" ]; then
    compile_core "$here" || { echo "floors.sh: the core does not compile" >&2; exit 1; }
    archive=$temp/core.a
fi
$check || exit 1
echo "floors.sh: nothing wrong"
