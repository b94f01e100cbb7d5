#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Cppcheck over everything but the tests. What it is not asked is in cppcheck.suppress, each with its
# reason.
#
# usage: cppcheck.sh [ROOT-OF-THE-SOURCE]

set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "${1:-$here/../..}"

# Cppcheck knows no C17; it is C11 with the faults repaired. WEIR_VERSION comes from the build.
cppcheck --quiet --error-exitcode=1 -j2 --std=c11 \
    --enable=warning,style,performance,portability --inline-suppr \
    --suppressions-list="$here/cppcheck.suppress" \
    --template='{file}:{line}: {message} [{id}]' \
    -Iinclude -Isrc -Icontrol -Iports -D__GNUC__ '-DWEIR_VERSION="0"' \
    src control ports apps bench examples
echo 'ok - cppcheck finds nothing'
