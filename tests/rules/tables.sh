# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# tables [FILE]: a rule file without comment lines, its tables in the order of the alphabet. In which
# order they are saved differs by who saves them, and in Linux by which was used first.
tables() {
    awk '/^#/ { next }
         /^\*/ { table = $0 }
         { printf "%s\t%06d\t%s\n", table, NR, $0 }' "$@" | sort | cut -f3-
}
