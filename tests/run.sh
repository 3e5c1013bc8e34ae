#!/bin/bash
# All tests. See --help.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

usage() {
    cat <<'END'
usage: tests/run.sh [--quick] [--seeds N] [--vm] [--mutants] [--fuzz SECONDS]

Builds Belay and runs its tests. On Debian, missing packages are installed first (as root or
through sudo). Builds are in build/ and are kept, so that a second run is shorter. Stops at the
first stage that fails; the last lines are ctest's summary.

  1. gcc, Release, warnings are errors: the unit tests, the stories, the floors
  2. gcc, portable I/O (plain sendmsg and recvmsg): the tests that use sockets
  3. the kernel's own netem, in a virtual machine, between the echo apps and against the model;
     each eighth line of the recording anew; SKIPPED when its packages can't be had
  4. each fuzzer for 20 s from its corpus, the lines that the corpora reach, planted crashes
  5. clang, AddressSanitizer, UndefinedBehaviorSanitizer, leaks: all other tests

  --quick      the last stage alone, without the property run
  --vm         the virtual machine alone: that, what takes longer, and the whole recording
  --seeds N    run N seeds in the property run [1000]
  --mutants    instead: show that each planted bug of tests/mutants/ turns its test red
  --fuzz N     instead: fuzz each target for N seconds, and show what the corpora reach and that
               planted crashes are found (tests/fuzz/run.sh)
  --help       this text

What can't run here is listed as SKIPPED, with the reason.
END
}

quick=false
mutants=false
vm_only=false
seeds=
fuzz_seconds=
while [ $# -gt 0 ]; do
    case $1 in
    --help) usage; exit 0 ;;
    --quick) quick=true ;;
    --mutants) mutants=true ;;
    --vm) vm_only=true ;;
    --seeds)
        [[ ${2-} =~ ^[1-9][0-9]{0,8}$ ]] ||
            { echo "run.sh: --seeds needs a number, 1 or more" >&2; exit 2; }
        seeds=$2
        shift ;;
    --fuzz)
        [[ ${2-} =~ ^[1-9][0-9]{0,6}$ ]] ||
            { echo "run.sh: --fuzz needs a number of seconds, 1 or more" >&2; exit 2; }
        fuzz_seconds=$2
        shift ;;
    *) echo "run.sh: unknown option '$1'; --help lists those there are" >&2; exit 2 ;;
    esac
    shift
done

cd "$belay_root"
exec </dev/null
install_missing "${build_packages[@]}" "${test_packages[@]}"

if $mutants; then
    [ -x tests/mutants/run.sh ] || fail "there is no tests/mutants/run.sh"
    exec tests/mutants/run.sh
fi

[ -z "$fuzz_seconds" ] || exec tests/fuzz/run.sh --seconds "$fuzz_seconds"

stage() {
    local dir=$1
    shift
    ctest --test-dir "$dir" -j 2 --output-on-failure --no-tests=error --no-label-summary \
        --timeout 300 "$@"
}

# Leaks are found through ptrace, which some containers forbid.
probe_leak_check() {
    local probe=build/leak-probe
    mkdir -p build
    echo 'int main(void) { return 0; }' | clang -fsanitize=address -x c -o $probe -
    if ! ASAN_OPTIONS=detect_leaks=1 $probe 2>/dev/null; then
        skipped "leak check: LeakSanitizer does not run here (ptrace forbidden?)"
        leaks=0
    fi
    rm -f $probe
}

# vm_stage OPTION...: ctest's. Its packages, or a loud word why not.
vm_stage() {
    say "the kernel's netem, in a virtual machine"
    if [ "$(uname -m)" != x86_64 ] || ! command -v apt-get >/dev/null; then
        skipped "the virtual machine: it needs x86_64 and apt"
        return 0
    fi
    if ! (install_missing "${vm_packages[@]}"); then
        skipped "the virtual machine: its packages can't be had"
        return 0
    fi
    stage build/gcc -L '^vm$' "$@"
}

if $vm_only; then
    build build/gcc -DCMAKE_C_COMPILER=gcc -DCMAKE_BUILD_TYPE=Release -DBELAY_WERROR=ON
    vm_stage -E '^netsim_vm_record$'
    stage build/gcc -L '^vm_long$'
    say "all lines of the recording, anew"
    netsim/conformance/record.sh --check --netsim build/gcc/netsim/belay-netsim \
        --tests build/gcc/tests/netsim || [ $? -eq 77 ]
    exit
fi

if ! $quick; then
    say "gcc, Release: unit tests, stories, floors"
    build build/gcc -DCMAKE_C_COMPILER=gcc -DCMAKE_BUILD_TYPE=Release -DBELAY_WERROR=ON
    stage build/gcc -L '^(unit|floors)$'

    say "gcc, portable I/O: tests with sockets"
    build build/portable -DCMAKE_C_COMPILER=gcc -DCMAKE_BUILD_TYPE=Release -DBELAY_WERROR=ON \
        -DBELAY_PORTABLE_IO=ON
    stage build/portable -R '^(event|apps|netsim_cli)_'

    vm_stage

    tests/fuzz/run.sh --seconds 20 || [ $? -eq 77 ]
fi

say "clang, sanitizers: all tests"
leaks=1
probe_leak_check
for tool in clang-format-14 mandoc groff ip ping tshark; do
    command -v $tool >/dev/null || skipped "what needs $tool: it is not installed"
done
[ -e /proc/net/if_inet6 ] || skipped "IPv6: this machine has none"
# Debug: with assertions.
build build/clang -DCMAKE_C_COMPILER=clang -DCMAKE_BUILD_TYPE=Debug \
    -DCMAKE_C_FLAGS_DEBUG='-O1 -g' -DBELAY_WERROR=ON -DBELAY_SANITIZE=address,undefined
export ASAN_OPTIONS=detect_leaks=$leaks:strict_string_checks=1:detect_stack_use_after_return=1
export UBSAN_OPTIONS=print_stacktrace=1
if $quick; then
    skipped "the property run, fuzzing, gcc and portable builds: --quick"
    stage build/clang -LE '^vm' -E '^sim_property$'
elif [ -n "$seeds" ]; then
    build/clang/tests/sim/test_sim_property --seeds "$seeds" --jobs 2
    stage build/clang -LE '^vm' -E '^sim_property$'
else
    stage build/clang -LE '^vm'
fi
