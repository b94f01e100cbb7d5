#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The weir program from outside: command lines, bad input, where output goes, how it ends.
#
# Captures are made here, byte by byte: one UDP packet a record, raw IP without link header. So
# every expected line can be worked out by hand. What the answers of connection tracking are is
# tested elsewhere; here they only have to arrive.
#
# usage: replay_cli.sh WEIR [DIRECTORY-OF-THE-DEMO-CAPTURE]

set -u
export LC_ALL=C TZ=UTC

weir=$(readlink -f "${1:?usage: replay_cli.sh WEIR [DEMO]}")
demo=$(readlink -f "${2:-$(dirname "$0")/../../examples/demo}")
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp" || exit 1

passed=0 failed=0 skipped=0

ok() { passed=$((passed + 1)) && echo "ok - $1"; }
skip() { skipped=$((skipped + 1)) && echo "ok - $1 # SKIP $2"; }

# not_ok NAME [WHAT...]: with what was seen, for whoever must find out.
not_ok() {
    failed=$((failed + 1))
    echo "not ok - $1"
    shift
    printf '%s\n' "$@" | sed 's/^/#   /'
}

# run ARGUMENT...: leaves $status, and output in the files out and err.
run() {
    "$weir" "$@" >out 2>err </dev/null
    status=$?
}

