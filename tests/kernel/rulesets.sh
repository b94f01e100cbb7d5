#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Rule sets through this machine's iptables and through weir: what iptables-restore and iptables-save
# make of a file, weir rules print does, for both back ends; and weir rules list shows what
# iptables -L shows. Each file is loaded in a network namespace of its own.
#
# usage: rulesets.sh WEIR MAKE_NFACCT DIRECTORY

set -u
export LC_ALL=C

# shellcheck source=tests/rules/tables.sh
. "$(dirname "$(readlink -f "$0")")/../rules/tables.sh"

# not_ok NAME FILE: with what was seen.
not_ok() {
    failed=1
    echo "not ok - $1"
    head -n 20 "$2" | sed 's/^/#   /'
}

# same NAME WANT GOT: two files.
same() {
    if diff -U0 --label want --label got "$2" "$3" >difference; then
        echo "ok - $1"
    else
        not_ok "$1" difference
    fi
}

# Of two tcp matches in a rule, the nf_tables back end (1.8.9) saves what the second says, where the
# first one's flags stood.
known_difference() {
    if [[ $1 == nft/synflood-webserver.v4 ]]; then
        sed -E 's/ -m tcp ! --tcp-flags [^ ]+ [^ ]+( -m tcp )/\1/'
    else
        cat
    fi
}

lists() { # NAME FILE PROGRAM
    local table options
    while read -r table; do
        for options in '' -n '-v -n --line-numbers' '-v -x'; do
            # shellcheck disable=SC2086 # options are several words
            "$3" -t "$table" -L $options >want
            # shellcheck disable=SC2086
            "$weir" rules list --ipset "$sets" -t "$table" $options "$2" >got 2>err
            same "$1: -L -t $table $options" want got
        done
    done < <(sed -n 's/^\*//p' "$2")
}

# In a namespace of its own: one file and one back end.
one() { # BACK-END FILE
    local name=$1/${2##*/} program=iptables-$1
    [[ $2 == *.v6 ]] && program=ip6tables-$1
    ipset restore <"$sets"
    # shellcheck disable=SC2046 # names have no blanks
    "$make_nfacct" $(grep -o -- '--nfacct-name *[^ ]*' "$2" | sed 's/.* //' | sort -u)
    if ! "$program-restore" -c <"$2" 2>err; then
        not_ok "$name: is refused here" err
        return
    fi
    "$program-save" -c | tables - >want
    "$weir" rules print -c --ipset "$sets" "$2" 2>err | known_difference "$name" | tables - >got
    same "$name: saved" want got
    [[ $1 == nft ]] || lists "$name" "$2" "$program"
}

if [[ ${1:-} == --one ]]; then
    weir=$2 make_nfacct=$3 sets=$4 failed=0
    one "$5" "$6"
    exit "$failed"
fi
weir=$(readlink -f "${1:?usage: rulesets.sh WEIR MAKE_NFACCT DIRECTORY}")
make_nfacct=$(readlink -f "${2:?usage: rulesets.sh WEIR MAKE_NFACCT DIRECTORY}")
rulesets=$(readlink -f "${3:?usage: rulesets.sh WEIR MAKE_NFACCT DIRECTORY}")
unshare -n true || { echo 'SKIP: this user cannot make network namespaces'; exit 77; }
self=$(readlink -f "$0")
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp" || exit 1
status=0
for file in "$rulesets"/*.v[46]; do
    for backend in legacy nft; do
        # nf_tables takes no counters of rules (1.8.9), and no rule that never matches.
        [[ $backend/${file##*/} != nft/counters.* ]] || continue
        unshare -n "$self" --one "$weir" "$make_nfacct" "$rulesets/sets.ipset" $backend "$file" || status=1
    done
done
exit $status
