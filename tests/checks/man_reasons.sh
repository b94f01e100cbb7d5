#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# weir-reasons(7) lists exactly the reasons of weir/reasons.def, in its order, each with its sentence.
#
# usage: man_reasons.sh [ROOT-OF-THE-SOURCE]

set -euo pipefail
cd "${1:-$(dirname "$0")/../..}"
page=docs/man/weir-reasons.7

# "WORD SENTENCE." of each; the page begins sentences with a capital letter, so both are lowered.
from_code() {
    printf '%s\n' '#define WEIR_REASON(id, word, text) @ word text' '#include <weir/reasons.def>' |
        "${CC:-cc}" -E -P -Iinclude - | sed -nE 's/^@ "([^"]+)" "(.*)"$/\1 \2./p' |
        tr '[:upper:]' '[:lower:]'
}

# Each item of the page on one line: its word, and all text up to the next item or section.
items() {
    awk '/^\.It Sy /{if (item) print item; item = $3; next}
         /^\.(Ss|Sh|El|Bl)/{if (item) print item; item = ""; next}
         item{item = item " " $0}' "$page" | tr '[:upper:]' '[:lower:]'
}

count=0
while IFS= read -r want <&3; do
    count=$((count + 1))
    IFS= read -r have <&4 || have='(the page ends)'
    # What follows the sentence is the page's own.
    [[ "$have " == "$want "* ]] || {
        printf 'not ok - %s, item %d\n#   want: %s\n#   have: %s\n' "$page" $count "$want" "$have"
        exit 1
    }
done 3< <(from_code) 4< <(items; echo '(the page ends)')
((count > 0)) || { echo 'not ok - reasons.def cannot be read'; exit 1; }
(($(items | wc -l) == count)) || { echo "not ok - $page has more items than reasons.def"; exit 1; }
echo "ok - $page lists all $count reasons"
