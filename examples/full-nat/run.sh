#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# usage: run.sh [OPTION-OF-WEIR-REPLAY...]
cd "$(dirname "$0")" || exit
exec weir replay --rules rules --addr wan0=203.0.113.80/24 --addr lan0=10.0.0.1/24 --route default=wan0 \
    "$@" capture.pcapng
