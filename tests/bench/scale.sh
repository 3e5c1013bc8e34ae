#!/usr/bin/env bash
# Belay with many connections: builds what it needs into build/bench and hands over to scale.py,
# whose options --help lists. --build-dir DIR: everything is built there already.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../setup.sh"

here=$belay_root/tests/bench
for argument in "$@"; do
    case $argument in
    --help | -h | --build-dir | --build-dir=*) exec python3 "$here/scale.py" "$@" ;;
    esac
done

cd "$belay_root"
install_missing "${build_packages[@]}" python3 iproute2
build build/bench -DCMAKE_BUILD_TYPE=Release -DBELAY_BENCH=ON -DBELAY_TESTS=OFF
exec python3 "$here/scale.py" --build-dir build/bench "$@"
