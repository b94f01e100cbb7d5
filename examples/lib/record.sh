# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# For the scripts that make the captures of the walk-throughs: source it. It makes network
# namespaces, wires them, starts programs in them, and records what one of them, the gateway, takes
# in, sends out, and says about it.
#
#     capture.pcapng     every IP packet that came in to the gateway (or that it sent itself)
#     kernel/out.pcapng  every IP packet that it sent
#     kernel/events      conntrack -E -o timestamp
#     kernel/table       /proc/net/nf_conntrack at the time, in seconds since 1970, in kernel/when
#     kernel/counters    iptables-save -c at that time
#
# Two things make the record comparable, packet for packet, with another tracker's:
#   - Everything runs on one CPU. On two, a packet from one side may be captured while one from the
#     other is being tracked, and the capture then has them in the wrong order.
#   - The final table is read at a moment when no timeout is about to reach a whole second, so that
#     the seconds printed hold for some milliseconds around that time.
# What cannot be helped is a clock that ticks between a packet and its event, which then says 119
# seconds instead of 120. It is seldom; make the record again.
#
# A script calls `begin`, then the others, `finish` last. Whichever way it ends, the programs that
# it started are stopped and its namespaces are gone.

export LC_ALL=C # EPOCHREALTIME and every program's output with a dot, not a comma
export PYTHONDONTWRITEBYTECODE=1
lib=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
declare -A namespace # of each role: client, gateway...
macs=0

# ---- Begin and end -----------------------------------------------------------------------------

say() { printf '%s: %s\n' "$walk" "$*" >&3; }

die() {
    say "$*"
    exit 1
}

# The programs, and the Debian package each comes from.
require_tools() {
    local tool package
    while read -r tool package; do
        command -v "$tool" >/dev/null || die "$tool is missing; apt-get install $package"
    done <<-END
	ip iproute2
	ss iproute2
	sysctl procps
	taskset util-linux
	ethtool ethtool
	iptables-legacy-restore iptables
	conntrack conntrack
	dumpcap wireshark-common
	reordercap wireshark-common
	ping iputils-ping
	curl curl
	dig bind9-dnsutils
	dnsmasq dnsmasq-base
	python3 python3
	END
}

