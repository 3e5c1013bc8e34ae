#!/bin/bash
# Installs the library, static and shared, and builds programs against it outside of the tree:
# C and C++, with CMake's find_package and with pkg-config.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT
export CC=${CC:-cc} CXX=${CXX:-c++}
unset CFLAGS CXXFLAGS LDFLAGS DESTDIR

step() {
    local log
    log=$("$@" 2>&1) || { printf 'failed: %s\n%s\n' "$*" "$log" >&2; exit 1; }
}

# install_as KIND OPTION...: into $temp/KIND.
install_as() {
    local kind=$1
    shift
    # The prefix is chosen last: what is installed must find itself from where it lies.
    step cmake -G Ninja -S "$root" -B "$temp/build-$kind" -DCMAKE_BUILD_TYPE=Debug \
        -DCMAKE_INSTALL_LIBDIR=lib -DBELAY_TESTS=OFF "$@"
    step cmake --build "$temp/build-$kind"
    step cmake --install "$temp/build-$kind" --prefix "$temp/$kind"
}

with_cmake() {
    local kind=$1 dir=$temp/cmake-$1
    mkdir "$dir"
    cp "$here/consumer.c" "$here/consumer.cc" "$dir"
    cp "$here/consumer.cmake" "$dir/CMakeLists.txt"
    step cmake -G Ninja -S "$dir" -B "$dir/build" -DCMAKE_PREFIX_PATH="$temp/$kind"
    step cmake --build "$dir/build"
    "$dir/build/consumer"
    "$dir/build/consumer_cc"
}

with_pkg_config() {
    local kind=$1 flags libs dir=$temp/pkg-config-$1
    shift
    mkdir "$dir"
    export PKG_CONFIG_PATH=$temp/$kind/lib/pkgconfig
    flags=$(pkg-config --cflags belay)
    libs=$(pkg-config "$@" --libs belay)
    # shellcheck disable=SC2086 # flags are words
    {
        step "$CC" -std=c11 -Wall -Wextra -Wpedantic -Werror $flags "$here/consumer.c" \
            -o "$dir/consumer" $libs
        step "$CXX" -std=c++11 -Wall -Wextra -Wpedantic -Werror $flags "$here/consumer.cc" \
            -o "$dir/consumer_cc" $libs
        for example in "$root"/examples/*.c; do
            step "$CC" -std=c11 -Wall -Werror $flags "$example" \
                -o "$dir/$(basename "$example" .c)" $libs
        done
    }
    LD_LIBRARY_PATH=$temp/$kind/lib "$dir/consumer"
    LD_LIBRARY_PATH=$temp/$kind/lib "$dir/consumer_cc"
}

# Each header needs nothing before it.
for header in "$root"/include/belay/*.h; do
    step "$CC" -std=c11 -Wall -Wextra -Wpedantic -Werror -I"$root/include" -fsyntax-only -x c \
        "$header"
    step "$CXX" -std=c++11 -Wall -Wextra -Wpedantic -Werror -I"$root/include" -fsyntax-only \
        -x c++ -include "$header" /dev/null
done

install_as static
with_cmake static
with_pkg_config static --static
for program in belay-echo-server belay-echo-client belay-keygen belay-netsim; do
    step "$temp/static/bin/$program" --help
    [ -s "$temp/static/share/man/man1/$program.1" ] || { echo "$program.1 is missing" >&2; exit 1; }
done

install_as shared -DBUILD_SHARED_LIBS=ON -DBELAY_APPS=OFF
with_cmake shared
with_pkg_config shared
