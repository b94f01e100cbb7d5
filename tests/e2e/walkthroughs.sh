#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The walk-throughs: each README's commands print what it shows; each packet's verdict is what expected/ has; and table,
# events, rule counters and packets are those of the kernel that had the same packets and the same rules (kernel/).
#
# Lines of tables are sorted, since the kernel lists in hash order; event times are left out, since conntrack stamps an
# event when it reads it. Packets are compared byte for byte, and in order.
#
# usage: walkthroughs.sh WEIR EXAMPLES-DIRECTORY

set -u
export LC_ALL=C

weir=$(readlink -f "${1:?usage: walkthroughs.sh WEIR EXAMPLES-DIRECTORY}")
examples=$(readlink -f "${2:?usage: walkthroughs.sh WEIR EXAMPLES-DIRECTORY}")
here=$(dirname "$(readlink -f "$0")")
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
# Commands are run in a copy, since some leave a file.
mkdir "$tmp/bin"
ln -s "$weir" "$tmp/bin/weir"
PATH=$tmp/bin:$PATH
cp -R "$examples" "$tmp/examples"
# shellcheck source=tests/e2e/lib.sh
. "$here/lib.sh"
# shellcheck source=tests/rules/tables.sh
. "$here/../rules/tables.sh"

# ---- What the README shows ---------------------------------------------------------------------

# try_command: the command of the last "    $ " line, if there is one, against the lines below it.
try_command() {
    [[ -z $command ]] || same "$walk: \$ $command" "$want" "$(bash -c "$command" 2>&1)"
    command='' want=''
}

readme() {
    local line command='' want='' before=$passed
    while IFS= read -r line; do
        if [[ $line == '    $ '* ]]; then
            try_command
            command=${line#'    $ '}
        elif [[ $command == *\\ ]]; then
            command=${command%\\}${line#    }
        elif [[ $line == '    '* ]]; then
            want+=${want:+$'\n'}${line#    }
        else
            try_command
        fi
    done <README.md
    try_command
    ((passed > before)) || not_ok "$walk: the README has no command that works"
}

# ---- What the kernel said ----------------------------------------------------------------------

# Here and below PREFIX chooses files, and the rest are arguments of run.sh.
replay() { # PREFIX ARGUMENT...
    ./run.sh "${@:2}" --verdicts=verdicts --table=table --events=events --counters=counters --write out.pcapng 2>err ||
        not_ok "$walk: run.sh ${*:2}" "$(cat err)"
    same "$walk: ${1}verdicts" "$(cat "expected/${1}verdicts")" "$(cat verdicts)"
}

without_times() { sed 's/^\[[0-9.]*\]//' "$1"; }

as_kernel() { # PREFIX ARGUMENT...
    replay "$@" --until "@$(cat "kernel/${1}when")"
    same "$walk: ${1}table" "$(sort "kernel/${1}table")" "$(sort table)"
    same "$walk: ${1}events, in the same order" "$(without_times "kernel/${1}events")" "$(without_times events)"
    same "$walk: ${1}counters" "$(tables "kernel/${1}counters")" "$(tables counters)"
}

# What ended at the host itself left on no interface.
same_packets() {
    same "$walk: packets out" "$(../lib/packets.py --hex kernel/out.pcapng)" \
        "$(../lib/packets.py --hex out.pcapng | grep -v '^- ')"
}

# What weir alone does, so that there is no kernel to compare with.
as_expected() { # PREFIX ARGUMENT...
    replay "$@"
    same "$walk: ${1}table" "$(sort "expected/${1}table")" "$(sort table)"
    same "$walk: ${1}events" "$(cat "expected/${1}events")" "$(cat events)"
    same "$walk: ${1}counters" "$(cat "expected/${1}counters")" "$(cat counters)"
}

# ---- The five ----------------------------------------------------------------------------------

walk() {
    walk=$1
    cd "$tmp/examples/$walk" || exit 1
    readme
}

for name in home-gateway full-nat host-firewall; do
    walk $name
    as_kernel ''
    same_packets
done

walk syn-flood
as_kernel '' rules
same_packets
as_kernel tracked. rules-tracked
replay full. rules-tracked --sysctl net.netfilter.nf_conntrack_max=64

walk lvs-dr
as_kernel '' rules-notrack
same_packets
as_kernel naive. rules-naive
as_kernel loose0. rules-naive --sysctl net.netfilter.nf_conntrack_tcp_loose=0
as_kernel liberal. rules-naive --sysctl net.netfilter.nf_conntrack_tcp_be_liberal=1
as_kernel zone. rules-zone
as_expected oneway. rules-zone --sysctl weir.oneway_zones=100

finish
