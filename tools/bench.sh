#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Measure: build for speed, run every program of bench/ three times, sum up: min, median and max of the three for each
# figure, and whether the median meets the target. The programs run in turns, so that a bad minute of the machine does
# not fall on all runs of one. What they print is in build-bench/bench.log, the results in build-bench/results.tsv
# (tools/bench_sum.py says what its lines are).
#
#   --quick          small sizes: does it all work? The figures mean nothing
#   --only PROGRAM   only this one (may be given again); --only PROGRAM:TEXT its rows whose name contains TEXT
#   --runs N         3
#   --write-docs     put the table into docs/performance.md, and the plots into docs/figures
set -euo pipefail
cd "$(dirname "$0")/.."

# With how many repetitions in each run: as many as fit in five minutes.
programs=(established churn memory pauses rules scale replay)
declare -A reps=([established]=2 [churn]=2 [memory]=1 [pauses]=3 [rules]=2 [scale]=2 [replay]=2)

usage() {
    sed -n 's/^#   \(--.*\)/  \1/p' "$0" >&2
    exit 2
}

quick=() runs=3 docs='' only=()
while [ $# -gt 0 ]; do
    case $1 in
    --quick) quick=(--quick) ;;
    --only) only+=("${2:?--only: which program?}"); shift ;;
    --runs) runs=${2:?--runs: how many?}; shift ;;
    --write-docs) docs=yes ;;
    *) echo "bench.sh: unexpected '$1'" >&2; usage ;;
    esac
    shift
done
[[ $runs =~ ^[1-9][0-9]?$ ]] || { echo "bench.sh: --runs '$runs': not a number from 1 to 99" >&2; exit 2; }
for choice in "${only[@]}"; do
    [[ " ${programs[*]} " == *" ${choice%%:*} "* ]] ||
        { echo "bench.sh: --only '$choice': the programs are ${programs[*]}" >&2; exit 2; }
done
if [ -n "$docs" ] && { [ ${#quick[@]} -gt 0 ] || [ ${#only[@]} -gt 0 ]; }; then
    echo "bench.sh: --write-docs needs all figures: leave out --quick and --only" >&2
    exit 2
fi

tools/setup.sh build
[ -z "$docs" ] || tools/setup.sh plots

dir=build-bench
[ -f $dir/build.ninja ] || meson setup $dir --buildtype=release -Db_ndebug=true -Dtests=false >/dev/null
ninja -C $dir --quiet
rm -f $dir/raw-*.tsv $dir/bench.log
for program in "${programs[@]}"; do
    [ -x "$dir/bench/$program" ] || [ ${#only[@]} -gt 0 ] || echo "bench.sh: this source has no bench/$program: left out" >&2
done

# "established:udp4" asks for rows with "udp4", "established" for all.
rows_of() {
    case $1 in
    *:*) echo "${1#*:}" ;;
    esac
}

# run PROGRAM RUN [TEXT]
run() {
    local options=(--reps "${reps[$1]}" --raw "$dir/raw-$2.tsv" "${quick[@]}")
    [ -z "${3:-}" ] || options+=(--only "$3")
    [ ! -t 2 ] || printf '\r%5d s  run %d of %d: %-12s' $SECONDS "$2" "$runs" "$1" >&2
    "$dir/bench/$1" "${options[@]}" >>$dir/bench.log ||
        { echo "bench.sh: $1 failed; what it printed ends $dir/bench.log" >&2; exit 1; }
    echo >>$dir/bench.log
}

for ((i = 1; i <= runs; i++)); do
    for program in "${programs[@]}"; do
        [ -x "$dir/bench/$program" ] || continue
        [ ${#only[@]} -gt 0 ] || run "$program" $i
        for choice in "${only[@]}"; do
            [ "${choice%%:*}" != "$program" ] || run "$program" $i "$(rows_of "$choice")"
        done
    done
done
[ ! -t 2 ] || printf '\r%60s\r' '' >&2

[ -f $dir/raw-1.tsv ] || { echo "bench.sh: nothing was measured" >&2; exit 1; }
parts=()
[ ${#quick[@]} -eq 0 ] && [ ${#only[@]} -eq 0 ] || parts=(--partial)
python3 tools/bench_sum.py "${parts[@]}" --results $dir/results.tsv ${docs:+--docs docs/performance.md} $dir/raw-*.tsv
[ -z "$docs" ] || tools/plots.sh $dir/results.tsv
echo "$SECONDS s; $dir/results.tsv, $dir/bench.log"
