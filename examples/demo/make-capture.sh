#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Make the demo capture, and record what the kernel says about the same packets.
#
#      client                        gateway                        server
#   +-----------+           +------------------------+           +-----------+
#   |      eth0 |-----------| lan0              wan0 |-----------| eth0      |
#   +-----------+           +------------------------+           +-----------+
#    10.0.1.2/24     10.0.1.1/24 |              | 10.0.2.1/24     10.0.2.2/24
#    fd99:1::2/64   fd99:1::1/64 |              | fd99:2::1/64   fd99:2::2/64
#                                |
#                   dumpcap -i lan0  -> demo.pcapng
#                   conntrack -E     -> demo.events
#                   at the end       -> demo.table, demo.list, demo.stats, demo.when
#
# Each box is a network namespace of its own. Real programs talk from client to server; the
# gateway forwards, tracks (one rule that looks at the connection state makes the kernel do so)
# and changes nothing. Every packet crosses lan0 exactly once, so that one interface shows all
# that the tracker saw. README.md beside this script says what is in the result.
#
# Two things make the record comparable, packet for packet, with another tracker's:
#   - Everything runs on one CPU. On two, a packet from the client may be captured while one from
#     the server is being tracked, and the capture then has them in the wrong order.
#   - The final table is read at a moment when no timeout is about to reach a whole second, so
#     that the seconds printed hold for some milliseconds around the time in demo.when.
#
# usage: make-capture.sh [OUTPUT-DIRECTORY]      (default: the directory of this script)

set -euo pipefail
export LC_ALL=C # EPOCHREALTIME and every program's output with a dot, not a comma

outdir=${1:-$(dirname "$(readlink -f "$0")")}
client=weir-demo-$$-client
gateway=weir-demo-$$-gateway
server=weir-demo-$$-server
tmp=

# ---- What it needs, and how it ends ------------------------------------------------------------

say() { printf 'make-capture: %s\n' "$*" >&3; }

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
	iptables-restore iptables
	ip6tables-restore iptables
	conntrack conntrack
	dumpcap wireshark-common
	ping iputils-ping
	curl curl
	dig bind9-dnsutils
	dnsmasq dnsmasq-base
	python3 python3
	END
}

# start NAMESPACE PROGRAM...: in the background, its process id in $started.
start() {
    ip netns exec "$@" &
    started=$!
}

# stop PROCESS [SIGNAL]: ends one program that this script started, and waits until it is gone.
stop() {
    kill -s "${2:-TERM}" "$1" || true
    wait "$1" || true
}

# The shell's own list of jobs says what still runs, whichever way the script ends.
clean_up() {
    local status=$? pid ns
    set +e
    trap - EXIT INT TERM HUP
    for pid in $(jobs -pr); do
        stop "$pid"
    done
    for ns in "$client" "$gateway" "$server"; do
        [[ -e /run/netns/$ns ]] && ip netns del "$ns"
    done
    if ((status != 0)) && [[ -s $tmp/log ]]; then
        say 'failed; the last that the programs said:'
        tail -n 20 "$tmp/log" >&3
    fi
    rm -rf "$tmp"
    exit "$status"
}

