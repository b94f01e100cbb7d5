#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Sets as text: weir and the ipset command on the running kernel, given the same.
#
#   CASES     files of cases. "=== NAME" begins one, the lines up to the next are its text. Both take
#             it or both refuse it, and if they take it, both write the same sets. A name that ends in
#             "(differs: WHY)" is a known difference, which must be one.
#   random    sets of each type that this kernel has, with the same elements in both, and the same
#             addresses in and not in them.
#
# Numbers that are chance in Linux do not count: initval; and hashsize, which grows with the set. Of
# timeouts a second or two may have passed.
#
# usage: ipset_text.sh IPSET_TEXT CASES...

set -euo pipefail
export LC_ALL=C

if [ "${IPSET_TEXT_INSIDE:-}" != yes ]; then
    if ! command -v ipset >/dev/null; then
        echo '1..0 # SKIP ipset is not installed'
        exit 0
    fi
    if ! unshare -n ipset list >/dev/null 2>&1; then
        echo '1..0 # SKIP no namespace of our own with ipset: not root, or no such kernel module'
        exit 0
    fi
    IPSET_TEXT_INSIDE=yes exec unshare -n "$0" "$@"
fi

program=$1
shift
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
tests=0 failed=0

ok() {
    tests=$((tests + 1))
    echo "ok $tests - $1"
}

not_ok() {
    tests=$((tests + 1))
    failed=$((failed + 1))
    echo "not ok $tests - $1"
    sed 's/^/#     /' "$2" | head -20
}

clear_sets() {
    ipset flush
    ipset destroy
}

# What does not count, removed; timeouts stay.
normal() {
    sed -E 's/ initval 0x[0-9a-f]+//; s/ hashsize [0-9]+//' "$1"
}

# Same lines, the first's timeouts up to three seconds shorter.
same_text() {
    awk '
        NR == FNR { kernel[NR] = $0; n = NR; next }
        {
            a = kernel[FNR]; b = $0
            if (a ~ /^add .* timeout [0-9]+/ && b ~ /^add .* timeout [0-9]+/) {
                match(a, / timeout [0-9]+/); left = substr(a, RSTART + 9, RLENGTH - 9)
                a = substr(a, 1, RSTART - 1) substr(a, RSTART + RLENGTH)
                match(b, / timeout [0-9]+/); given = substr(b, RSTART + 9, RLENGTH - 9)
                b = substr(b, 1, RSTART - 1) substr(b, RSTART + RLENGTH)
                if (left + 0 > given + 0 || left + 3 < given + 0) exit bad = 1
            }
            if (a != b) exit bad = 1
        }
        END { exit bad || n != FNR }' "$1" "$2"
}

compare_case() { # NAME TEXT
    local kernel=0 weir=0 same=yes name=$1
    clear_sets
    ipset restore <"$2" >"$dir/said" 2>&1 || kernel=1
    ipset save -sorted >"$dir/saved"
    "$program" print "$2" >"$dir/printed" || weir=1
    if ((kernel != weir)); then
        same=no
    elif ((kernel == 0)); then
        normal "$dir/saved" >"$dir/a"
        normal "$dir/printed" >"$dir/b"
        same_text "$dir/a" "$dir/b" || same=no
    fi
    case $name in
    *'(differs: '*) [ $same = no ] && same=yes || same=no ;;
    esac
    if [ $same = yes ]; then
        ok "$name"
    else
        {
            cat "$2"
            echo "ipset (status $kernel):"
            cat "$dir/said" "$dir/saved"
            echo "weir (status $weir):"
            cat "$dir/printed"
        } >"$dir/report"
        not_ok "$name" "$dir/report"
    fi
}

run_cases() { # FILE
    local number=0 name
    rm -rf "$dir/cases"
    mkdir "$dir/cases"
    awk -v dir="$dir/cases" '
        /^=== / { n++; print substr($0, 5) >(dir "/names"); printf "" >(dir "/" n); next }
        { print >(dir "/" n) }' "$1"
    while read -r name; do
        number=$((number + 1))
        compare_case "$name" "$dir/cases/$number"
    done <"$dir/cases/names"
}

# Both have the same elements, and say the same about addresses.
compare_random() { # TYPE FAMILY SEED
    local what="random $1 $2 $3" elem
    "$program" random "$1" "$2" "$3" >"$dir/made"
    grep -v '^? ' "$dir/made" >"$dir/text"
    sed -n 's/^? //p' "$dir/made" >"$dir/queries"
    clear_sets
    ipset restore -exist <"$dir/text"
    ipset save >"$dir/saved"
    "$program" print "$dir/text" >"$dir/printed"
    normal "$dir/saved" | sort >"$dir/a"
    normal "$dir/printed" | sort >"$dir/b"
    if ! diff "$dir/a" "$dir/b" >"$dir/report"; then
        not_ok "$what: elements" "$dir/report"
        return
    fi
    while read -r elem; do
        if ipset -q test r "$elem"; then echo in; else echo out; fi
    done <"$dir/queries" >"$dir/a"
    "$program" test "$dir/text" "$dir/queries" >"$dir/b"
    if paste -d ' ' "$dir/queries" "$dir/a" "$dir/b" | awk '$2 != $3 { bad = 1; print } END { exit bad }' \
        >"$dir/report"; then
        ok "$what"
    else
        not_ok "$what: membership (ipset, weir)" "$dir/report"
    fi
}

for file in "$@"; do
    run_cases "$file"
done

for type in hash:ip hash:net hash:ip,port hash:net,port hash:ip,port,ip hash:ip,port,net hash:net,net \
    hash:net,port,net hash:net,iface hash:mac hash:ip,mac hash:ip,mark bitmap:ip bitmap:ip,mac bitmap:port; do
    for family in inet inet6; do
        case $type-$family in bitmap:*-inet6 | hash:mac-inet6) continue ;; esac
        clear_sets
        "$program" random "$type" "$family" 1 | sed -n 1p >"$dir/text"
        if ! ipset restore <"$dir/text" 2>/dev/null; then
            echo "# not compared, this kernel has no such type: $type $family (sets_test has them all)"
            continue
        fi
        for seed in 1 2 3; do
            compare_random "$type" "$family" "$seed"
        done
    done
done

echo "1..$tests"
((failed == 0))
