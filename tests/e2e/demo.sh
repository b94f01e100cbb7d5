#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The bundled capture: weir's table, list and events against those that the kernel gave while it was captured.
#
# usage: demo.sh WEIR DEMO-DIRECTORY
#
# Lines are sorted, since the kernel lists in hash order; event times are left out, since conntrack stamps an event when it
# reads it, up to 2 ms after the packet.
set -euo pipefail
weir=$1 demo=$2
until=@$(cat "$demo/demo.when")

same() {
    if diff <(sort "$2") <(sort "$3") >/dev/null; then
        echo "ok $1"
    else
        echo "not ok $1"
        diff <(sort "$2") <(sort "$3") | head -20
        exit 1
    fi
}

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"$weir" replay --until "$until" --table="$tmp/table" --list="$tmp/list" --events="$tmp/events" --stats="$tmp/stats" \
    "$demo/demo.pcapng"
same table "$demo/demo.table" "$tmp/table"
same list <(grep -v '^conntrack v' "$demo/demo.list") "$tmp/list"
sed 's/^\[[0-9.]*\]//' "$demo/demo.events" >"$tmp/kernel-events"
sed 's/^\[[0-9.]*\]//' "$tmp/events" >"$tmp/weir-events"
diff "$tmp/kernel-events" "$tmp/weir-events" && echo "ok events, in the same order"
# The kernel has a row for each CPU; the run was on one of them.
sum() { grep -o "$1=[0-9]*" "$2" | awk -F= '{n += $2} END {print n}'; }
for counter in found invalid insert insert_failed drop early_drop error clash_resolve chaintoolong; do
    [ "$(sum $counter "$demo/demo.stats")" = "$(sum $counter "$tmp/stats")" ] || { echo "not ok $counter"; exit 1; }
done
echo "ok counters"
[ "$(wc -l <"$tmp/events")" -gt 40 ] || { echo "not ok: too few events"; exit 1; }