# expect NAME STATUS OUT ERR: the last run ended with STATUS, and its outputs match these patterns
# (extended regular expressions; "" for no output at all; "-" for no matter).
expect() {
    local name=$1 want=$2 stream pattern why=()
    [[ $status == "$want" ]] || why+=("status $status instead of $want")
    for stream in out err; do
        if [[ $stream == out ]]; then pattern=$3; else pattern=$4; fi
        [[ $pattern == - ]] && continue
        if [[ -z $pattern ]]; then
            [[ -s $stream ]] && why+=("std$stream is not empty")
        else
            grep -Eq -- "$pattern" $stream || why+=("std$stream lacks: $pattern")
        fi
    done
    if ((${#why[@]})); then
        not_ok "$name" "${why[@]}" "stdout: $(head -c 600 out)" "stderr: $(head -c 600 err)"
    else
        ok "$name"
    fi
}

# same NAME WANT GOT: two texts.
same() {
    if [[ $2 == "$3" ]]; then
        ok "$1"
    else
        not_ok "$1" "$(diff -U0 --label want --label got <(echo "$2") <(echo "$3") | head -n 12)"
    fi
}

# holds NAME COMMAND...
holds() {
    local name=$1
    shift
    if "$@"; then ok "$name"; else not_ok "$name" "$*"; fi
}

# ---- Captures ----------------------------------------------------------------------------------

hex16() { printf '%02x%02x' $(($1 >> 8 & 255)) $(($1 & 255)); }
hex32le() { printf '%02x%02x%02x%02x' $(($1 & 255)) $(($1 >> 8 & 255)) $(($1 >> 16 & 255)) $(($1 >> 24 & 255)); }
hexaddr() {
    local IFS=.
    # shellcheck disable=SC2086 # four arguments are wanted
    printf '%02x%02x%02x%02x' $1
}

# bytes HEX: as they are.
bytes() {
    local out=
    while [[ $1 ]]; do
        out+="\\x${1:0:2}"
        set -- "${1:2}"
    done
    printf '%b' "$out"
}

# A pcap file header: microseconds, link type 101 (raw IP) or $1.
header() { bytes "d4c3b2a1020004000000000000000000$(hex32le 65535)$(hex32le "${1:-101}")"; }

# udp_hex SOURCE SPORT DESTINATION DPORT [UDP-CHECKSUM [TTL]]: 29 bytes, one of them data.
udp_hex() {
    local head i sum=0
    head="4500001d00000000$(printf %02x "${6:-64}")110000$(hexaddr "$1")$(hexaddr "$3")"
    for ((i = 0; i < 40; i += 4)); do sum=$((sum + 0x${head:i:4})); done
    while ((sum >> 16)); do sum=$(((sum & 0xffff) + (sum >> 16))); done
    printf '%s' "${head:0:20}$(hex16 $((sum ^ 0xffff)))${head:24}"
    printf '%s' "$(hex16 "$2")$(hex16 "$4")0009$(hex16 "${5:-0}")78"
}

# record SECONDS MICROSECONDS HEX
record() { bytes "$(hex32le "$1")$(hex32le "$2")$(hex32le $((${#3} / 2)))$(hex32le $((${#3} / 2)))$3"; }

# udp SECONDS MICROSECONDS SOURCE SPORT DESTINATION DPORT [CHECKSUM [TTL]]
udp() { record "$1" "$2" "$(udp_hex "${@:3}")"; }

A=10.0.0.1 B=10.0.0.2
question="src=$A dst=$B sport=1000 dport=53"
answer="src=$B dst=$A sport=53 dport=1000"

{
    header
    udp 1000 0 $A 1000 $B 53
    udp 1000 500000 $B 53 $A 1000
    udp 1001 250000 $A 1001 $B 53
} >three.pcap

# ---- The command line --------------------------------------------------------------------------

run
expect 'no command' 2 '' '^usage: weir COMMAND'
run wier
expect 'unknown command' 2 '' "^weir: unknown command 'wier'$"
run --help
expect 'weir --help' 0 '^  weir replay ' ''
run help
expect 'weir help' 0 '^  weir replay ' ''
run help replay
expect 'weir help replay' 0 '^usage: weir replay ' ''
run help wier
expect 'weir help wier' 2 '' "^weir: unknown command 'wier'$"
run replay --help
expect 'weir replay --help' 0 '--verdicts' ''
run size --help
expect 'weir size --help' 0 '--buckets' ''
run --version
expect 'weir --version' 0 '^weir [0-9]+\.[0-9]+' ''

run replay
expect 'no capture' 2 '' '^weir replay: no capture file given$'
run replay three.pcap demo.pcap
expect 'two captures' 2 '' "one capture file at a time: 'three.pcap' and 'demo.pcap'"
run replay --events three.pcap demo.pcap
expect 'a file without "="' 2 '' '--events=FILE'
for option in --frobnicate --rulez=x --expect -x; do
    run replay $option three.pcap
    expect "unknown option $option" 2 '' "^weir replay: unknown (or ambiguous )?option '${option}'$"
done
for option in --sysctl --write --addr --route --in --out --until --hashsize --seed; do
    run replay three.pcap $option
    expect "$option without a value" 2 '' "option '$option' needs a value"
done
run replay --flush=yes three.pcap
expect '--flush with a value' 2 '' "option '--flush' takes no value"
for until in 5 +x @ +-1 +1.x @99999999999999 ++1 ''; do
    run replay --until="$until" three.pcap
    expect "--until '$until'" 2 '' "is not a time; give \+SECONDS"
done
for seed in x -1 1.5 18446744073709551616 ''; do
    run replay --seed="$seed" three.pcap
    expect "--seed '$seed'" 2 '' 'is not a seed'
done
for addr in lan0 lan0=10.0.0.256 lan0=10.0.0.1/33 lan0=fd99::1/129 lan0=10.0.0.1/ lan0=10.0.0.1/1x lan0= 10.0.0.1=lan0; do
    run replay --addr "$addr" three.pcap
    expect "--addr $addr" 2 '' "'$addr' is not an address; give IFACE=ADDR/LEN"
done
for route in lan0 lan0=10.0.0.0/8 10.0.0.0/33=lan0 '=lan0' dfault=lan0; do
    run replay --route "$route" three.pcap
    expect "--route $route" 2 '' "'$route' is not a route; give PREFIX=IFACE"
done
run replay --route 10.0.0.1/24=lan0 three.pcap
expect '--route with host bits' 2 '' "'10.0.0.1/24' has bits set behind its length of 24"
for iface in '' a/b 'a b' 0123456789012345 ..; do
    run replay --in "$iface" three.pcap
    expect "--in '$iface'" 2 '' "cannot be the name of an interface"
done
run replay --write - --table three.pcap
expect 'packets and text on standard output' 2 '' 'cannot both go to standard output'
run replay --write x --events=x three.pcap
expect 'packets and text in one file' 1 '' "packets and text cannot both go to 'x'"

# ---- Settings ----------------------------------------------------------------------------------

P=net.netfilter.nf_conntrack
run replay --sysctl ${P}_udp_timeuot=7 three.pcap
expect 'misspelt key' 2 '' "unknown key '${P}_udp_timeuot'; did you mean '${P}_udp_timeout'\?$"
run replay --sysctl ${P}_udp_timeout=x three.pcap
expect 'value is no number' 2 '' "${P}_udp_timeout: 'x' is not a number; it takes a whole number from"
run replay --sysctl ${P}_acct=2 three.pcap
expect 'value out of range' 2 '' "${P}_acct: '2' is out of range; it takes a whole number from 0 to 1$"
run replay --sysctl ${P}_count=2 three.pcap
expect 'read-only key' 2 '' "${P}_count is read only"
run replay --sysctl nosuchfile three.pcap
expect 'settings file is missing' 1 '' "cannot read 'nosuchfile': No such file or directory; give KEY=VALUE or"
printf 'net.ipv4.ip_forward = 1\n%s_acct = 1\n%s_acct = maybe\nwhat\n' $P $P >bad.conf
run replay --sysctl bad.conf three.pcap
expect 'bad line in a settings file' 1 '' "^weir replay: bad.conf:3: ${P}_acct: 'maybe' is not a number"
expect 'and the next one' 1 '' "^weir replay: bad.conf:4: no '=' in 'what'"
printf '# ours\nnet.ipv4.ip_forward = 1\n-%s_nonsense = 1\nnet/netfilter/nf_conntrack_udp_timeout = 7\n' $P >good.conf
run replay --table --sysctl good.conf three.pcap
expect 'settings file' 0 "^ipv4     2 udp      17 7 src=$A dst=$B sport=1001" ''
run replay --table --sysctl good.conf --sysctl /proc/sys/net/netfilter/nf_conntrack_udp_timeout=9 three.pcap
expect 'the last value counts' 0 '17 9 src=' ''
run replay --table --sysctl net.nf_conntrack_max=1 three.pcap
one=$(wc -l <out)
run replay --table --sysctl $P''_buckets=512 --sysctl net.nf_conntrack_max=1 three.pcap
same 'max before or after buckets' "1 1" "$one $(wc -l <out)"
run replay --hashsize 0 three.pcap
expect '--hashsize 0' 2 '' "hashsize: '0' is out of range; it takes a whole number from 1 to"

# ---- Bad captures ------------------------------------------------------------------------------

run replay nosuch.pcap
expect 'capture is missing' 1 '' 'nosuch\.pcap.*No such file'
run replay .
expect 'capture is a directory' 1 '' '^weir replay: .*directory'
echo 'This is not a capture.' >text.pcap
run replay text.pcap
expect 'not a capture' 1 '' '^weir replay: .*text\.pcap'
: >empty.pcap
run replay empty.pcap
expect 'no bytes' 1 '' '^weir replay: .*empty\.pcap'
header >none.pcap
run replay none.pcap
expect 'no packets' 0 '^  no packets$' ''
header 220 >usb.pcap
run replay usb.pcap
expect 'unknown link type' 1 '' '^weir replay: .*usb\.pcap.*220'

# Cut anywhere, all whole packets count, and the error says where.
size=$(stat -c %s three.pcap)
bad=
for ((cut = 25; cut < size; cut++)); do
    head -c $cut three.pcap >cut.pcap
    run replay --verdicts cut.pcap
    whole=$(((cut - 24) / 45))
    left=$(((cut - 24) % 45))
    want=$((left != 0))
    if [[ $status != "$want" || $(wc -l <out) != "$whole" ]]; then bad+=" $cut"; fi
    if ((left)) && ! grep -Eq "packet $((whole + 1))\b.*\b$((24 + 45 * whole))\b" err; then bad+=" $cut(text)"; fi
done
same 'captures cut short, at every byte' '' "$bad"
head -c 100 three.pcap >cut.pcap
run replay cut.pcap
expect 'summary of a cut capture' 1 '^Connections: 1 created' '^weir replay: .*cut\.pcap.*packet 2\b'

{
    cat three.pcap
    bytes ffffffffffffffffffffffffffffffff
} >damaged.pcap
run replay --verdicts damaged.pcap
expect 'garbage behind the packets' 1 '^3	ACCEPT' 'packet 4\b.*\b159\b'

# ---- Outputs -----------------------------------------------------------------------------------

run replay --verdicts three.pcap
printf '1\tACCEPT\tNEW\t1\t-\t-\n2\tACCEPT\tESTABLISHED_REPLY\t1\t-\t-\n3\tACCEPT\tNEW\t1\t-\t-\n' >want
same 'verdict lines' "$(cat want)" "$(cat out)"

run replay --events three.pcap
cat >want <<END
[1000.000000]	    [NEW] udp      17 30 $question [UNREPLIED] $answer
[1000.500000]	 [UPDATE] udp      17 30 $question $answer
[1001.250000]	    [NEW] udp      17 30 ${question/1000/1001} [UNREPLIED] ${answer/1000/1001}
END
same 'event lines' "$(cat want)" "$(cat out)"

run replay --events --verdicts three.pcap
same 'a packet'\''s events stand before its verdict' 'N1U2N3' \
    "$(sed -E 's/^\[[0-9.]*\]\s+\[(.).*/\1/; s/^([0-9])	.*/\1/' out | tr -d '\n')"

run replay --table three.pcap
cat >want <<END
ipv4     2 udp      17 29 $question $answer mark=0 zone=0 use=2
ipv4     2 udp      17 30 ${question/1000/1001} [UNREPLIED] ${answer/1000/1001} mark=0 zone=0 use=2
END
same 'table' "$(cat want)" "$(sort out)"
run replay --list three.pcap
cat >want <<END
udp      17 29 $question $answer mark=0 use=1
udp      17 30 ${question/1000/1001} [UNREPLIED] ${answer/1000/1001} mark=0 use=1
END
same 'list' "$(cat want)" "$(sort out)"
run replay --stats three.pcap
same 'counters' "cpu=0   	found=0 invalid=0 insert=0 insert_failed=0 drop=0 early_drop=0 error=0 search_restart=0 clash_resolve=0 chaintoolong=0 " "$(cat out)"
run replay three.pcap
expect 'summary' 0 '^  3 packets, 87 B, 1\.250 s from 1970-01-01 00:16:40\.000 UTC$' ''
expect 'summary counts connections' 0 '^Connections: 2 created, 0 ended, 2 alive$' ''
expect 'and shows the table' 0 "^ipv4     2 udp      17 29 $question $answer mark=0 zone=0 use=2$" ''
"$weir" replay --verdicts --table - <three.pcap >piped 2>err
{ head -c 30; sleep 0.1; cat; } <three.pcap | "$weir" replay --verdicts --table - >piped2 2>err
"$weir" replay --verdicts --table three.pcap >direct
same 'standard input, file and pipe' "$(cat direct direct)" "$(cat piped piped2)"

run replay --events=e --verdicts=v --table=t --list=l --stats=s three.pcap
expect 'files only' 0 '' ''
same 'each its own' '3 3 2 2 1' "$(for f in e v t l s; do wc -l <$f; done | xargs)"
run replay --list=all --table=all --verdicts=all --events=all three.pcap
"$weir" replay --events --verdicts --table --list three.pcap >want
same 'one file for all, in the documented order' "$(cat want)" "$(cat all)"

cp three.pcap keep.pcap
for option in --write=keep.pcap --events=keep.pcap --table=./keep.pcap; do
    run replay "$option" keep.pcap
    expect "$option onto the capture" 1 '' 'is the capture itself and would be overwritten'
done
holds 'it is left alone' cmp -s three.pcap keep.pcap
run replay --table=/nonexistent/t three.pcap
expect 'output cannot be opened' 1 '' "cannot write '/nonexistent/t': No such file or directory"
if [[ -c /dev/full ]]; then
    for option in --events --verdicts --table --list --stats; do
        run replay $option=/dev/full three.pcap
        expect "$option to a full disk" 1 '' "cannot write '/dev/full': No space left on device"
    done
    run replay --write /dev/full three.pcap
    expect '--write to a full disk' 1 '' '/dev/full.*No space left on device'
    "$weir" replay three.pcap >/dev/full 2>err
    status=$? && : >out
    expect 'standard output on a full disk' 1 - 'cannot write standard output: No space left on device'
    "$weir" replay --help >/dev/full 2>err
    status=$?
    expect '--help to a full disk' 1 - 'cannot write standard output: No space left on device'
else
    skip 'full disk' 'no /dev/full'
fi
{ "$weir" replay --flush --verdicts three.pcap 2>err; echo $? >status; } | true
# The reader may or may not have gone in time for the first line; until it has, ask again.
for ((i = 0; i < 50 && $(<status) == 0; i++)); do
    { sleep 0.1; "$weir" replay --flush --verdicts three.pcap 2>err; echo $? >status; } | true
done
status=$(<status) && : >out
expect 'reader goes away' 1 - 'cannot write standard output: Broken pipe'

run replay --write w.pcapng --out wan0 three.pcap
expect '--write' 0 '' ''
run replay --verdicts w.pcapng
expect 'what was written can be replayed' 0 '^3	ACCEPT	NEW' ''
holds 'it names the interface' grep -aq wan0 w.pcapng
"$weir" replay --write - three.pcap >w.pcap
# One hop less: TTL 63, and the checksum that goes with it.
want=$({ header; udp 1000 0 $A 1000 $B 53 0 63; } | tail -c 29 | od -An -tx1)
same 'a packet came out one hop further' "$want" "$(head -c $((24 + 45)) w.pcap | tail -c 29 | od -An -tx1)"

# ---- Time --------------------------------------------------------------------------------------

run replay --events --until +29.24 three.pcap
same '--until: not yet' 0 "$(grep -c DESTROY out)"
run replay --events --until +60 three.pcap
expect '--until: ends in order, at their time' 0 '^\[1030\.50[0-9]*\]	\[DESTROY\] udp      17 src=10\.0\.0\.1 ' ''
same 'both' 2 "$(grep -c DESTROY out)"
run replay --table --until @1020 three.pcap
expect '--until @' 0 ' 17 10 src=' ''
run replay --table --until @1000 three.pcap
expect '--until in the past' 0 ' 17 29 src=' '--until lies before the end of the capture'
run replay --table --until +9000000000 three.pcap
expect '--until in the far future' 0 '' ''

# Two packets in one tick of 4 ms: the end of time counts from the second, however they were run.
{
    header
    udp 1000 1000 $A 1000 $B 53
    udp 1000 3000 $A 1001 $B 53
} >tick.pcap
for flush in '' --flush; do
    run replay --events $flush --until +29.998 tick.pcap
    same "--until counts from the last packet ($flush)" 2 "$(grep -c DESTROY out)"
    run replay --events $flush --until +29.996 tick.pcap
    same "and not before ($flush)" 0 "$(grep -c DESTROY out)"
done

# Ten years between two packets: what ends in between ends at its own time.
{
    header
    udp 1000 0 $A 1000 $B 53
    udp 315361000 0 $A 2000 $B 53
} >years.pcap
run replay --events years.pcap
same 'a jump of ten years' '[1000.000000] [NEW]|[1030.000000] [DESTROY]|[315361000.000000] [NEW]|' \
    "$(sed -E 's/^(\[[^]]*\])\s+(\[[A-Z]*\]).*/\1 \2/' out | tr '\n' '|')"

{
    header
    udp 1000 0 $A 1000 $B 53
    udp 999 0 $A 1001 $B 53
    udp 1000 100 $A 1002 $B 53
} >back.pcap
run replay --table back.pcap
expect 'clock that runs backwards' 0 '17 30 .*sport=1001 ' \
    "^weir replay: the capture's clock runs backwards at 1 packet, by up to 1\.000 s"
run replay --events --verdicts back.pcap
expect 'its packet keeps its time stamp' 0 '^\[999\.000000\]	    \[NEW\].*sport=1001 ' -
run replay back.pcap
expect 'summary tells it' 0 "^  the capture's clock runs backwards at 1 packet" ''

# One record at a time, each answered before the next is written.
mkfifo to from
"$weir" replay --flush --verdicts --events - <to >from 2>err &
pid=$!
exec 8>to 9<from
line=
header >&8
answers=
for ((i = 0; i < 3; i++)); do
    udp $((1000 + i)) 0 $A $((1000 + i)) $B 53 >&8
    while read -r -t 10 line <&9; do
        answers+="${line%%	*} "
        [[ $line == [0-9]* ]] && break
    done
done
exec 8>&- 9<&-
wait $pid
same '--flush answers packet by packet' "0: [1000.000000] 1 [1001.000000] 2 [1002.000000] 3 " "$?: $answers"

# ---- The gateway -------------------------------------------------------------------------------

run replay --verdicts --addr lan0=10.0.0.254/24 three.pcap
expect 'the network of an address is reachable' 0 '^1	ACCEPT	NEW	1	-' ''
run replay --verdicts --addr lan0=10.9.0.1/24 three.pcap
expect 'no route' 0 '^1	DROP	NEW	0	no-route	-$' ''
run replay --addr lan0=10.9.0.1/24 three.pcap
expect 'and what to do about it' 0 '^  --route default=IFACE$' ''
run replay --verdicts --addr lan0=10.9.0.1/24 --route default=wan0 three.pcap
expect 'a default route' 0 '^1	ACCEPT	NEW	1	-' ''
run replay --verdicts --addr lan0=10.9.0.1/24 --out wan0 three.pcap
expect '--out without a route' 0 '^1	ACCEPT	NEW	1	-' ''
run replay --write w.pcapng --route 10.0.0.0/24=lan24 --route 10.0.0.2/32=lan32 --route 0.0.0.0/0=wan three.pcap
grep -aq lan32 w.pcapng && grep -aq lan24 w.pcapng && ! grep -aq wan w.pcapng
same 'the longest prefix wins' 0 $?
# With a wrong UDP checksum: INVALID when it comes in, trusted when the host sends it itself.
{ header; udp 1000 0 $A 1000 $B 53 4660; } >sum.pcap
run replay --verdicts sum.pcap
expect 'wrong checksum' 0 '^1	ACCEPT	INVALID	1	l4-checksum	-$' ''
run replay --verdicts --sysctl ${P}_checksum=0 sum.pcap
expect 'wrong checksum, not looked at' 0 '^1	ACCEPT	NEW	1	-	-$' ''
run replay --verdicts --addr lan0=$A/24 sum.pcap
expect 'a packet of the host itself' 0 '^1	ACCEPT	NEW	1	-	-$' ''
run replay sum.pcap
expect 'the hint about checksums' 0 '^  --sysctl net\.netfilter\.nf_conntrack_checksum=0$' ''
{ header; udp 1000 0 $A 1000 $B 53 0 1; } >ttl.pcap
run replay --verdicts ttl.pcap
expect 'the last hop' 0 '^1	DROP	NEW	0	ttl-exceeded	-$' ''
run replay --verdicts --addr lan0=$B/24 ttl.pcap
expect 'a packet to the host itself' 0 '^1	ACCEPT	NEW	1	-	-$' ''
{ header 1; record 1000 0 "ffffffffffff0200000000010806$(printf '%056d' 0)"; } >arp.pcap
run replay --verdicts arp.pcap
same 'a frame that is not IP' '1	SKIP	-	0	not-ip	-' "$(cat out)"
run replay arp.pcap
expect 'and its summary' 0 '^  1 not IP, skipped$' ''

# ---- A real capture ----------------------------------------------------------------------------

if [[ -r $demo/demo.pcapng ]]; then
    for settings in 0 1; do
        all=(--events --verdicts --table --sysctl "${P}_timestamp=$settings" --sysctl "${P}_acct=$settings")
        "$weir" replay "${all[@]}" "$demo/demo.pcapng" >whole
        "$weir" replay "${all[@]}" --flush "$demo/demo.pcapng" >single
        same "batches or single packets, the same answers (timestamp=$settings)" "$(<whole)" "$(<single)"
    done
    "$weir" replay --events --verdicts --seed 99 "$demo/demo.pcapng" >seed
    "$weir" replay --events --verdicts "$demo/demo.pcapng" >noseed
    same 'whatever the seed' "$(<noseed)" "$(<seed)"
    # What the verdict lines count is what was written, pieces of fragmented datagrams included.
    "$weir" replay --verdicts --write w.pcapng "$demo/demo.pcapng" >verdicts
    want=$(awk '{n += $4} END {print n}' verdicts)
    same 'as many packets as counted' "$want" "$("$weir" replay --verdicts w.pcapng | wc -l)"
    holds 'fragments are held and come out together' grep -Pq '^\d+\tREPLACED\tNEW\t3\t-\t-$' verdicts
    "$weir" replay --table --until "@$(<"$demo/demo.when")" "$demo/demo.pcapng" | sort >table
    same 'the table is that of the kernel' "$(sort "$demo/demo.table")" "$(cat table)"
    "$weir" replay --list --until "@$(<"$demo/demo.when")" "$demo/demo.pcapng" | sort >list
    same 'the list is that of conntrack' "$(sort "$demo/demo.list")" "$(cat list)"
    "$weir" replay --events --until "@$(<"$demo/demo.when")" "$demo/demo.pcapng" | cut -f2 >events
    same 'the events are those of conntrack' "$(cut -f2 "$demo/demo.events")" "$(cat events)"
else
    skip 'a real capture' "no $demo/demo.pcapng"
fi

# ---- What the manual says ----------------------------------------------------------------------

# printed NAME: the manual page shows the last run's error messages, with other line breaks.
printed() {
    local page message
    page=$(tr -s ' \n' ' ' <"$man")
    message=$(tr -s ' \n' ' ' <err)
    if [[ $message && $page == *"$message"* ]]; then ok "$1"; else not_ok "$1" "not in the manual: $message"; fi
}
man=$demo/../../docs/man/weir-replay.1
if [[ -r $man && -r $demo/demo.pcapng ]]; then
    head -c 1000 "$demo/demo.pcapng" | "$weir" replay --verdicts - >out 2>err
    printed 'manual: a capture that ends in the middle'
    run replay --sysctl net.netfilter.nf_conntrack_tcp_lose=0 "$demo/demo.pcapng"
    printed 'manual: a key that does not exist'
    run replay --table=/dev/full "$demo/demo.pcapng"
    printed 'manual: output that has no place'
    man=${man/replay/size}
    run size --max 1M
    sed -i '$d' err # the line that refers to --help
    printed 'manual: size'
else
    skip 'what the manual says' "no $man"
fi

# ---- weir size ---------------------------------------------------------------------------------

run size
expect 'size: of what?' 2 '' 'say for how many connections: --max N'
for n in 0 -1 x 1x 2147483648 ''; do
    run size --max "$n"
    expect "size --max '$n'" 2 '' "--max '$n': not a whole number from 1 to 2147483647"
done
run size --max 5 6
expect 'size: too much' 2 '' "unexpected '6'"
run size --max 262144 --buckets 65536
expect 'size' 0 '^262,144 connections in 65,536 buckets, IPv4 only$' ''
expect 'size: the usual formula' 0 'max \* 256 \+ buckets \* 8, gives 64\.5 MiB' ''
run size --max 2147483647 --ipv6
expect 'size: the largest' 0 '^  total ' ''

echo "$passed passed, $failed failed, $skipped skipped"
((failed == 0))
