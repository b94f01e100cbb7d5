# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# For scripts that run the program from outside: source it. Needs $weir; counts in $passed, $failed
# and $skipped; `finish` is the last command.

passed=0 failed=0 skipped=0

ok() { passed=$((passed + 1)) && echo "ok - $1"; }
skip() { skipped=$((skipped + 1)) && echo "ok - $1 # SKIP $2"; }

# not_ok NAME [WHAT...]: with what was seen, for whoever must find out.
not_ok() {
    failed=$((failed + 1))
    echo "not ok - $1"
    shift
    printf '%s\n' "$@" | sed 's/^/#   /'
}

# run ARGUMENT...: leaves $status, and output in the files out and err.
run() {
    "${weir:?}" "$@" >out 2>err </dev/null
    status=$?
}

# expect NAME STATUS OUT ERR: the last run ended with STATUS, and its outputs match these patterns
# (extended regular expressions; "" for no output at all; "-" for no matter).
expect() {
    local name=$1 want=$2 stream pattern why=()
    [[ $status == "$want" ]] || why+=("status $status instead of $want")
    for stream in out err; do
        if [[ $stream == out ]]; then pattern=$3; else pattern=$4; fi
        [[ $pattern == - ]] && continue
        if [[ -z $pattern ]]; then
            [[ -s $stream ]] && why+=("std$stream is not empty")
        else
            grep -Eq -- "$pattern" $stream || why+=("std$stream lacks: $pattern")
        fi
    done
    if ((${#why[@]})); then
        not_ok "$name" "${why[@]}" "stdout: $(head -c 600 out)" "stderr: $(head -c 600 err)"
    else
        ok "$name"
    fi
}

# same NAME WANT GOT: two texts.
same() {
    if [[ $2 == "$3" ]]; then
        ok "$1"
    else
        not_ok "$1" "$(diff -U0 --label want --label got <(echo "$2") <(echo "$3") | head -n 12)"
    fi
}

# holds NAME COMMAND...
holds() {
    local name=$1
    shift
    if "$@"; then ok "$name"; else not_ok "$name" "$*"; fi
}

finish() {
    echo "$passed passed, $failed failed, $skipped skipped"
    ((failed == 0))
}
