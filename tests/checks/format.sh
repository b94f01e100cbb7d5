#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Every C source and header is formatted as .clang-format says.
#
# usage: format.sh [ROOT-OF-THE-SOURCE]

set -euo pipefail
cd "${1:-$(dirname "$0")/../..}"

mapfile -t files < <(find . \( -name .git -o -path './build*' \) -prune -o -name '*.[ch]' -print | sort)
((${#files[@]} > 0)) || { echo 'no sources found: wrong directory?'; exit 1; }
clang-format --dry-run -Werror "${files[@]}" || {
    echo 'format them with: clang-format -i FILE...'
    exit 1
}
echo "ok - ${#files[@]} files, all formatted"
