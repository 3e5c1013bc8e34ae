#!/bin/bash
# Gets what the virtual machine needs: QEMU and the like from the system's packages, a kernel with
# netem and iproute2 unpacked into a cache. See --help.
set -euo pipefail

usage() {
    cat <<'END'
usage: belay-netsim vm --setup [--cache DIR] [--force]

Prepares the virtual machine of belay-netsim, with apt alone:

  1. installs, where they are missing, qemu-system-x86, busybox-static, cpio, iproute2, xz-utils
     and debian-archive-keyring (as root or through sudo);
  2. downloads Debian's cloud kernel and iproute2 from bookworm-backports, and unpacks what is
     needed of them. The machine's own kernel, iproute2 and lists of packages stay as they are.
     Can't backports be had, then those of bookworm itself, whose netem has no `seed`.

The second step needs no privileges. Called again it is quick and says what is there.

  --cache DIR  where to keep it [$BELAY_NETSIM_CACHE, or ~/.cache/belay-netsim/vm]
  --force      fetch again, even when all is there
  --help       this text

Exit status: 0 all is there, 2 wrong usage, 69 the packages can't be had here, 1 other failures.
$BELAY_NETSIM_MIRROR: a mirror of Debian [http://deb.debian.org/debian].
END
}

die() {
    local code=$1
    shift
    echo "belay-netsim vm: $*" >&2
    exit "$code"
}

say() {
    echo "belay-netsim vm: $*" >&2
}

unavailable=69 # EX_UNAVAILABLE of sysexits(3)
cache=${BELAY_NETSIM_CACHE:-${XDG_CACHE_HOME:-${HOME:-/nonexistent}/.cache}/belay-netsim/vm}
mirror=${BELAY_NETSIM_MIRROR:-http://deb.debian.org/debian}
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
force=false
while [ $# -gt 0 ]; do
    case $1 in
    --cache)
        [ -n "${2-}" ] || die 2 "--cache needs a folder"
        cache=$2
        shift ;;
    --force) force=true ;;
    --help) usage; exit 0 ;;
    *) die 2 "unknown argument \`$1'; belay-netsim vm --setup --help tells those there are" ;;
    esac
    shift
done

missing_packages() {
    command -v qemu-system-x86_64 >/dev/null || echo qemu-system-x86
    command -v busybox >/dev/null || echo busybox-static
    command -v cpio >/dev/null || echo cpio
    command -v xz >/dev/null || echo xz-utils
    # For its libraries: the guest runs a newer iproute2 with them.
    [ -x /sbin/ip ] || [ -x /usr/bin/ip ] || echo iproute2
    [ -r $keyring ] || echo debian-archive-keyring
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo -n "$@"
    fi
}

