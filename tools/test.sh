#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Everything that must hold, on this machine, now: builds with gcc and clang, every suite, sanitizers. Ends with one
# line that sums all test cases.
set -euo pipefail
cd "$(dirname "$0")/.."

tools/setup.sh test

logs=()
failed_builds=0

# build DIRECTORY COMPILER SETUP-OPTIONS... -- TEST-OPTIONS...
suite() {
    local dir=$1 compiler=$2
    shift 2
    local setup=()
    while [ "$1" != -- ]; do setup+=("$1"); shift; done
    shift
    echo "== $dir ($compiler ${setup[*]})"
    [ -f "$dir/build.ninja" ] || CC=$compiler meson setup "$dir" "${setup[@]}" >/dev/null
    if ! ninja -C "$dir" --quiet; then
        failed_builds=$((failed_builds + 1))
        return
    fi
    meson test -C "$dir" --no-rebuild --print-errorlogs --quiet "$@" || true
    logs+=("$dir/meson-logs/testlog.junit.xml")
}

suite build-gcc gcc --
# bench/memory looks at the process's memory, which is a sanitizer's there.
suite build-asan gcc -Db_sanitize=address,undefined -Db_lundef=false -- --no-suite checks --no-suite kernel --no-suite bench
suite build-clang clang -- --no-suite checks --no-suite kernel

exec python3 tools/sum.py "$failed_builds" "${logs[@]}"
