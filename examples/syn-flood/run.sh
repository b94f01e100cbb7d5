#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# usage: run.sh RULES [OPTION-OF-WEIR-REPLAY...]      (RULES is rules or rules-tracked)
cd "$(dirname "$0")" || exit
rules=${1:?rules or rules-tracked}
shift
exec weir replay --seed 0 --rules "$rules" --addr eth0=203.0.113.80/24 --route default=eth0 "$@" capture.pcapng
