#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# tools/bench_sum.py over raw files of which everything is known: medians, verdicts, curves, what was not run, tables in
# a page.
#
# usage: bench_sum.sh BENCH_SUM
set -euo pipefail

sum=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

fail() {
    echo "not ok - $*"
    exit 1
}

# has FILE LINE: a line of it, with runs of blanks as one blank.
has() {
    tr -s ' \t' '  ' <"$dir/$1" | grep -qxF -- "$2" || { cat "$dir/$1"; fail "$1 has no line '$2'"; }
}

# raw RUN MET MISSED LATE: the values of three figures.
raw() {
    printf '%s\t' about p machine; echo 'a machine'
    printf '%s\t%s\t%s\t%s\t%s\t%s\n' target p met time '<=' 10 target p missed speed '>=' 3 \
        target p late time '<=' 10 target q never time '<=' 1
    printf 'figure\tp\tmet\ttime\tns\t%s\t%s\n' "$2" "$2"
    printf 'figure\tp\tmet\tto the floor\tx\t1.5\t1.5\n'
    printf 'figure\tp\tmissed\tspeed\tM/s\t%s\t%s\n' "$3" "$3"
    printf 'figure\tp\tlate\ttime\tns\t%s\t%s\n' "$4" "$4"
    printf 'point\tp\tcurve\t10\t%s\n' "$2"
    [ "$1" != 1 ] || printf 'share\tp\thistogram\t8\t0.3\n'
}

# The medians are 9, 2 and 11, each on the other side of its limit than the min or the max; the mean of a bin that two of
# three runs do not have is a third.
raw 1 12 4 3 >"$dir/1.tsv"
raw 2 9 1 12 >"$dir/2.tsv"
raw 3 8 2 11 >"$dir/3.tsv"

python3 "$sum" --results "$dir/results" "$dir"/[123].tsv >"$dir/table"
has results 'figure p met time ns 8 9 12 <= 10.0 PASS'
has results 'figure p missed speed M/s 1 2 4 >= 3.0 MISS'
has results 'figure p late time ns 3 11 12 <= 10.0 MISS'
has results 'point p curve 10 9'
has results 'share p histogram 8 0.1'
has table 'met: time ns ≤ 10 8.00 9.00 12.0 1.50 PASS'
has table 'missed: speed M/s ≥ 3 1.00 2.00 4.00 MISS'
has table 'never: time ≤ 1 NOT RUN'
has table '1 PASS, 2 MISS, 1 NOT RUN (of the medians)'
echo 'ok - three runs in one table'

python3 "$sum" --partial --results "$dir/results" "$dir"/[123].tsv >"$dir/table"
has table '1 PASS, 2 MISS (of the medians)'
! grep -q never "$dir/table" || fail 'a partial table misses what was not run'
echo 'ok - a part of it'

printf 'before\n<!-- bench: results -->\nold\n<!-- bench: end -->\nbetween\n<!-- bench: latency -->\nold\n<!-- bench: end -->\nafter\n' >"$dir/page"
for _ in 1 2; do # the second time over what the first one wrote
    python3 "$sum" --results "$dir/results" --docs "$dir/page" "$dir"/[123].tsv >/dev/null
done
has page '| met: time | ns | ≤ 10 | 8.00 | 9.00 | 12.0 | 1.50 | PASS |'
[ "$(grep -xcE 'before|between|after' "$dir/page")" = 3 ] || fail 'the page lost its own text'
[ "$(grep -c 'met: time' "$dir/page")" = 1 ] || fail 'the table is there twice'
! grep -qx old "$dir/page" || fail 'the old table is still there'
echo 'ok - tables in a page'

echo 'no marks' >"$dir/page"
if python3 "$sum" --results "$dir/results" --docs "$dir/page" "$dir"/1.tsv >/dev/null 2>"$dir/error"; then
    fail 'a page without marks was taken'
fi
has page 'no marks'
grep -q 'no marks <!-- bench: results -->' "$dir/error" || fail "the error says: $(cat "$dir/error")"
echo 'ok - a page without marks'
