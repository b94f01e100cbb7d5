#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Make the capture of the host firewall, and record what the kernel says about the same packets.
#
#          host                      peer
#     +-----------+              +-----------+
#     |      eth0 |--------------| eth0      |
#     +-----------+              +-----------+
#      192.0.2.10                 192.0.2.20
#
# What is recorded, and how, is told in ../lib/record.sh.
#
# usage: make.sh [OUTPUT-DIRECTORY]      (default: the directory of this script)

set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=examples/lib/record.sh
. "$here/../lib/record.sh"

make_network() {
    wire host eth0 peer eth0
    address host eth0 192.0.2.10/24
    address peer eth0 192.0.2.20/24
}

# Two segments of no connection, from the peer to port 80 of the host: FIN+ACK, and RST.
strays() {
    on peer python3 -c '
import socket, struct

def inet_sum(data):
    """The Internet checksum (RFC 1071) of an even number of bytes."""
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF

def segment(flags, checksum):
    return struct.pack("!HHIIBBHHH", 40006, 80, 1000, 2000, 5 << 4, flags, 64240, checksum, 0)

sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
pseudo = struct.pack("!4s4sHH", bytes([192, 0, 2, 20]), bytes([192, 0, 2, 10]), socket.IPPROTO_TCP, 20)
for flags in (0x11, 0x04):
    sock.sendto(segment(flags, inet_sum(pseudo + segment(flags, 0))), ("192.0.2.10", 0))'
}

# The host writes to a port where nobody listens; the error must come back.
refused() {
    on host python3 -c '
import socket, sys
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.settimeout(2)
sock.bind(("", 40004))
sock.connect(("192.0.2.20", 9))
sock.send(b"anybody home?")
try:
    sock.recv(1)
except ConnectionRefusedError:
    sys.exit(0)
sys.exit("no port unreachable came back")'
}

run_traffic() {
    say 'what the host offers: a page, an echo, a name'
    on peer curl -sSf --local-port 40001 http://192.0.2.10/
    on peer ping -c 1 192.0.2.10
    on peer dig +tries=1 -b 192.0.2.20#40002 @192.0.2.10 www.example.net A
    say 'what the host asks for: a page, an echo, and a port where nobody listens'
    on host curl -sSf --local-port 40003 http://192.0.2.20/
    on host ping -c 1 192.0.2.20
    refused
    say 'what it does not let in'
    expect 28 on peer curl -s --local-port 40005 --connect-timeout 0.3 http://192.0.2.10:8080/
    strays
}

begin "${1:-$here}" host peer
make_network
load_rules host "$here/rules"
web_server host 80
web_server peer 80
name_server host
record_start host eth0
run_traffic
record_stop host
finish
