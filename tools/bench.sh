#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Measure: build for speed, run every program of bench/, print one page. Options go to the programs, as in
#   tools/bench.sh --flows 8000000 --only udp4
# The page stays in build-bench/bench.txt. Figures are per packet or connection on one core; what else the machine does shows in
# the distance from min to max, so compare minima, and ratios from one run.
set -euo pipefail
cd "$(dirname "$0")/.."

tools/setup.sh build

dir=build-bench
[ -f $dir/build.ninja ] || meson setup $dir --buildtype=release -Db_ndebug=true -Dtests=false >/dev/null
ninja -C $dir --quiet

for program in established churn memory; do
    "$dir/bench/$program" "$@"
    echo
done | tee $dir/bench.txt
