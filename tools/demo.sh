#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The main job on a real capture: the events and the table that Linux would have had.
set -euo pipefail
cd "$(dirname "$0")/.."

make --no-print-directory all
demo=examples/demo

say() { printf '\n\033[1m$ weir replay %s\033[0m\n' "$*"; }

say --events "$demo/demo.pcapng"
build/weir replay --events "$demo/demo.pcapng"
say --table --until "@$(cat $demo/demo.when)" "$demo/demo.pcapng"
build/weir replay --table --until "@$(cat $demo/demo.when)" "$demo/demo.pcapng"
say "$demo/demo.pcapng"
build/weir replay "$demo/demo.pcapng"
