#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Random packets through the kernel and through weir, with fresh seeds, for as long as asked.
#
# usage: parity.sh BUILD-DIRECTORY SECONDS [random_diff options]
#
# Half of the time without rules, half with random ones (unless options are given).
# What differs is shrunk and kept in BUILD-DIRECTORY/parity as scenario files; the seed repeats it:
#     random_diff --first SEED --seeds 1
set -euo pipefail
build=$1 seconds=$2
shift 2
first=$(date +%s)000
mkdir -p "$build/parity"
echo "seeds from $first, for $seconds s; differences go to $build/parity"
diff() { "$build/tests/random_diff" --first "$first" --seeds 1000000000 --keep "$build/parity" "$@"; }
(($# > 0)) && { diff --seconds "$seconds" "$@"; exit; }
diff --seconds $((seconds / 2))
diff --seconds $((seconds - seconds / 2)) --rules --packets 2000
