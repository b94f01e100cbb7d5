#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# clang-tidy over the core, control, ports and apps, with the flags they are built with. What is
# asked, and what is not and why, is in .clang-tidy.
#
# usage: tidy.sh BUILD-DIRECTORY [FILE...]     (default: all files of the build)

set -euo pipefail
[ $# -ge 1 ] || { echo "usage: ${0##*/} BUILD-DIRECTORY [FILE...]" >&2; exit 2; }
build=$(cd "$1" && pwd)
shift
root=$(cd "$(dirname "$0")/../.." && pwd)
[ -f "$build/compile_commands.json" ] || { echo "$build has no compile_commands.json"; exit 1; }

# Each file that is built, once, by its absolute name.
built() {
    python3 -c '
import json, os, sys
for c in json.load(open(sys.argv[1])):
    print(os.path.realpath(os.path.join(c["directory"], c["file"])))
' "$build/compile_commands.json" | grep -E "^$root/(src|control|ports|apps)/" | sort -u
}

if [ $# -gt 0 ]; then
    files=("$@")
else
    mapfile -t files < <(built)
fi
((${#files[@]} > 0)) || { echo 'nothing of the source is in this build'; exit 1; }

# gcc's warnings that clang does not know are no finding.
printf '%s\0' "${files[@]}" |
    xargs -0 -P "$(nproc)" -n 3 clang-tidy -p "$build" --quiet \
        --extra-arg=-Wno-unknown-warning-option 2>/dev/null || {
    echo 'not ok - clang-tidy has findings'
    exit 1
}
echo "ok - ${#files[@]} files, no findings"
