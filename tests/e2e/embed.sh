#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The embedding example prints what its own comment promises.
set -euo pipefail
diff <("$1") - <<'EXPECTED'
event NEW at 0 s
event UPDATE at 0 s
packet 0: ACCEPT, NEW (no reason: nothing was found wrong)
packet 1: ACCEPT, ESTABLISHED_REPLY (no reason: nothing was found wrong)
the connection expires in 30000 ms
event DESTROY at 30 s
EXPECTED
