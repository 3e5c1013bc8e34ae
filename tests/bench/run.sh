#!/usr/bin/env bash
# Belay beside its peers: builds what it needs into build/bench and hands over to run.py, whose
# options --help lists. --build-dir DIR: everything is built there already.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../setup.sh"

here=$belay_root/tests/bench
for argument in "$@"; do
    case $argument in
    --help | --build-dir | --build-dir=*) exec python3 "$here/run.py" "$@" ;;
    esac
done

cd "$belay_root"
install_missing "${build_packages[@]}" python3
# A peer that can't be had is left out, and run.py says so.
for package in libenet-dev libsrt-openssl-dev libudt-dev libusrsctp-dev g++ gnuplot-nox iproute2; do
    (install_missing "$package") || skipped "what needs $package: it can't be had"
done
build build/bench -DCMAKE_BUILD_TYPE=Release -DBELAY_BENCH=ON -DBELAY_TESTS=OFF
exec python3 "$here/run.py" --build-dir build/bench "$@"