# On two CPUs the capture can have packets in another order than the tracker saw them: see above.
use_one_cpu() {
    local allowed
    allowed=$(taskset -cp $$)
    allowed=${allowed##*: }
    taskset -cp "${allowed%%[,-]*}" $$
}

client() { ip netns exec "$client" "$@"; }
gateway() { ip netns exec "$gateway" "$@"; }
server() { ip netns exec "$server" "$@"; }

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

# ---- The network -------------------------------------------------------------------------------

# Duplicate address detection would keep the addresses unusable for the first second or two, and
# router solicitations would ask for something that this network does not have.
make_namespace() {
    ip netns add "$1"
    ip netns exec "$1" sysctl -qw net.ipv6.conf.default.accept_dad=0 \
        net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.router_solicitations=0
    ip -n "$1" link set lo up
}

# make_end NAMESPACE INTERFACE ADDRESS...: with offloads, the kernel would hand 64 kB "packets"
# with unfinished checksums from one end to the other; without, packets are as on a wire.
make_end() {
    local ns=$1 iface=$2 address
    shift 2
    ip netns exec "$ns" ethtool -K "$iface" rx off tx off sg off tso off gso off gro off
    for address; do
        ip -n "$ns" address add "$address" dev "$iface"
    done
    ip -n "$ns" link set "$iface" mtu 1500 up
}

make_network() {
    local ns
    for ns in "$client" "$gateway" "$server"; do
        make_namespace "$ns"
    done
    ip link add lan0 netns "$gateway" address 02:00:00:00:01:01 type veth \
        peer name eth0 netns "$client" address 02:00:00:00:01:02
    ip link add wan0 netns "$gateway" address 02:00:00:00:02:01 type veth \
        peer name eth0 netns "$server" address 02:00:00:00:02:02
    make_end "$client" eth0 10.0.1.2/24 fd99:1::2/64
    make_end "$gateway" lan0 10.0.1.1/24 fd99:1::1/64
    make_end "$gateway" wan0 10.0.2.1/24 fd99:2::1/64
    make_end "$server" eth0 10.0.2.2/24 fd99:2::2/64
    ip -n "$client" route add default via 10.0.1.1
    ip -n "$client" route add default via fd99:1::1
    ip -n "$server" route add default via 10.0.2.1
    ip -n "$server" route add default via fd99:2::1
    gateway sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
}

# On the gateway one rule that changes nothing: the kernel only tracks while some rule looks at
# the state. On the server a port that swallows what it gets.
load_rules() {
    local restore
    for restore in iptables-restore ip6tables-restore; do
        gateway "$restore" <<-END
	*filter
	:FORWARD ACCEPT [0:0]
	-A FORWARD -m conntrack --ctstate INVALID -j ACCEPT
	COMMIT
	END
    done
    server iptables-restore <<-END
	*filter
	:INPUT ACCEPT [0:0]
	-A INPUT -p tcp --dport 8443 -j DROP
	COMMIT
	END
}

# ---- Programs that talk ------------------------------------------------------------------------

# What no ready-made program does just so: peer.py COMMAND ARGUMENT...
write_peer() {
    cat >"$tmp/peer.py" <<'END'
import pathlib, signal, socket, struct, sys, time


def echo(port):
    """Answers every UDP datagram, of both families, with a copy of it."""
    sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    sock.bind(("::", int(port)))
    while True:
        data, peer = sock.recvfrom(65535)
        sock.sendto(data, peer)


def udp(host, port):
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    sock.settimeout(2)
    sock.connect((host, int(port)))
    return sock


def ask(host, port, size, count="1", gap="0"):
    """Sends `count` datagrams of `size` bytes, `gap` seconds apart; each must come back."""
    sock = udp(host, port)
    data = bytes(i & 0xFF for i in range(int(size)))
    for _ in range(int(count)):
        sock.send(data)
        if sock.recv(65535) != data:
            sys.exit("the echo differs from what was sent")
        time.sleep(float(gap))


def refused(host, port):
    """Sends a datagram to a port where nobody listens; the ICMP error must come back."""
    sock = udp(host, port)
    sock.send(b"anybody home?")
    try:
        sock.recv(1)
    except ConnectionRefusedError:
        return
    sys.exit("no port unreachable came back")


def reset(host, port):
    """Half a request, then a reset: lingering for 0 seconds turns close into RST."""
    sock = socket.create_connection((host, int(port)))
    sock.send(b"GET / HTTP/1.1\r\nHost: ")
    time.sleep(0.1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def hold(host, port, answered):
    """One request on a connection that then stays open; makes the file `answered`."""
    sock = socket.create_connection((host, int(port)))
    sock.send(b"GET /page.txt HTTP/1.1\r\nHost: demo\r\n\r\n")
    answer = b""
    while not answer.endswith(b"\n1000\n"):
        answer += sock.recv(65535)
    pathlib.Path(answered).touch()
    signal.pause()


def inet_sum(data):
    """The Internet checksum (RFC 1071) of an even number of bytes."""
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def crc32c(data):
    """CRC-32C as SCTP wants it (RFC 9260, appendix A), a bit at a time."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def stray_fin(source, target):
    """FIN+ACK, port 40000 to 80, of a TCP connection that never was."""
    def segment(checksum):
        return struct.pack("!HHIIBBHHH", 40000, 80, 1000, 2000, 5 << 4, 0x11, 64240, checksum, 0)
    pseudo = struct.pack("!4s4sHH", source, target, socket.IPPROTO_TCP, 20)
    return socket.IPPROTO_TCP, segment(inet_sum(pseudo + segment(0)))


def sctp_init(*_):
    """SCTP INIT, port 40001 to 5000: tag, receive window, streams out and in, first TSN."""
    chunk = struct.pack("!BBHIIHHI", 1, 0, 20, 0x57454952, 65536, 10, 10, 1)
    ports = struct.pack("!HHI", 40001, 5000, 0)
    return socket.IPPROTO_SCTP, ports + struct.pack("<I", crc32c(ports + bytes(4) + chunk)) + chunk


def gre(*_):
    """GRE version 0; inside, an IPv4 header with nothing behind it (protocol 59)."""
    def inner(checksum):
        return struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20, 1, 0, 64, 59, checksum,
                           bytes([192, 0, 2, 1]), bytes([192, 0, 2, 2]))
    return socket.IPPROTO_GRE, struct.pack("!HH", 0, 0x0800) + inner(inet_sum(inner(0)))


def esp(*_):
    """ESP: security association, sequence number, and what could be 32 encrypted bytes."""
    return socket.IPPROTO_ESP, struct.pack("!II", 0x1000, 1) + bytes(range(0xA0, 0xC0))


def raw(kind, source, target):
    """Sends one hand-made packet; the kernel puts the IP header in front."""
    build = {f.__name__: f for f in (stray_fin, sctp_init, gre, esp)}[kind]
    proto, payload = build(socket.inet_aton(source), socket.inet_aton(target))
    socket.socket(socket.AF_INET, socket.SOCK_RAW, proto).sendto(payload, (target, 0))


commands = {f.__name__: f for f in (echo, ask, refused, reset, hold, raw)}
commands[sys.argv[1]](*sys.argv[2:])
END
}

peer() { client python3 "$tmp/peer.py" "$@"; }

listening() { [[ -n $(server ss -Hln "$@") ]]; }

start_servers() {
    write_peer
    mkdir "$tmp/www"
    seq 1000 >"$tmp/www/page.txt"
    start "$server" python3 -m http.server 80 --bind :: --protocol HTTP/1.1 \
        --directory "$tmp/www"
    start "$server" python3 "$tmp/peer.py" echo 7
    start "$server" dnsmasq --keep-in-foreground --conf-file=/dev/null --pid-file= --no-resolv \
        --no-hosts --host-record=www.example.net,10.0.2.2,fd99:2::2
    until_true 'the HTTP server' listening -t 'sport = :80'
    until_true 'the echo server' listening -u 'sport = :7'
    until_true 'the DNS server' listening -t 'sport = :53'
}

# ---- What is sent, in this order ---------------------------------------------------------------

run_traffic() {
    local slow silent

    say 'in the background: a UDP stream of four seconds, SYNs to a port that swallows them'
    start "$client" python3 "$tmp/peer.py" ask 10.0.2.2 7 64 6 0.7
    slow=$started
    start "$client" curl -s --connect-timeout 2.5 http://10.0.2.2:8443/
    silent=$started

    say 'ping'
    client ping -c 3 -i 0.2 10.0.2.2
    client ping -c 3 -i 0.2 fd99:2::2

    say 'DNS over UDP and TCP'
    client dig +tries=1 @10.0.2.2 www.example.net A
    client dig +tries=1 @fd99:2::2 www.example.net AAAA
    client dig +tries=1 +tcp @10.0.2.2 www.example.net A

    say 'HTTP'
    client curl -sSf -o "$tmp/page4" http://10.0.2.2/page.txt
    client curl -sSf -o "$tmp/page6" 'http://[fd99:2::2]/page.txt'

    say 'refused, reset, unreachable'
    expect 7 client curl -s http://10.0.2.2:81/
    peer reset 10.0.2.2 80
    peer refused 10.0.2.2 9
    peer refused fd99:2::2 9

    say 'fragments'
    peer ask 10.0.2.2 7 4000
    peer ask fd99:2::2 7 4000

    say 'hand-made packets'
    peer raw stray_fin 10.0.1.2 10.0.2.2
    peer raw gre 10.0.1.2 10.0.2.2
    peer raw esp 10.0.1.2 10.0.2.2
    peer raw sctp_init 10.0.1.2 10.0.2.2

    say 'the end of what runs in the background'
    expect 28 wait "$silent"
    expect 0 wait "$slow"

    say 'a connection that stays open'
    start "$client" python3 "$tmp/peer.py" hold 10.0.2.2 80 "$tmp/answered"
    until_true 'the answer on the open connection' test -e "$tmp/answered"
    sleep 0.3 # its last acknowledgement may come late
}

# ---- What is recorded --------------------------------------------------------------------------

# /proc/net/netlink: kernel address, protocol (12 is netfilter), port, and the groups it is in.
events_heard() { gateway grep -Eq '^[0-9a-f]+ +12 +[0-9]+ +0*[1-9a-f]' /proc/net/netlink; }

# /proc/net/packet: kernel address, references, type, protocol, interface, and whether it runs.
capture_runs() { gateway grep -Eq '^([^ ]+ +){4}[1-9][0-9]* +1 ' /proc/net/packet; }

start_recording() {
    start "$gateway" stdbuf -oL conntrack -E -o timestamp >"$tmp/demo.events"
    events=$started
    start "$gateway" dumpcap -q -i lan0 -w "$tmp/demo.pcapng" 2>"$tmp/dumpcap.log"
    capture=$started
    until_true 'conntrack -E to listen' events_heard
    until_true 'dumpcap to listen' capture_runs
}

# Reads table, list and counters between two more looks at the table, 20 ms before and after. If
# all three agree, no timeout changed its second meanwhile and one time is right for all of them.
read_table() {
    local i
    for ((i = 0; i < 20; i++)); do
        gateway cat /proc/net/nf_conntrack >"$tmp/before"
        sleep 0.02
        echo "$EPOCHREALTIME" >"$tmp/demo.when"
        gateway cat /proc/net/nf_conntrack >"$tmp/demo.table"
        gateway conntrack -L >"$tmp/demo.list"
        gateway conntrack -S >"$tmp/demo.stats"
        sleep 0.02
        gateway cat /proc/net/nf_conntrack >"$tmp/after"
        if cmp -s "$tmp/before" "$tmp/demo.table" && cmp -s "$tmp/demo.table" "$tmp/after"; then
            return
        fi
    done
    die 'the timeouts never stood still for 40 milliseconds; run it again'
}

# The kernel hands captured packets over in blocks, the last at the latest after a quarter second.
stop_recording() {
    sleep 0.5
    stop "$capture" INT
    stop "$events" INT
    captured=$(tail -n 1 "$tmp/dumpcap.log") # "Packets received/dropped on ...: N/M (..."
    [[ $captured == *\ [0-9]*/0\ * ]] || die "packets were lost: $captured"
}

# must_show FILE PATTERN...: lines that the result has to contain.
must_show() {
    local file=$1 pattern
    shift
    for pattern; do
        grep -Eq -- "$pattern" "$tmp/$file" || die "$file has no line that matches '$pattern'"
    done
}

check_result() {
    must_show demo.events \
        '\[NEW\] tcp .* SYN_SENT .* dport=81 ' '\[DESTROY\] tcp .* dport=81 ' \
        '\[UPDATE\] tcp .* CLOSE .* dport=80 ' '\[UPDATE\] tcp .* TIME_WAIT src=fd99:1::2 ' \
        '\[UPDATE\] udp .* dport=7 .*\[ASSURED\]'
    must_show demo.table \
        'ipv4 .* tcp .* ESTABLISHED .* dport=80 .*\[ASSURED\]' \
        'ipv4 .* tcp .* SYN_SENT .* dport=8443 \[UNREPLIED\]' \
        'ipv4 .* udp .* dport=7 .*\[ASSURED\]' 'ipv6 .* udp .* dport=9 \[UNREPLIED\]' \
        'ipv4 .* icmp ' 'ipv6 .* icmpv6 ' 'ipv4 .* sctp ' 'ipv4 .* gre ' 'ipv4 .* unknown +50 '
    must_show demo.stats 'invalid=[1-9]'
}

# ---- All of it ---------------------------------------------------------------------------------

exec 3>&1
((EUID == 0)) || die 'must be root, to make network namespaces'
require_tools
[[ -d $outdir && -w $outdir ]] || die "$outdir is not a directory that can be written to"
tmp=$(mktemp -d)
trap clean_up EXIT
trap 'exit 130' INT TERM HUP
exec >"$tmp/log" 2>&1

use_one_cpu
make_network
load_rules
start_servers
start_recording
run_traffic
read_table
stop_recording
check_result
install -m 644 "$tmp"/demo.* "$outdir/"
say "$(wc -l <"$tmp/demo.events") events, $(wc -l <"$tmp/demo.table") entries; $captured"
