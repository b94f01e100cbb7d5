#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Draw docs/figures/*.svg from results that tools/bench.sh left (build-bench/results.tsv), with what others cost beside
# them (docs/figures/peers.tsv). Colours are of middle brightness on no background: readable on light and dark pages.
#
# usage: tools/plots.sh RESULTS [DIRECTORY]
set -euo pipefail

results=${1:?usage: tools/plots.sh RESULTS [DIRECTORY]}
here=$(cd "$(dirname "$0")/.." && pwd)
peers=$here/docs/figures/peers.tsv
out=${2:-$here/docs/figures}
[ -r "$results" ] || { echo "plots.sh: cannot read '$results'; tools/bench.sh makes it" >&2; exit 1; }
command -v gnuplot >/dev/null || { echo "plots.sh: needs gnuplot (tools/setup.sh plots)" >&2; exit 1; }
mkdir -p "$out"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# series KIND PROGRAM PATTERN FILE: the names of a program's series that match, one a line.
series() {
    awk -F'\t' -v kind="$1" -v program="$2" -v like="$3" '
        $1 == kind && $2 == program && $3 ~ like && !seen[$3]++ { print $3 }' "$4"
}

# points KIND PROGRAM SERIES FILE: its points in the order of x.
points() {
    awk -F'\t' -v OFS='\t' -v kind="$1" -v program="$2" -v series="$3" '
        $1 == kind && $2 == program && $3 == series { print $4, $5 }' "$4" | sort -g
}

colours=('#3b82c4' '#d9822b' '#3f9f6f' '#b05fb0' '#c9504d' '#8f8f2f' '#4fb3bf' '#7a6a5a')
grey='#8a8a8a'

# What all figures begin with: NAME HEIGHT.
head_of() {
    cat <<END
set terminal svg size 760,$2 dynamic noenhanced font 'sans-serif,13' lw 1.3
set output '$out/$1.svg'
set border 3 lc rgb '$grey'
set tics nomirror tc rgb '$grey'
set grid lc rgb '$grey' lw 0.4 dt 3
END
}

# --- curves ---

# add KIND PROGRAM PATTERN FILE STYLE: a curve of every matching series, in STYLE with a colour of its own; of peers in
# grey, told apart by shape. Curves gather in `curves`.
curves=() count=0 shapes=0 hue=0
add() {
    local name
    while IFS= read -r name; do
        local data=$work/$((count++)).tsv
        points "$1" "$2" "$name" "$4" >"$data"
        if [ "$4" = "$peers" ]; then
            curves+=("'$data' using 1:2 title \"$name\" with linespoints lw 1 dt 3 pt $((4 + 2 * shapes++)) ps 0.7 lc rgb '$grey'")
        else
            curves+=("'$data' using 1:2 title \"$name\" $5 lc rgb '${colours[$((hue++ % ${#colours[@]}))]}'")
        fi
    done < <(series "$1" "$2" "$3" "$4")
}

# draw NAME TITLE X-LABEL Y-LABEL SETTINGS...: what was added, in one figure; nothing if there is nothing of ours.
draw() {
    local name=$1 all
    if [ $hue -eq 0 ]; then
        echo "plots.sh: no results for $name.svg: left out" >&2
    else
        printf -v all '%s, ' "${curves[@]}"
        {
            head_of "$name" 500
            echo "set title \"$2\" tc rgb '$grey'"
            echo "set xlabel \"$3\" tc rgb '$grey' offset 0,0.4"
            echo "set ylabel \"$4\" tc rgb '$grey'"
            echo "set key below maxrows 3 Left reverse tc rgb '$grey' spacing 1.15 samplen 2"
            printf '%s\n' "${@:5}" "plot ${all%, }"
        } | gnuplot
        echo "$out/$name.svg"
    fi
    curves=() count=0 shapes=0 hue=0
}

numbers='("1" 1, "10" 10, "100" 100, "1k" 1e3, "10k" 1e4, "100k" 1e5, "1M" 1e6, "10M" 1e7)'

add point established '^(UDP|TCP), IPv[46]$' "$results" "with linespoints lw 2 pt 7 ps 0.6"
add point established '^UDP, IPv4, floor$' "$results" "with linespoints lw 1 dt 2 pt 7 ps 0.4"
add point established . "$peers"
draw flows "Packets of established connections, random order, batches of 32" 'connections in the table' 'ns a packet, one core' \
    'set logscale xy' 'set xrange [0.8:2e7]' 'set yrange [20:2000]' "set xtics $numbers" 'set ytics (20, 50, 100, 200, 500, 1000, 2000)'

add point rules . "$results" "with linespoints lw 2 pt 7 ps 0.6"
add point rules . "$peers"
draw rules "A new packet that passes so many rules before the one that accepts it" 'rules' 'ns a packet, one core' \
    'set logscale xy' 'set xrange [7:2e5]' "set xtics $numbers" 'set ytics ("100" 100, "1,000" 1e3, "10,000" 1e4, "100,000" 1e5)'

add point scale . "$results" "with linespoints lw 2 pt 7 ps 0.6"
draw scale "Packets a second of N shards, times those of one" 'shards' 'times one shard' 'set logscale xy 2'

# --- histograms: a panel for each ---

mapfile -t panels < <(series share pauses ', what recurs$' "$results")
if [ ${#panels[@]} -eq 0 ]; then
    echo "plots.sh: no results for latency.svg: left out" >&2
    exit 0
fi
{
    head_of latency $((70 + 190 * ((${#panels[@]} + 1) / 2)))
    cat <<END
set multiplot layout $(((${#panels[@]} + 1) / 2)),2 title "How long a batch of 32 packets takes meanwhile: share of all batches (line: the target)" tc rgb '$grey' \
    margins 0.09,0.98,0.07,0.88 spacing 0.09,0.13
set logscale y
set yrange [1e-6:1]
set ytics ("100 %%" 1, "1 %%" 1e-2, "0.01 %%" 1e-4, "1 ppm" 1e-6)
set xrange [log10(0.5):log10(3e6)]
set xtics ("1 us" 0, "" 1, "100 us" 2, "" 3, "10 ms" 4, "" 5, "1 s" 6)
set style fill solid 0.85 noborder
set boxwidth 0.065
unset key
set arrow from 2, graph 0 to 2, graph 1 nohead lw 1.5 lc rgb '$grey'
END
    for i in "${!panels[@]}"; do
        points share pauses "${panels[i]}" "$results" >"$work/panel-$i.tsv"
        echo "set title \"${panels[i]%, what recurs}\" tc rgb '$grey' offset 0,-0.6"
        # x is the upper edge of a quarter of a doubling.
        echo "plot '$work/panel-$i.tsv' using (log10(\$1) - 0.0376):2 with boxes lc rgb '${colours[0]}'"
    done
} | gnuplot
echo "$out/latency.svg"
