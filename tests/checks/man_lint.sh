#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The manual pages are well-formed mdoc.
set -euo pipefail
cd "$(dirname "$0")/../../docs/man"
mandoc -T lint -W warning ./*.[17]
echo "ok - $(ls ./*.[17] | wc -l) manual pages"
