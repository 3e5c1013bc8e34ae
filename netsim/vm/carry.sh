# shellcheck shell=bash disable=SC2154
# Sourced by boot.sh: collects what goes into the guest, at the same paths as here, programs with
# their libraries, scripts with their interpreters. Needs bash, $root (the guest's files) and die.

declare -A carried=()
carry_files=() # to copy
carry_elfs=()  # of them: whose libraries are needed too
pythons=()     # interpreters, which know best what they need
scripts=()     # that they may have to run

# The guest has its own of these, newer or smaller than the host's.
is_guests_own() {
    case $1 in
    ip | tc | busybox | sh) return 0 ;;
    esac
    return 1
}

# carry_program NAME: as the shell would find it. False: there is none.
carry_program() {
    local path
    ! is_guests_own "$1" || return 0
    path=$(type -P -- "$1") || return 1
    carry_path "$path"
}

# carry_path PATH: a file with what it needs, or a folder whole.
carry_path() {
    local path file
    path=$(realpath -s -- "$1")
    [ -z "${carried[$path]-}" ] || return 0
    carried[$path]=1
    if [ -d "$path" ]; then
        while IFS= read -r -d '' file; do
            carry_file "$file"
        done < <(find -L "$path" -type f -print0 2>/dev/null | sort -z)
        mkdir -p "$root$path"
        return 0
    fi
    carry_file "$path"
}

carry_file() {
    local path=$1 magic=
    case ${path##*/} in
    python | python[0-9]*)
        if [ -x "$path" ]; then
            pythons+=("$path")
            return
        fi ;;
    *.py) scripts+=("$path") ;;
    esac
    carry_files+=("$path")
    { IFS= LC_ALL=C read -r -n 4 -d '' magic || true; } <"$path" 2>/dev/null
    case $magic in
    $'\x7fELF') carry_elfs+=("$path") ;;
    '#!'*) scripts+=("$path"); carry_interpreter "$path" ;;
    esac
}

# The interpreter of a script, and the program that env(1) would find.
carry_interpreter() {
    local words=() word
    read -r -a words < <(head -n 1 -- "$1" | tr -d '\0\r' | cut -c 3-) || true
    [ ${#words[@]} -gt 0 ] || return 0
    [ ! -e "${words[0]}" ] || carry_path "${words[0]}"
    case ${words[0]} in
    */env)
        for word in "${words[@]:1}"; do
            case $word in
            -* | *=*) ;;
            *) carry_program "$word" || true; break ;;
            esac
        done ;;
    esac
}

# carry_words TEXT: of a shell command, all that names a file or a program. Quotes and operators
# part words; what is too much does no harm.
carry_words() {
    local word words
    mapfile -t words < <(tr -s ' \t"'\''`;|&()<>{}=,' '\n' <<<"$1")
    for word in "${words[@]}"; do
        [ -n "$word" ] || continue
        if [[ $word == */* || -f $word ]]; then
            case $word in
            /dev/* | /proc/* | /sys/*) ;;
            *) [ ! -f "$word" ] || carry_path "$word" ;;
            esac
        fi
        [[ $word == */* ]] || carry_program "$word" || true
    done
}

# carry_tables WORDS: of a link, the files of distributions, by path or by name as tc finds them.
carry_tables() {
    local word folder words
    read -r -d '' -a words <<<"${1//[|;]/ }" || true
    for word in "${words[@]}"; do
        [[ $word != */* ]] || [ ! -f "$word" ] || carry_path "$word"
        for folder in "${TC_LIB_DIR:-/usr/lib/tc}/" /usr/share/tc/; do
            [[ $word == */* ]] || [ ! -f "$folder$word.dist" ] || carry_path "$folder$word.dist"
        done
    done
}

# carry_python PROGRAM: with its library. A launcher in another place (pyenv's) becomes a link to
# the interpreter itself.
carry_python() {
    local executable file
    executable=$("$1" -c 'import sys; print(sys.executable)' 2>/dev/null) || return 0
    if [ -z "${carried[python:$executable]-}" ]; then
        carried[python:$executable]=1
        while IFS= read -r -d '' file; do
            carry_files+=("$file")
            carry_elfs+=("$file")
        done < <("$1" "$vm_dir/python.py" "$root" "${scripts[@]}")
    fi
    carry_link "$1" "$executable"
}

carry_link() {
    [ "$1" != "$2" ] || return 0
    mkdir -p "$root${1%/*}"
    ln -sf "$2" "$root$1"
}

# Libraries, by the paths under which the loader looks for them.
carry_libraries() {
    [ $# -gt 0 ] || return 0
    ldd "$@" 2>/dev/null | awk '
        /=> not found/ { print "belay-netsim vm: lacking " $1 > "/dev/stderr" }
        $2 == "=>" && $3 ~ /^\// { print $3 }
        $1 ~ /^\// && $2 ~ /^\(0x/ { print $1 }' | sort -u
}

# Copies all that was collected into the guest's files.
carry_all() {
    local library program
    for program in "${pythons[@]}"; do
        carry_python "$program"
    done
    # Threads load it when they end, so no program lists it.
    for library in /lib/x86_64-linux-gnu/libgcc_s.so.1 /usr/lib64/libgcc_s.so.1; do
        [ ! -e $library ] || carry_files+=("$library")
    done
    while IFS= read -r library; do
        carry_files+=("$library")
    done < <(carry_libraries "${carry_elfs[@]}")
    printf '%s\0' "${carry_files[@]}" | sort -zu |
        xargs -0 cp -L --remove-destination --parents -t "$root" -- ||
        die 125 "not all could be carried in"
}
