#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What a packet costs, counted and not timed: instructions, and cache lines that are cold when the packet comes. They
# are the same on every machine and at any load, and say what limits a figure of tools/bench.sh.
#
# Callgrind counts inside weir_shard_run() only, and simulates a last-level cache of 256 KiB, which sets of 20,000 flows
# exceed as sets of a million exceed a real one. It ignores prefetching: a line counts where it is read or written first.
# Each row is run with 1 and with 3 repetitions; the difference is that of two passes, without setting up.
set -euo pipefail
cd "$(dirname "$0")/.."

command -v valgrind >/dev/null || { echo "lines.sh: needs valgrind" >&2; exit 1; }
dir=build-bench
[ -f $dir/build.ninja ] || meson setup $dir --buildtype=release -Db_ndebug=true -Dtests=false >/dev/null
ninja -C $dir --quiet
flows=20000

# counts PROGRAM ROW REPS: instructions and cold data lines.
counts() {
    valgrind --tool=callgrind --callgrind-out-file=/dev/null --toggle-collect=weir_shard_run --cache-sim=yes \
        --I1=32768,8,64 --D1=32768,8,64 --LL=262144,8,64 "$dir/bench/$1" --quick --flows $flows --reps "$3" --only "=$2" 2>&1 |
        awk '/Collected/ { print $4, $11 + $12 }'
}

# passes PROGRAM ROW: of two passes.
passes() {
    local few many
    few=$(counts "$1" "$2" 1)
    many=$(counts "$1" "$2" 3)
    if [ -z "$few" ] || [ -z "$many" ]; then
        echo "lines.sh: $1 has no row '$2', or it failed" >&2
        exit 1
    fi
    awk -v few="$few" -v many="$many" 'BEGIN { split(few, a); split(many, b); print b[1] - a[1], b[2] - a[2] }'
}

# row PROGRAM ROW PACKETS [PLAIN]: of one packet; PACKETS in a pass; PLAIN: the two passes of the row that is run along.
row() {
    awk -v name="$1, $2" -v all="$(passes "$1" "$2")" -v plain="${4:-0 0}" -v packets="$3" 'BEGIN {
        split(all, a); split(plain, p)
        printf "| %s | %.0f | %.2f |\n", name, (a[1] - p[1]) / 2 / packets, (a[2] - p[2]) / 2 / packets
    }'
}

echo "| row | instructions | cold lines |"
echo "| --- | ---: | ---: |"
for proto in udp tcp; do
    plain=$(passes established "${proto}4 20k")
    row established "${proto}4 20k" $((2 * flows))
    for how in '4 20k, rule' '4 20k, SNAT' '4 20k, accounting' '6 20k'; do
        row established "$proto$how" $((2 * flows)) "$plain"
    done
done
for how in ', growing' ', SNAT' ', MASQUERADE'; do
    row churn "udp4 20k$how" $flows
done
row churn "tcp4 20k, growing" $flows
