#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The main job on real captures: the events and the table that Linux would have had, and what a ruleset does.
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

# The same, through a router's rules: what each packet became and which line said so.
printf '\n\033[1m$ examples/home-gateway/run.sh --verdicts --counters\033[0m\n'
PATH="$PWD/build:$PATH" examples/home-gateway/run.sh --verdicts --counters
