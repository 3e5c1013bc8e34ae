# Sourced, after setup.sh, by the scripts of this folder: builds and runs fuzzers. Needs bash.

fuzz_build=build/fuzz
fuzz_programs=$fuzz_build/tests/fuzz
fuzz_work=build/fuzz/work
fuzz_seed=1
input_bytes_max=1000

need_seconds() {
    [[ $1 =~ ^[1-9][0-9]{0,6}$ ]] ||
        { echo "${0##*/}: --seconds needs a number, 1 or more" >&2; exit 2; }
}

# Exits 77 where there is no libFuzzer.
need_fuzzer() {
    local probe=build/fuzz-probe
    mkdir -p build
    if ! echo 'int LLVMFuzzerTestOneInput(const unsigned char *d, long n) { return !d && n < 0; }' |
        clang -fsanitize=fuzzer,address -x c -o $probe - 2>/dev/null; then
        skipped "fuzzing: clang with libFuzzer is not installed (Debian: clang libclang-rt-14-dev)"
        exit 77
    fi
    # Leaks are found through ptrace, which some containers forbid.
    leaks=1
    $probe -runs=1 >/dev/null 2>&1 || leaks=0
    [ $leaks = 1 ] || skipped "leak check: LeakSanitizer does not run here (ptrace forbidden?)"
    rm -f $probe
}

# build_fuzzers WHAT...: with ninja, configured with CMake.
build_fuzzers() {
    local log
    log=$(cmake -G Ninja -S "$belay_root" -B $fuzz_build -DCMAKE_C_COMPILER=clang \
        -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS_DEBUG='-O1 -g' -DBELAY_WERROR=ON \
        -DBELAY_SANITIZE=address,undefined -DBELAY_FUZZ=ON 2>&1) ||
        { printf '%s\n' "$log" >&2; fail "configuring $fuzz_build failed"; }
    log=$(ninja --quiet -C $fuzz_build "$@" 2>&1) ||
        { printf '%s\n' "$log" >&2; fail "building $fuzz_build failed"; }
    mkdir -p $fuzz_work/log
}

# run_fuzzer PROGRAM TARGET SECONDS ARGUMENT...: its output and exit code to work/log.
run_fuzzer() {
    local program=$1 target=$2 time=$3 dictionary=tests/fuzz/$2.dict code=0 started=$SECONDS
    shift 3
    [ ! -e "$dictionary" ] || set -- -dict="$dictionary" "$@"
    ASAN_OPTIONS=detect_leaks=$leaks:malloc_context_size=8:detect_stack_use_after_return=1 \
        UBSAN_OPTIONS=print_stacktrace=1 \
        $fuzz_programs/"$program" -seed=$fuzz_seed -max_total_time="$time" \
        -max_len=$input_bytes_max -len_control=0 -timeout=20 -rss_limit_mb=2048 \
        -print_final_stats=1 "$@" >$fuzz_work/log/"$program".txt 2>&1 || code=$?
    echo $code >$fuzz_work/log/"$program".exit
    echo $((SECONDS - started)) >$fuzz_work/log/"$program".seconds
}

# two_at_a_time FUNCTION ARGUMENT...: calls it for each argument.
two_at_a_time() {
    local call=$1 argument
    shift
    for argument in "$@"; do
        while [ "$(jobs -rp | wc -l)" -ge 2 ]; do
            wait -n || true
        done
        "$call" "$argument" &
    done
    wait
}

# last_figure NAME LOG: as libFuzzer's lines have it: "cov: 120 ft: 300".
last_figure() {
    sed -n "s/^#.* $1: \([0-9]*\).*/\1/p" "$2" | tail -n 1
}
