#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Each fuzz target for so many seconds, under ASan and UBSan; what it finds stays in build-fuzz/findings.
#
# usage: fuzz.sh SECONDS [TARGET...]
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=$1
shift
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(capture frag group ipset packet rules sysctl)

tools/setup.sh test
[ -f build-fuzz/build.ninja ] ||
    CC=clang meson setup build-fuzz -Dfuzzers=true -Db_sanitize=address,undefined -Db_lundef=false >/dev/null
for target in "${targets[@]}"; do
    ninja -C build-fuzz --quiet "tests/fuzz_$target"
    mkdir -p "build-fuzz/findings" "build-fuzz/corpus/$target"
    echo "== $target, $seconds s"
    "build-fuzz/tests/fuzz_$target" -max_total_time="$seconds" -max_len=6000 -print_final_stats=1 \
        -artifact_prefix="build-fuzz/findings/$target-" "build-fuzz/corpus/$target" "tests/fuzz/corpus/$target" 2>&1 |
        grep -E 'cov:|stat::|SUMMARY|ERROR' | tail -8
done