# With another CPU the capture can have packets in another order than the tracker saw them.
use_one_cpu() {
    local allowed
    allowed=$(taskset -cp $$)
    allowed=${allowed##*: }
    taskset -cp "${allowed%%[,-]*}" $$
}

# begin DIRECTORY ROLE...: a namespace for each role.
begin() {
    local role
    walk=$(basename "$1")
    outdir=$1
    shift
    exec 3>&1
    ((EUID == 0)) || die 'must be root, to make network namespaces'
    require_tools
    [[ -d $outdir && -w $outdir ]] || die "$outdir is not a directory that can be written to"
    tmp=$(mktemp -d)
    mkdir "$tmp/kernel"
    trap clean_up EXIT
    trap 'exit 130' INT TERM HUP
    exec >"$tmp/log" 2>&1
    use_one_cpu
    for role; do
        make_namespace "$role"
    done
}

# The shell's own list of jobs says what still runs, whichever way the script ends.
clean_up() {
    local status=$? pid role
    set +e
    trap - EXIT INT TERM HUP
    for pid in $(jobs -pr); do
        stop "$pid"
    done
    for role in "${!namespace[@]}"; do
        [[ -e /run/netns/${namespace[$role]} ]] && ip netns del "${namespace[$role]}"
    done
    if ((status != 0)) && [[ -s $tmp/log ]]; then
        say 'failed; the last that the programs said:'
        tail -n 20 "$tmp/log" >&3
    fi
    rm -rf "$tmp"
    exit "$status"
}

# Everything worked: the new record replaces the old one.
finish() {
    rm -rf "$outdir/kernel"
    mkdir "$outdir/kernel"
    install -m 644 "$tmp/capture.pcapng" "$outdir/"
    install -m 644 "$tmp"/kernel/* "$outdir/kernel/"
    say "$captured"
}

# ---- Programs ----------------------------------------------------------------------------------

# on ROLE PROGRAM...
on() {
    local role=$1
    shift
    ip netns exec "${namespace[$role]}" "$@"
}

# start ROLE PROGRAM...: in the background, its process id in $started.
start() {
    local role=$1
    shift
    ip netns exec "${namespace[$role]}" "$@" &
    started=$!
}

# stop PROCESS [SIGNAL]: ends one program that this script started, and waits until it is gone.
stop() {
    kill -s "${2:-TERM}" "$1" || true
    wait "$1" || true
}

# expect STATUS PROGRAM...: the program must end with just this status.
expect() {
    local want=$1 got=0
    shift
    "$@" || got=$?
    ((got == want)) || die "'$*' ended with status $got, not $want"
}

# until_true WHAT PROGRAM...: polls for at most five seconds.
until_true() {
    local what=$1 i
    shift
    for ((i = 0; i < 100; i++)); do
        if "$@"; then return; fi
        sleep 0.05
    done
    die "waited five seconds in vain for $what"
}

# listening ROLE SS-FILTER...: -t for TCP or -u for UDP, and which port.
listening() {
    local role=$1
    shift
    [[ -n $(on "$role" ss -Hln "$@") ]]
}

# web_server ROLE PORT: one small page.
web_server() {
    mkdir -p "$tmp/www/$1"
    echo "hello from $1" >"$tmp/www/$1/index.html"
    start "$1" python3 -m http.server "$2" --protocol HTTP/1.1 --directory "$tmp/www/$1"
    until_true "the HTTP server of $1" listening "$1" -t "sport = :$2"
}

# name_server ROLE: knows www.example.net.
name_server() {
    start "$1" dnsmasq --keep-in-foreground --conf-file=/dev/null --pid-file= --no-resolv \
        --no-hosts --host-record=www.example.net,192.0.2.80
    until_true "the DNS server of $1" listening "$1" -u 'sport = :53'
}

# ---- The network -------------------------------------------------------------------------------

# IPv4 only: with IPv6, neighbour discovery would fill the captures with what is not told of.
make_namespace() {
    namespace[$1]=weir-$walk-$$-$1
    ip netns add "${namespace[$1]}"
    on "$1" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
    ip -n "${namespace[$1]}" link set lo up
}

# wire ROLE INTERFACE ROLE INTERFACE: a cable between two namespaces.
wire() {
    ip link add "$2" netns "${namespace[$1]}" address "$(printf '02:00:00:00:00:%02x' $((macs + 1)))" \
        type veth peer name "$4" netns "${namespace[$3]}" \
        address "$(printf '02:00:00:00:00:%02x' $((macs + 2)))"
    macs=$((macs + 2))
    bring_up "$1" "$2"
    bring_up "$3" "$4"
}

# bring_up ROLE INTERFACE: with offloads, the kernel would hand 64 kB "packets" with unfinished
# checksums from one end to the other; without, packets are as on a wire.
bring_up() {
    on "$1" ethtool -K "$2" rx off tx off sg off tso off gso off gro off
    ip -n "${namespace[$1]}" link set "$2" mtu 1500 up
}

# switch ROLE INTERFACE PORT...: joins ports of a namespace to one interface.
switch() {
    local role=$1 iface=$2 port
    shift 2
    macs=$((macs + 1))
    ip -n "${namespace[$role]}" link add "$iface" address "$(printf '02:00:00:00:00:%02x' $macs)" \
        type bridge forward_delay 0 mcast_snooping 0
    for port; do
        ip -n "${namespace[$role]}" link set "$port" master "$iface"
    done
    # If bridged frames went through the rules too, they would count twice what is also routed.
    if on "$role" test -e /proc/sys/net/bridge/bridge-nf-call-iptables; then
        on "$role" sysctl -qw net.bridge.bridge-nf-call-iptables=0
    fi
    ip -n "${namespace[$role]}" link set "$iface" up
}

# address ROLE INTERFACE ADDRESS...
address() {
    local role=$1 iface=$2 addr
    shift 2
    for addr; do
        ip -n "${namespace[$role]}" address add "$addr" dev "$iface"
    done
}

# route ROLE ROUTE...: as `ip route add`.
route() {
    local role=$1
    shift
    ip -n "${namespace[$role]}" route add "$@"
}

# ---- What is recorded --------------------------------------------------------------------------

# load_rules ROLE FILE: with the front end whose rules are evaluated one by one, as they stand.
load_rules() { on "$1" iptables-legacy-restore <"$2"; }

# /proc/net/netlink: kernel address, protocol (12 is netfilter), port, and the groups it is in.
events_heard() { on "$1" grep -Eq '^[0-9a-f]+ +12 +[0-9]+ +0*[1-9a-f]' /proc/net/netlink; }

# What dumpcap says when all its filters are in place. What came before is not in the capture.
capture_runs() { grep -q '^File: ' "$tmp/$1.log"; }

# capture_start ROLE FILE SIDE INTERFACE...: IP packets to or from ("dst", "src", "host") these
# interfaces, which their Ethernet addresses tell: the filter "inbound" lets none through in the
# first moments. Its process id in $started. No promiscuous mode: a bridge would show what passes
# between its ports, too.
capture_start() {
    local role=$1 file=$2 side=$3 iface options=()
    shift 3
    for iface; do
        options+=(-i "$iface" -p -f "ip and ether $side $(on "$role" cat "/sys/class/net/$iface/address")")
    done
    start "$role" dumpcap -q "${options[@]}" -w "$tmp/$file.raw" 2>"$tmp/$file.log"
    until_true "dumpcap to listen for $file" capture_runs "$file"
}

# capture_stop PROCESS FILE: several interfaces are captured side by side, so that their packets
# are in order only afterwards.
capture_stop() {
    local lost
    stop "$1" INT
    lost=$(grep -c 'received/dropped' "$tmp/$2.log") || die "$2: dumpcap has not said how many"
    ((lost == $(grep -Ec 'received/dropped.*: [0-9]+/0 ' "$tmp/$2.log"))) || die "$2: packets were lost"
    reordercap "$tmp/$2.raw" "$tmp/$2"
}

# record_start ROLE INTERFACE...: from now on. What a host sends itself is input, too: tracking saw
# it. A gateway is meant to send nothing of its own but what a rule makes.
record_start() {
    local role=$1 input=dst
    [[ $role != host && $role != server ]] || input=host
    start "$role" stdbuf -oL conntrack -E -o timestamp >"$tmp/kernel/events"
    events=$started
    capture_start "$role" capture.pcapng "$input" "${@:2}"
    input_capture=$started
    capture_start "$role" kernel/out.pcapng src "${@:2}"
    output_capture=$started
    until_true 'conntrack -E to listen' events_heard "$role"
}

# read_state ROLE PREFIX: reads the table between two more looks at it, 20 ms before and after. If
# all three agree, no timeout changed its second meanwhile, and one time is right for all of them.
read_state() {
    local role=$1 file=$tmp/kernel/$2 i
    for ((i = 0; i < 50; i++)); do
        on "$role" cat /proc/net/nf_conntrack >"$tmp/before"
        sleep 0.02
        echo "$EPOCHREALTIME" >"${file}when"
        on "$role" cat /proc/net/nf_conntrack >"${file}table"
        on "$role" iptables-legacy-save -c >"${file}counters"
        sleep 0.02
        on "$role" cat /proc/net/nf_conntrack >"$tmp/after"
        if cmp -s "$tmp/before" "${file}table" && cmp -s "${file}table" "$tmp/after"; then
            return
        fi
    done
    die 'the timeouts never stood still for 40 milliseconds; run it again'
}

# record_stop ROLE: the kernel hands captured packets over in blocks, the last at the latest after
# a quarter second.
record_stop() {
    read_state "$1" ''
    sleep 0.5
    capture_stop "$input_capture" capture.pcapng
    capture_stop "$output_capture" kernel/out.pcapng
    rm -f "$tmp"/kernel/*.raw "$tmp"/kernel/*.log
    stop "$events" INT
    captured="$(packets "$tmp/capture.pcapng" | wc -l) packets in, $(packets "$tmp/kernel/out.pcapng" | wc -l) out, $(wc -l <"$tmp/kernel/events") events, $(wc -l <"$tmp/kernel/table") entries"
}

packets() { python3 "$lib/packets.py" "$@"; }

# ---- The same packets once more ----------------------------------------------------------------

# twin ROLE ADDRESS NEIGHBOUR...: a host whose one cable leads to the role "wire", where there is
# nobody. It has the Ethernet address of the first interface that was made, so that frames that were
# captured there are for it, and believes that its neighbours, of whom the first is the way out, are
# at the other end. Any twin before it is gone.
twin() {
    local role=$1 addr=$2 neighbour
    shift 2
    ip -n "${namespace[wire]}" link del eth0 || true
    macs=0
    wire "$role" eth0 wire eth0
    address "$role" eth0 "$addr"
    for neighbour; do
        ip -n "${namespace[$role]}" neighbour add "$neighbour" dev eth0 nud permanent lladdr 02:00:00:00:00:02
    done
    route "$role" default via "$1"
}

# again CAPTURE ROLE PREFIX [OWN-ADDRESS]: the packets of a capture for the kernel of a twin; see
# again.py. What it says goes to kernel/PREFIX*, as ever, and kernel/PREFIXwhen is a time on the
# capture's clock.
again() {
    local capture=$1 role=$2 prefix=$3 events shift
    start "$role" stdbuf -oL conntrack -E -o timestamp >"$tmp/kernel/${prefix}events"
    events=$started
    until_true 'conntrack -E to listen' events_heard "$role"
    shift=$("$lib/again.py" "$tmp/$capture" "${namespace[wire]}" eth0 "${namespace[$role]}" "${@:4}")
    read_state "$role" "$prefix"
    awk -v shift="$shift" '{ printf "%.6f\n", $1 + shift }' "$tmp/kernel/${prefix}when" >"$tmp/when"
    mv "$tmp/when" "$tmp/kernel/${prefix}when"
    stop "$events" INT
}
