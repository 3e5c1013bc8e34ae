#!/bin/bash
# Runs a command in a virtual machine with the kernel's own netem and a clock of its own, which
# counts instructions: the same inputs give the same results, bit for bit, on a busy host too.
# See --help.
set -euo pipefail

vm_dir=$(cd "$(dirname "$(realpath "${BASH_SOURCE[0]}")")" && pwd)

usage() {
    cat <<'END'
usage: belay-netsim vm [OPTION]... -- COMMAND [ARG]...
       belay-netsim vm --setup [--cache DIR] [--force]

Boots a virtual machine without disk and network, runs COMMAND in it as root, shows its output and
exits with its status. The guest has busybox, ip and tc; COMMAND's program is carried in with its
libraries, and so is every ARG that is an existing file. Time in the guest is counted in
instructions: the same inputs, the same results. Output is shown when all is over.

  --carry PATH   carry in this file, or folder whole, at the same path (repeatable). Programs come
                 with their libraries, scripts with their interpreter
  --scan TEXT    carry in the programs and files that this shell command names (repeatable)
  --env N[=V]    set a variable in the guest (repeatable)
  --module NAME  load a module of the kernel, besides veth and sch_netem (repeatable)
  --scan-link W  carry in the tables that a link's words name (repeatable)
  --here         run in a folder of the current one's path instead of /work, with nothing in it
                 but what is carried in; each file in or below it that was written or made in
                 the guest comes back, over one of the same name
  --hide TEXT    do not show the lines of COMMAND's stderr that begin with TEXT
  --out DIR      put stdout, stderr, console and all of the guest's /results there
  --memory MB    of the guest [256, more when much is carried in]
  --seed N       of the machine: its random numbers [1]
  --timeout S    seconds on the host's clock until it is stopped [120]
  --cache DIR    where setup.sh keeps kernel and tools [$BELAY_NETSIM_CACHE, or
                 ~/.cache/belay-netsim/vm]
  --check        only say whether all is there, and which kernel
  --help         this text

Exit status: COMMAND's; 124 the time was over, 125 the machine failed, 126 COMMAND can't be run,
127 COMMAND was not found, 2 wrong usage.
END
}

die() {
    local code=$1
    shift
    echo "belay-netsim vm: $*" >&2
    exit "$code"
}

number() {
    [[ $2 =~ ^[0-9]{1,9}$ && $2 -ge $3 ]] ||
        die 2 "$1 needs a number, $3 or more; \`$2' is none"
}

# ---- options

memory=0 seed=1 seconds=120 here=false out='' hide=''
cache=${BELAY_NETSIM_CACHE:-${XDG_CACHE_HOME:-${HOME:-/nonexistent}/.cache}/belay-netsim/vm}
check=false carry=() scan=() scan_link=() modules=(veth sch_netem) environment=()
while [ $# -gt 0 ]; do
    case $1 in
    --carry | --scan | --scan-link | --env | --module | --hide | --out | --memory | --seed | --timeout | --cache)
        [ $# -ge 2 ] || die 2 "$1 needs a value; belay-netsim vm --help tells which" ;;
    esac
    case $1 in
    --carry) carry+=("$2"); shift ;;
    --scan) scan+=("$2"); shift ;;
    --scan-link) scan_link+=("$2"); shift ;;
    --env) environment+=("$2"); shift ;;
    --module) modules+=("$2"); shift ;;
    --hide) hide=$2; shift ;;
    --out) out=$2; shift ;;
    --memory) number --memory "$2" 64; memory=$2; shift ;;
    --seed)
        [[ $2 =~ ^[0-9]{1,20}$ ]] || die 2 "--seed needs a number; \`$2' is none"
        seed=$2
        shift ;;
    --timeout) number --timeout "$2" 1; seconds=$2; shift ;;
    --cache) cache=$2; shift ;;
    --here) here=true ;;
    --check) check=true ;;
    --help) usage; exit 0 ;;
    --) shift; break ;;
    -*) die 2 "unknown option \`$1'; belay-netsim vm --help tells those there are" ;;
    *) break ;;
    esac
    shift
