#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# usage: run.sh RULES [OPTION-OF-WEIR-REPLAY...]      (RULES is rules-naive, rules-notrack or rules-zone)
cd "$(dirname "$0")" || exit
rules=${1:?rules-naive, rules-notrack or rules-zone}
shift
exec weir replay --rules "$rules" --addr eth0=10.0.0.2/24 --route default=eth0 "$@" capture.pcapng
