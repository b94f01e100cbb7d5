#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# weir-sysctl(7) lists exactly the tunables of weir/tunables.def, in its order, with their ranges
# and defaults.
#
# usage: man_tunables.sh [ROOT-OF-THE-SOURCE]

set -euo pipefail
cd "${1:-$(dirname "$0")/../..}"
page=docs/man/weir-sysctl.7

# "NAME MIN MAX DEFAULT" of each, as the compiler sees the list. What has no number of its own as a
# default is described in words.
from_code() {
    printf '%s\n' '#include <stdint.h>' \
        '#define WEIR_TUNABLE(id, name, def, min, max) @ net.netfilter. name min max def' \
        '#define WEIR_TUNABLE_OWN(id, name, def, min, max) @ weir. name min max def' \
        '#include <weir/tunables.def>' |
        "${CC:-cc}" -E -P -Iinclude - | grep '^@' | tr -d '()"L' |
        sed -E -e 's/^@ ([a-z.]+) /\1/' \
            -e '/_count /s/ 0$/ none/' \
            -e '/_buckets /s/ 0$/ as nf_conntrack_max/' \
            -e '/_expect_max /s/ 0$/ 4 for each 256 buckets/' \
            -e '/conntrack_max /s/ 0$/ 262144/'
}

# The same from the page, where each item ends with "Unit: ...; range: ... to ...; default: ...".
from_page() {
    sed -nE -e '/^\.It Va /{s///;h;}' \
        -e '/^Unit: /{s/\\-/-/g;s/^Unit: [^;]+; range: ([-0-9]+) to ([-0-9]+); default: (.*)\.$/\1 \2 \3/;H;x;s/\n/ /;p;}' \
        "$page"
}

# Timeouts are in seconds.
wrong_unit() {
    awk '/^\.It Va /{name = $3} /^Unit: /{if (name ~ /timeout/ && $0 !~ /^Unit: seconds;/) print name}' "$page"
}

count=$(from_code | wc -l)
((count > 0)) || { echo 'not ok - tunables.def cannot be read'; exit 1; }
diff -u --label weir/tunables.def --label "$page" <(from_code) <(from_page) ||
    { echo "not ok - $page differs from weir/tunables.def"; exit 1; }
[[ -z $(wrong_unit) ]] || { echo "not ok - not in seconds: $(wrong_unit)"; exit 1; }
echo "ok - $page lists all $count tunables"