done
$check || [ $# -gt 0 ] || die 2 "there is no COMMAND; belay-netsim vm --help tells more"

[ -s "$cache/ready" ] || die 125 "it is not set up: belay-netsim vm --setup does it ($cache)"
for tool in qemu-system-x86_64 busybox cpio; do
    command -v $tool >/dev/null || die 125 "there is no $tool: belay-netsim vm --setup installs it"
done
if $check; then
    cat "$cache/ready"
    exit 0
fi
[ -z "$out" ] || mkdir -p "$out" 2>/dev/null || die 125 "can't make the folder $out"

work=$(mktemp -d) || die 125 "can't make a temporary folder"
qemu=
finish() {
    rm -rf "$work"
    [ -z "$qemu" ] || kill -KILL "$qemu" 2>/dev/null || true
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# ---- the guest's files

root=$work/root
. "$vm_dir/carry.sh"

make_tree() {
    mkdir -p "$root"/{usr/{bin,sbin,lib,lib64,share},dev,proc,sys,tmp,run,etc,out,results,work,root}
    mkdir -p "$root"/vm/modules
    ln -s usr/bin usr/sbin usr/lib usr/lib64 "$root/"
    chmod 1777 "$root/tmp"
    cp -r "$cache/tools/." "$root/"
    cp "$vm_dir/init.sh" "$root/init"
    chmod 755 "$root/init"
    echo "root:x:0:0:root:/root:/bin/sh" >"$root/etc/passwd"
    echo "root:x:0:" >"$root/etc/group"
    printf '127.0.0.1 localhost netsim\n::1 localhost\n' >"$root/etc/hosts"
    echo "hosts: files" >"$root/etc/nsswitch.conf"
}

# needs MODULE: the modules that it needs, as its own text says.
needs() {
    tr '\0' '\n' <"$cache/modules/$1.ko" | sed -n 's/^depends=\(.\)/\1/p' | tr ',-' '\n_'
}

# add_modules LIST NAME...: those files and what they need, in the order of loading.
add_modules() {
    local list=$1 name needed
    shift
    for name in "$@"; do
        name=${name//-/_}
        ! grep -qx "$name" "$root"/vm/modules/{first,last} 2>/dev/null || continue
        if [ ! -e "$cache/modules/$name.ko" ]; then
            grep -q "/${name//_/[-_]}\\.ko\$" "$cache/modules/builtin" ||
                die 125 "the guest's kernel has no module \`$name'"
            continue
        fi
        mapfile -t needed < <(needs "$name")
        add_modules "$list" "${needed[@]}"
        cp "$cache/modules/$name.ko" "$root/vm/modules/"
        echo "$name" >>"$root/vm/modules/$list"
    done
}

# The word, quoted for any shell.
quoted() {
    printf "'%s'" "${1//\'/\'\\\'\'}"
}

# The variables that change how programs run; the guest knows no others.
write_environment() {
    local name word
    for name in $(compgen -e); do
        case $name in
        LANG | LC_* | TZ | TC_LIB_DIR | LD_LIBRARY_PATH | LD_PRELOAD | PYTHON* | *SAN_OPTIONS)
            echo "export $name=$(quoted "${!name}")" ;;
        esac
    done
    echo "export HOME=$(quoted "${HOME:-/root}") USER=root LOGNAME=root TERM=dumb"
    echo "export PATH=$(quoted "$PATH:/usr/sbin:/usr/bin") PYTHONDONTWRITEBYTECODE=1"
    for word in "${environment[@]}"; do
        name=${word%%=*}
        [[ $name =~ ^[A-Za-z_][A-Za-z0-9_]*$ ]] || die 2 "--env: \`$name' is no variable's name"
        [[ $word == *=* ]] || word=$name=${!name-}
        echo "export $name=$(quoted "${word#*=}")"
    done
}

# write_command COMMAND ARG...
write_command() {
    local word folder=/work
    ! $here || folder=$PWD
    {
        write_environment
        echo "cd $(quoted "$folder") || exit 125"
        printf exec
        for word in "$@"; do
            printf ' %s' "$(quoted "$word")"
        done
        echo
    } >"$root/vm/command"
    mkdir -p "$root$folder" "$root${HOME:-/root}"
    ! $here || printf '%s\n' "$PWD" >"$root/vm/here"
}

# carry_command COMMAND ARG...
carry_command() {
    local word
    if [[ $1 == */* ]]; then
        [ -e "$1" ] || die 127 "there is no \`$1'"
        [[ -f $1 && -x $1 ]] || die 126 "\`$1' is not a program"
        carry_path "$1"
    elif ! carry_program "$1"; then
        busybox --list | grep -qxF -- "$1" || die 127 "\`$1' is not in \$PATH"
    fi
    for word in "${@:2}"; do
        [ ! -f "$word" ] || carry_path "$word"
    done
    for word in "${scan[@]}"; do
        carry_words "$word"
    done
    for word in "${scan_link[@]}"; do
        carry_tables "$word"
    done
    for word in "${carry[@]}"; do
        [ -e "$word" ] || die 125 "--carry: there is no \`$word'"
        carry_path "$word"
    done
}

# Files with times and an order that the host has no part in.
write_archive() {
    touch "$root/vm/marker"
    find "$root" -exec touch -h -d 2020-01-01T00:00:00Z {} +
    touch -d 2025-12-31T00:00:00Z "$root/vm/marker"
    (cd "$root" && find . -print0 | LC_ALL=C sort -z |
        cpio --quiet --null --reproducible -R 0:0 -H newc -o) >"$work/cpio"
}

make_tree
carry_elfs+=("$root"/usr/sbin/{ip,tc})
for program in busybox dash; do
    path=$(type -P $program) || continue
    cp -L "$path" "$root/usr/bin/$program"
    carry_elfs+=("$path")
done
if [ -e "$root/usr/bin/dash" ]; then ln -s dash "$root/usr/bin/sh"; fi
add_modules first "${modules[@]}"
add_modules last virtio_ring virtio virtio_mmio virtio_blk
write_command "$@"
carry_command "$@"
carry_all
busybox --install -s "$root/usr/bin" 2>/dev/null || true # what is there stays
rm -f "$root"/usr/bin/{ip,tc}
write_archive

# ---- the machine

archive_mb=$(($(stat -c %s "$work/cpio") >> 20))
if [ "$memory" -eq 0 ]; then
    # While it unpacks, the archive is there twice, and files may take half of the memory.
    memory=$(((128 + 3 * archive_mb + 63) / 64 * 64))
    [ $memory -ge 256 ] || memory=256
fi
truncate -s "${memory}M" "$work/disk"
touch "$work/console" "$work/qemu"
mkfifo "$work/pipe"
exec 3<"$work/cpio" 4<>"$work/disk" 5<>"$work/console" 6<"$cache/vmlinuz" 7<>"$work/qemu"
exec 8<>"$work/pipe"
exec 9<"$work/pipe" 10>"$work/pipe" 8<&- # what opens one end alone waits for the other
rm -rf "$work" # open files go with the last process, whatever is killed

# What boots need and nobody here does takes two thirds of the time of booting.
skipped=bpf_tcp_ca_kfunc_init,bpf_dummy_struct_ops_init,load_system_certificate_list
skipped+=,jent_mod_init,init_kprobe_trace
kernel_words="console=ttyS0 quiet panic=0 reboot=t cryptomgr.notests initcall_blacklist=$skipped"
# Without -cx16 QEMU 7.2's guest crashed now and then (4 boots of 55, by garbage in the flags, mostly
# right after cmpxchg16b); with it none of 60 did.
machine=(qemu-system-x86_64 -M microvm,x-option-roms=off,rtc=on -accel tcg
    -cpu "qemu64,+arat,+rdrand,-cx16" -icount "shift=1,sleep=off" -seed "$seed"
    -rtc "base=2026-01-01,clock=vm" -m "$memory"
    -kernel /dev/fd/6 -initrd /dev/fd/3 -append "$kernel_words"
    -display none -monitor none -serial file:/dev/fd/10 -no-reboot
    -drive id=disk,file=/dev/fd/4,format=raw,if=none,cache=unsafe
    -device virtio-blk-device,drive=disk)
# Nothing survives, however this script ends.
dies_with_parent=(setpriv --pdeathsig KILL)
exec 11>&2 2>/dev/null # the shell would tell that QEMU was killed
"${dies_with_parent[@]}" timeout -s KILL "$seconds" "${dies_with_parent[@]}" "${machine[@]}" \
    </dev/null >&7 2>&1 9<&- 11>&- &
qemu=$!
over_s=$((SECONDS + seconds))

# The console, until the guest's last word: the first of these says that all results are on the
# disk. Without a word it ends with QEMU.
"${dies_with_parent[@]}" sed -u '/netsim-machine: done/q10
    /netsim-machine: failed/q11; /end Kernel panic/q12' <&9 >&5 10>&- 11>&- &
reader=$!
exec 9<&- 10>&-
word=0 # sed's status: which word
wait "$reader" || word=$?
[ $word -eq 0 ] || kill -KILL "$qemu" 2>/dev/null || true
code=0
wait "$qemu" || code=$?
qemu=
exec 2>&11 11>&-

# ---- what comes back

# A crash is told in its first line and followed by a screen of registers.
last_words() {
    local crash='Kernel panic|BUG:|Oops|PANIC:|Out of memory|oom-kill'
    tr -d '\r' </dev/fd/5 >"$work/said"
    {
        head -n -8 "$work/said" | grep -E "$crash" || true
        tail -n 8 "$work/said"
    } | sed 's/^/  /'
}

# failed WHY: with what QEMU and the guest said.
failed() {
    cat /dev/fd/7 >&2
    echo "belay-netsim vm: $1; the guest's last words:" >&2
    last_words >&2
    exit 125
}

work=$(mktemp -d) || die 125 "can't make a temporary folder"
mkdir "$work/results"
results=$work/results
[ -z "$out" ] || cp -L /dev/fd/5 "$out/console"
case $word in
10) ;;
11) failed "the results do not fit on the disk; a larger --memory makes it larger" ;;
12) failed "the guest's kernel crashed" ;;
*)
    [ $code -ne 137 ] || [ $SECONDS -lt $over_s ] ||
        die 124 "stopped: $seconds s were over (--timeout)"
    failed "QEMU ended (status $code) before the guest had handed over its results" ;;
esac
tar -x -C "$results" --no-same-owner -m <&4 2>/dev/null || true
[ -s "$results/status" ] || failed "there is no status in the results"
grep '^belay-netsim: ' /dev/fd/5 >&2 || true
if [ -n "$out" ]; then
    cp "$results"/{stdout,stderr} "$out/"
    cp -r "$results/results/." "$out/"
fi
! $here || cp -r --no-preserve=all "$results/here/." .
cat "$results/stdout"
if [ -z "$hide" ]; then
    cat "$results/stderr" >&2
else
    hide=$hide awk 'index($0, ENVIRON["hide"]) != 1' "$results/stderr" >&2
fi
exit "$(cat "$results/status")"
