#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Make the capture of the director, and record what the kernel says about the same packets.
#
#                                 director 10.0.0.2
#                                     |  ^
#                   requests  +-------+  |       The service is 203.0.113.100. Packets to it are routed to the
#                             v          |       director, which sends them on to the server as they are. The
#     client 10.0.0.1 -----> lan --------+       server has the service's address, tells nobody, and answers
#       198.51.100.7          ^                  the client itself.
#                   answers   |
#                             +---- server 10.0.0.82, 203.0.113.100
#
# The director is a router here, where LVS has its own forwarding; tracking sees the same packets at
# the same hooks. Only what was sent to the director is in the capture.
#
# Traffic is recorded with rules-notrack, with which everything works. What the kernel says with
# other rules and settings (kernel/naive.*, loose0.*, liberal.*, zone.*) is found out afterwards,
# with the same packets given once more to hosts that have them. And the naive rules are tried on
# the director itself: no page comes.
#
# How all else is recorded is told in ../lib/record.sh.
#
# usage: make.sh [OUTPUT-DIRECTORY]      (default: the directory of this script)

set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=examples/lib/record.sh
. "$here/../lib/record.sh"

forward() { # ROLE
    on "$1" sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.eth0.send_redirects=0
    route "$1" 203.0.113.100/32 via 10.0.0.82
}

make_network() {
    wire director eth0 lan port1
    wire client eth0 lan port2
    wire server eth0 lan port3
    switch lan lan0 port1 port2 port3
    address director eth0 10.0.0.2/24
    address client eth0 10.0.0.1/24
    address client lo 198.51.100.7/32
    address server eth0 10.0.0.82/24
    address server lo 203.0.113.100/32
    route director default via 10.0.0.1
    route client 203.0.113.100/32 via 10.0.0.2 src 198.51.100.7
    route server default via 10.0.0.1
    # The server does not answer when somebody asks who has the address of the service.
    on server sysctl -qw net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2
    forward director
}

write_programs() {
    cat >"$tmp/client.py" <<'END'
import pathlib, socket, struct, sys, time


def late(connected, go):
    """A connection that begins now and is used when the file `go` is there."""
    sock = socket.create_connection(("203.0.113.100", 80), source_address=("198.51.100.7", 40001))
    pathlib.Path(connected).touch()
    while not pathlib.Path(go).exists():
        time.sleep(0.02)
    sock.send(b"GET / HTTP/1.0\r\n\r\n")
    while sock.recv(65535):
        pass


def reset():
    """Half a request, then a reset: lingering for 0 seconds turns close into RST."""
    sock = socket.create_connection(("203.0.113.100", 80), source_address=("198.51.100.7", 40003))
    sock.send(b"GET / HTTP/1.1\r\nHost: ")
    time.sleep(0.1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


{"late": late, "reset": reset}[sys.argv[1]](*sys.argv[2:])
END
}

begin_early() {
    start client python3 "$tmp/client.py" late "$tmp/connected" "$tmp/go"
    early=$started
    until_true 'the early connection' test -e "$tmp/connected"
}

run_traffic() {
    say 'a page, the connection that began before the recording, a reset'
    on client curl -sSf --local-port 40002 http://203.0.113.100/
    touch "$tmp/go"
    expect 0 wait "$early"
    on client python3 "$tmp/client.py" reset
    say 'a name, three times from the same port'
    for _ in 1 2 3; do
        on client dig +tries=1 -b 198.51.100.7#40004 @203.0.113.100 www.example.net A
    done
}

# with NAME RULES [SETTING]: the same packets.
with() {
    say "the same with $2 ${3:-}"
    twin "$1" 10.0.0.2/24 10.0.0.1 10.0.0.82
    forward "$1"
    load_rules "$1" "$here/$2"
    [[ -z ${3:-} ]] || on "$1" sysctl -qw "$3"
    again capture.pcapng "$1" "$1."
}

try_naive() {
    say 'the naive rules on the director itself'
    on director iptables-legacy -t raw -F
    load_rules director "$here/rules-naive"
    expect 28 on client curl -sS --max-time 2 http://203.0.113.100/
}

begin "${1:-$here}" director client server lan wire naive loose0 liberal zone
make_network
write_programs
load_rules director "$here/rules-notrack"
web_server server 80
name_server server
begin_early
on director iptables-legacy -Z # the early connection is not part of the record
on director iptables-legacy -t raw -Z
record_start director eth0
run_traffic
record_stop director
with naive rules-naive
with loose0 rules-naive net.netfilter.nf_conntrack_tcp_loose=0
with liberal rules-naive net.netfilter.nf_conntrack_tcp_be_liberal=1
with zone rules-zone
try_naive
finish
