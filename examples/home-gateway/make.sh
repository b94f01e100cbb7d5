#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Make the capture of the home gateway, and record what the kernel says about the same packets.
#
#     client 192.168.1.20 ---+            gateway                     internet
#                            |     +-------------------+     +---------------------------+
#                            +-----| lan0         wan0 |-----| 203.0.113.1 (the way out) |
#                            |     +-------------------+     | 198.51.100.80 (a server)  |
#     server 192.168.1.10 ---+   192.168.1.1  203.0.113.5    | 198.51.100.7  (a visitor) |
#                                                            +---------------------------+
#
# What is recorded, and how, is told in ../lib/record.sh.
#
# usage: make.sh [OUTPUT-DIRECTORY]      (default: the directory of this script)

set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=examples/lib/record.sh
. "$here/../lib/record.sh"

make_network() {
    wire gateway port1 client eth0
    wire gateway port2 server eth0
    wire gateway wan0 internet eth0
    switch gateway lan0 port1 port2
    address gateway lan0 192.168.1.1/24
    address gateway wan0 203.0.113.5/24
    address client eth0 192.168.1.20/24
    address server eth0 192.168.1.10/24
    address internet eth0 203.0.113.1/24
    address internet lo 198.51.100.80/32 198.51.100.7/32
    route client default via 192.168.1.1
    route server default via 192.168.1.1
    route gateway default via 203.0.113.1
    # The home's addresses do not exist out there. Who writes to one all the same gets no answer.
    route internet 192.168.1.0/24 via 203.0.113.5
    on gateway sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.send_redirects=0 \
        net.ipv4.conf.lan0.send_redirects=0
}

# Somebody on the Internet sends one datagram with a well-aimed private address.
intrude() {
    on internet python3 -c '
import socket
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.bind(("198.51.100.7", 40007))
sock.sendto(b"let me in", ("192.168.1.10", 53))'
}

# A datagram to a port where nobody listens: the error must find its way back to the client.
refused() {
    on client python3 -c '
import socket, sys
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.settimeout(2)
sock.bind(("", 40003))
sock.connect(("198.51.100.80", 9))
sock.send(b"anybody home?")
try:
    sock.recv(1)
except ConnectionRefusedError:
    sys.exit(0)
sys.exit("no port unreachable came back")'
}

run_traffic() {
    say 'a page from the Internet, a name, a ping, a port where nobody listens'
    on client curl -sSf --local-port 40001 http://198.51.100.80/
    on client dig +tries=1 -b 192.168.1.20#40002 @198.51.100.80 www.example.net A
    on client ping -c 1 198.51.100.80
    refused
    say 'the forwarded port: from the Internet, and from the home itself'
    on internet curl -sSf --interface 198.51.100.7 --local-port 40004 http://203.0.113.5:8080/
    on client curl -sSf --local-port 40005 http://203.0.113.5:8080/
    say 'what is not allowed'
    expect 28 on internet curl -s --interface 198.51.100.7 --local-port 40006 --connect-timeout 0.3 \
        http://203.0.113.5:22/
    intrude
}

begin "${1:-$here}" client server gateway internet
make_network
load_rules gateway "$here/rules"
web_server server 80
web_server internet 80
name_server internet
record_start gateway lan0 wan0
run_traffic
record_stop gateway
finish
