#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The rule sets of well-known generators: each is right, and is printed as it is, but for comment
# lines and the order of tables. Without its sets, one that needs them is refused. Where there is a
# file NAME.lists beside it, lists are as iptables -L (1.8.9) showed them, for each "$ OPTIONS".
#
# usage: rulesets.sh WEIR DIRECTORY

set -u
export LC_ALL=C

weir=$(readlink -f "${1:?usage: rulesets.sh WEIR DIRECTORY}")
rulesets=$(readlink -f "${2:?usage: rulesets.sh WEIR DIRECTORY}")
here=$(dirname "$(readlink -f "$0")")
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp" || exit 1
# shellcheck source=tests/e2e/lib.sh
. "$here/lib.sh"
# shellcheck source=tests/rules/tables.sh
. "$here/../rules/tables.sh"

# Counters of 0, if the file has none at all: they were not saved with it.
without_counters() { if grep -q '^\[' "$1"; then cat; else sed 's/^\[0:0\] //'; fi; }

check_lists() { # FILE
    local options line
    while IFS= read -r line; do
        if [[ $line == '$ '* ]]; then
            options=${line#??}
            : >"list $options"
        else
            printf '%s\n' "$line" >>"list $options"
        fi
    done <"$1.lists"
    for list in list\ *; do
        options=${list#list }
        # shellcheck disable=SC2086 # options are several words
        run rules list $options "$1"
        same "${1##*/}: list $options" "$(cat "$list")" "$(cat out)"
        rm "$list"
    done
}

for file in "$rulesets"/*.v[46]; do
    name=${file##*/}
    run rules check --ipset "$rulesets/sets.ipset" "$file"
    expect "$name is right" 0 "/$name: IPv${name##*.v}, .* $(grep -Ec '^(\[.*\] )?-A' "$file") rules$" -
    "$weir" rules print -c --ipset "$rulesets/sets.ipset" "$file" >printed 2>err
    same "$name is printed as it is" "$(tables "$file")" "$(without_counters "$file" <printed | tables)"
    "$weir" rules print -c "-${name##*.v}" --ipset "$rulesets/sets.ipset" - <printed >again 2>err
    holds "$name is printed the same twice" cmp printed again
    if grep -q 'match-set' "$file"; then
        run rules check "$file"
        expect "$name needs its sets" 1 '' "Set .* doesn't exist"
    fi
    [[ ! -f $file.lists ]] || check_lists "$file"
done
finish
