#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# usage: run.sh [OPTION-OF-WEIR-REPLAY...]
cd "$(dirname "$0")" || exit
exec weir replay --rules rules --addr eth0=192.0.2.10/24 "$@" capture.pcapng
