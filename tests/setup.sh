# Sourced by tests/run.sh and netsim/demo.sh: installs what is missing, and says what it skips.
# Needs bash.

# The root of the checkout.
belay_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

build_packages=(gcc libc6-dev cmake ninja-build pkg-config
    libevent-dev libssl-dev libjansson-dev libinih-dev zlib1g-dev)
# Faster AES-GCM; Debian has it for this kind of machine alone.
if [ "$(dpkg --print-architecture 2>/dev/null)" = amd64 ]; then
    build_packages+=(libipsec-mb-dev)
fi
# libclang-rt-14-dev: the sanitizers. llvm-14: their line numbers.
test_packages=(clang libclang-rt-14-dev llvm-14 g++ binutils git libcmocka-dev python3
    clang-format-14 groff-base mandoc iproute2 iputils-ping tshark)
# The virtual machine with the kernel's netem; netsim/vm/setup.sh fetches the kernel itself.
vm_packages=(qemu-system-x86 busybox-static cpio iproute2 xz-utils debian-archive-keyring)

say() {
    printf '== %s\n' "$*"
}

skipped() {
    printf 'SKIPPED %s\n' "$*"
}

fail() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

is_installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

# install_missing PACKAGE...: with apt, as root or through sudo, only what is not there.
install_missing() {
    local package log missing=()
    if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
        skipped "installing packages: no apt here; needed, by Debian's names: $*"
        return 0
    fi
    for package in "$@"; do
        is_installed "$package" || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    say "installing ${missing[*]}"
    if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null; then
        fail "not root and no sudo: install these packages first: ${missing[*]}"
    fi
    log=$(as_root apt-get -qq update 2>&1) || { echo "$log" >&2; fail "apt-get update failed"; }
    log=$(as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o Dpkg::Use-Pty=0 \
        install --no-install-recommends "${missing[@]}" 2>&1 </dev/null) ||
        { echo "$log" >&2; fail "could not install: ${missing[*]}"; }
}

# build DIR OPTION...: configures with CMake (quietly, unless it fails) and builds.
build() {
    local dir=$1 log
    shift
    log=$(cmake -G Ninja -S "$belay_root" -B "$dir" "$@" 2>&1) ||
        { printf '%s\n' "$log" >&2; fail "configuring $dir failed"; }
    log=$(ninja --quiet -C "$dir" 2>&1) || { printf '%s\n' "$log" >&2; fail "building $dir failed"; }
}
