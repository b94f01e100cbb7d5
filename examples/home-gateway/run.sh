#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# usage: run.sh [OPTION-OF-WEIR-REPLAY...]
cd "$(dirname "$0")" || exit
exec weir replay --rules rules --addr lan0=192.168.1.1/24 --addr wan0=203.0.113.5/24 --route default=wan0 \
    "$@" capture.pcapng
