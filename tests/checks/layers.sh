#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Layers, strictly downward: no file includes what stands above it.
#
#   include/weir   only itself, and headers that define types
#   src/FOLDER     its own folder and those before it in `order`, include/weir, and headers that
#                  define types, fill memory, format text or name an instruction: no I/O, no clock, no allocation, no
#                  threads (symbols.sh sees to it that nothing else of them is used)
#   control        itself, include/weir
#   ports          itself, include/weir
#   apps           itself, ports, control, include/weir
#   tests, bench, examples, and everything else: anything
#
# A quoted name is looked for beside the file that includes it, then in src/. One that is found in
# neither place is an error too, as is one that leaves the source.
#
# usage: layers.sh [ROOT-OF-THE-SOURCE]
#        layers.sh --selftest

set -euo pipefail

order='base packet track proto expect nat helper rules pipe'
types='emmintrin.h errno.h limits.h stdarg.h stdatomic.h stdbool.h stddef.h stdint.h stdio.h string.h strings.h arpa/inet.h'

# "FILE LINE KIND NAME" of every include directive; KIND is " or <.
includes() {
    find include src control ports apps -name '*.[ch]' -o -name '*.def' | sort |
        xargs -r -d '\n' awk '
            match($0, /^[ \t]*#[ \t]*include[ \t]*/) {
                rest = substr($0, RLENGTH + 1)
                kind = substr(rest, 1, 1)
                name = substr(rest, 2)
                sub(kind == "<" ? ">.*" : "\".*", "", name)
                print FILENAME, FNR, kind, name
            }'
}

# The layer of a path: include/weir, src/FOLDER, control, ports, apps, or nothing.
layer() {
    case $1 in
    include/weir/*) echo include/weir ;;
    src/*/*)
        local folder=${1#src/}
        echo "src/${folder%%/*}"
        ;;
    control/* | ports/* | apps/*) echo "${1%%/*}" ;;
    esac
}

# Layers that files of this layer may include.
allowed() {
    case $1 in
    include/weir) echo include/weir ;;
    control) echo 'include/weir control' ;;
    ports) echo 'include/weir ports' ;;
    apps) echo 'include/weir control ports apps' ;;
    src/*)
        local folder
        has_word "$order" "${1#src/}" || return 0 # a folder without a place may include nothing
        printf include/weir
        for folder in $order; do
            printf ' src/%s' "$folder"
            [ "src/$folder" != "$1" ] || break
        done
        ;;
    esac
}

has_word() { # LIST WORD
    case " $1 " in *" $2 "*) return 0 ;; esac
    return 1
}

# Where a quoted name leads, without "." and "..", or nothing.
resolve() { # FILE NAME
    local beside
    beside=$(realpath -m --relative-to=. "$(dirname "$1")/$2")
    if [ -e "$beside" ]; then
        echo "$beside"
    elif [ "${1%%/*}" = src ] && [ -e "src/$2" ]; then
        realpath -m --relative-to=. "src/$2"
    fi
}

check() { # ROOT
    local file line kind name from target to wrong=0 seen=0
    cd "$1"
    complain() {
        echo "$file:$line: $1"
        wrong=$((wrong + 1))
    }
    while read -r file line kind name; do
        seen=$((seen + 1))
        from=$(layer "$file")
        case $kind in
        '<')
            case $name in
            weir/*)
                [ -e "include/$name" ] || complain "include/$name does not exist"
                ;;
            *)
                case $from in
                include/weir | src/*)
                    has_word "$types" "$name" || complain "the core may not use <$name>"
                    ;;
                esac
                ;;
            esac
            ;;
        '"')
            target=$(resolve "$file" "$name")
            to=$(layer "$target")
            if [ -z "$target" ]; then
                complain "\"$name\" is neither beside it nor in src/"
            elif ! has_word "$(allowed "$from")" "${to:-nowhere}"; then
                complain "$from may not include ${to:-$target} (\"$name\")"
            fi
            ;;
        *) complain "an include that cannot be followed: $name" ;;
        esac
    done < <(includes)
    ((seen > 0)) || { echo 'no include found: wrong directory?'; return 1; }
    ((wrong == 0)) && echo "ok - $seen includes, all downward"
}

# A source that is right, then one violation after the other, each of which must be found.
selftest() {
    local failed=0
    dir=$(mktemp -d)
    trap 'rm -rf "$dir"' EXIT
    mkdir -p "$dir"/include/weir "$dir"/src/{base,track,pipe,new} "$dir"/{control,ports,apps}
    write() { printf '%s\n' "${@:2}" >"$dir/$1"; }
    reset() {
        write include/weir/a.h '#include <stdint.h>'
        write include/weir/b.h '#include <weir/a.h>'
        write src/base/base.h '#include <string.h>' '#include <weir/a.h>'
        write src/track/track.h '#include "base/base.h"' '#  include "track/track.h"'
        write src/pipe/pipe.c '#include "track/track.h"' '#include <weir/b.h>'
        write control/text.h '#include <weir/b.h>' '#include <stdio.h>'
        write ports/tun.c '#include "tun.h"' '#include <unistd.h>'
        write ports/tun.h '#include <weir/a.h>'
        write apps/run.c '#include "../control/text.h"' '#include "../ports/tun.h"'
        rm -f "$dir"/src/new/*
    }
    run() { (check "$dir" >"$dir/out" 2>&1); }
    expect() { # WHAT FILE LINES...: this file makes it fail, and is named
        reset
        write "${@:2}"
        if run || ! grep -q "^$2:" "$dir/out"; then
            echo "not ok - not noticed: $1"
            failed=1
        fi
    }
    reset
    run || { echo 'not ok - a right source is refused:'; cat "$dir/out"; failed=1; }
    expect 'upward inside src' src/base/base.h '#include "track/track.h"'
    expect 'upward, not first, with spaces' src/track/track.h '' ' #  include  "pipe/pipe.c"'
    expect 'upward by ..' src/base/base.h '#include "../pipe/pipe.c"'
    expect 'I/O in the core' src/base/base.h '#include <fcntl.h>'
    expect 'allocation in the core' src/track/track.h '#include <stdlib.h>'
    expect 'I/O in a public header' include/weir/a.h '#include <fcntl.h>'
    expect 'a public header includes src' include/weir/a.h '#include "../../src/base/base.h"'
    expect 'the core includes control' src/pipe/pipe.c '#include "../../control/text.h"'
    expect 'control includes src' control/text.h '#include "../src/base/base.h"'
    expect 'control includes ports' control/text.h '#include "../ports/tun.h"'
    expect 'ports includes control' ports/tun.c '#include "../control/text.h"'
    expect 'apps includes src' apps/run.c '#include "../src/base/base.h"'
    expect 'a header that is not there' apps/run.c '#include "nowhere.h"'
    expect 'a public header that is not there' control/text.h '#include <weir/nowhere.h>'
    expect 'a macro as a name' src/base/base.h '#include HEADER'
    expect 'a folder without a place' src/new/new.h '#include "base/base.h"'
    ((failed == 0)) && echo 'ok - layers.sh finds what it should'
}

if [ "${1:-}" = --selftest ]; then
    selftest
else
    check "${1:-$(dirname "$0")/../..}"
fi