install_missing() {
    local log missing
    mapfile -t missing < <(missing_packages)
    [ ${#missing[@]} -gt 0 ] || return 0
    as_root true 2>/dev/null ||
        die $unavailable "as root, first: apt-get install --no-install-recommends ${missing[*]}"
    say "installing ${missing[*]} (QEMU: 20 MB to fetch, 130 MB of disk)"
    log=$(as_root apt-get -qq update 2>&1) || say "apt-get update failed; going on: $log"
    log=$(as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o Dpkg::Use-Pty=0 \
        install --no-install-recommends "${missing[@]}" 2>&1 </dev/null) ||
        { echo "$log" >&2; die $unavailable "could not install: ${missing[*]}"; }
}

# apt with a state of its own in the folder `apt`: COMMAND [ARG]...
own_apt() {
    "$1" -o Dir::Etc::SourceList="$part/apt/sources.list" -o Dir::Etc::SourceParts=/dev/null \
        -o Dir::State::Lists="$part/apt/lists" -o Dir::Cache="$part/apt/cache" \
        -o APT::Sandbox::User=root -o APT::Architecture=amd64 -o APT::Update::Error-Mode=any \
        -o Acquire::Languages=none -o Acquire::Retries=2 -o Acquire::http::Timeout=20 \
        -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false \
        -o Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled=false "${@:2}"
}

# fetch SUITE: the kernel's and iproute2's packages, in $part/apt. Else false, with the reason.
fetch() {
    local suite=$1 kernel
    rm -rf "$part/apt"
    mkdir -p "$part"/apt/{lists,cache,deb}
    echo "deb [signed-by=$keyring] $mirror $suite main" >"$part/apt/sources.list"
    own_apt apt-get -qq update >"$part/log" 2>&1 || return 1
    kernel=$(own_apt apt-cache depends -i linux-image-cloud-amd64 2>>"$part/log" |
        awk '/Depends: linux-image-/ { print $2; exit }')
    [ -n "$kernel" ] || { echo "no linux-image-cloud-amd64 in $suite" >>"$part/log"; return 1; }
    say "fetching $kernel and iproute2 from $suite ($(own_apt apt-cache show "$kernel" \
        iproute2 | awk '/^Size:/ { bytes += $2 } END { printf "%.0f MB", bytes / 1e6 }'))"
    (cd "$part/apt/deb" && own_apt apt-get -qq download "$kernel" iproute2) >>"$part/log" 2>&1
}

# Modules of network and virtio; the rest of the kernel's 100 MB can't be of use here.
keep_modules() {
    local from file
    from=$(echo "$part"/unpacked/lib/modules/*/kernel)
    mkdir "$part/modules"
    find "$from"/{net,lib,crypto,arch,drivers/virtio,drivers/block} "$from"/drivers/net/*.ko* \
        -name '*.ko*' -exec cp -t "$part/modules" {} +
    find "$part/modules" -name '*.xz' -exec xz -d {} +
    for file in "$part"/modules/*.ko; do
        [ -s "$file" ] || return 1
    done
    cp "$(dirname "$from")/modules.builtin" "$part/modules/builtin"
}

# The tools at the same paths as in Debian's packages, with the tables they read.
keep_tools() {
    local from=$part/unpacked
    mkdir -p "$part"/tools/usr/{sbin,share}
    find "$from"/{,usr/}{bin,sbin} \( -name ip -o -name tc \) -type f \
        -exec cp -t "$part/tools/usr/sbin" {} + 2>/dev/null || true
    cp -r "$from/usr/share/iproute2" "$part/tools/usr/share/" 2>/dev/null || true
    (cd "$from" && find . -name '*.dist' -exec cp --parents -t "$part/tools" {} +)
    [ -x "$part/tools/usr/sbin/ip" ] && [ -x "$part/tools/usr/sbin/tc" ]
}

unpack() {
    local deb
    mkdir "$part/unpacked"
    for deb in "$part"/apt/deb/*.deb; do
        dpkg -x "$deb" "$part/unpacked"
    done
    cp "$part"/unpacked/boot/vmlinuz-* "$part/vmlinuz" && keep_modules && keep_tools
}

describe() {
    local seed=$1
    echo "kernel $(cd "$part/unpacked/boot" && echo vmlinuz-* | sed 's/^vmlinuz-//')"
    echo "iproute2 $(cd "$part/apt/deb" && echo iproute2_* | cut -d_ -f2)"
    echo "seed $seed"
}

warn_without_seed() {
    cat >&2 <<END
belay-netsim vm: WARNING: this is the kernel of bookworm, not of bookworm-backports: \`seed\` in
belay-netsim vm: WARNING: netem's words does NOT work there. Try again with --force.
END
}

report() {
    say "ready: $(tr '\n' ',' <"$cache/ready" | sed 's/,$//; s/,/, /g') in $cache" \
        "($(du -sh "$cache" | cut -f1))"
    ! grep -qx 'seed no' "$cache/ready" || warn_without_seed
}

is_there() {
    [ -s "$cache/ready" ] && [ -s "$cache/vmlinuz" ] && [ -x "$cache/tools/usr/sbin/tc" ]
}

libraries_there() {
    local lacking
    lacking=$(ldd "$part"/tools/usr/sbin/{ip,tc} | awk '/not found/ { print $1 }' | sort -u)
    [ -z "$lacking" ] || die 1 "iproute2 needs libraries that are not here:" "${lacking//$'\n'/ }"
}

# ---- the work

[ "$(uname -s)-$(uname -m)" = Linux-x86_64 ] ||
    die $unavailable "needs Linux on x86_64; this is $(uname -s) on $(uname -m)"
for tool in apt-get apt-cache dpkg; do
    command -v $tool >/dev/null || die $unavailable "needs Debian's packages, and there is no $tool"
done
install_missing
if ! $force && is_there; then
    report
    exit 0
fi

mkdir -p "$(dirname "$cache")" 2>/dev/null ||
    die 1 "can't make $(dirname "$cache"); --cache or \$BELAY_NETSIM_CACHE chooses another folder"
part=$(mktemp -d "$cache.part.XXXXXX") || die 1 "can't write in $(dirname "$cache")"
part=$(realpath "$part")
trap 'rm -rf "$part"' EXIT
trap 'exit 130' INT TERM HUP

seed=yes
if ! fetch bookworm-backports; then
    say "bookworm-backports can't be had: $(tail -n 1 "$part/log")"
    seed=no
    fetch bookworm || die $unavailable "nor bookworm: $(tail -n 1 "$part/log")"
fi
unpack || die 1 "the packages hold something else than was expected"
libraries_there
describe $seed >"$part/ready"
rm -rf "$part"/{apt,unpacked,log}
chmod 755 "$part"
[ ! -e "$cache" ] || [ -e "$cache/ready" ] || rmdir "$cache" 2>/dev/null ||
    die 1 "$cache has something else in it; another folder, please"
rm -rf "$cache"
mv -T "$part" "$cache"
report
