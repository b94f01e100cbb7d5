#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Make the capture of the SYN flood, and record what the kernel says about the same packets.
#
#         internet                     server
#     +---------------+            +-------------+
#     | 203.0.113.1   |            |             |
#     | 203.0.113.9   |------------| eth0        |
#     | and whatever  |            |             |
#     | a flood forges|            +-------------+
#     +---------------+             203.0.113.80
#
# The server answers every SYN with a cookie (tcp_syncookies=2), so that its TCP keeps nothing of a
# connection that does not come about: what fills up is connection tracking alone.
#
# What the kernel would have said without NOTRACK (kernel/tracked.*) is found out afterwards, with
# the packets of this capture given once more to a host that has the other rules. It has the same
# address and no programs. The answers of the first server are given to it as its own; what its
# kernel would answer is dropped before it is tracked.
#
# How all else is recorded is told in ../lib/record.sh.
#
# usage: make.sh [OUTPUT-DIRECTORY]      (default: the directory of this script)

set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=examples/lib/record.sh
. "$here/../lib/record.sh"

make_network() {
    wire server eth0 internet eth0
    address internet eth0 203.0.113.1/24 203.0.113.9/24
    address server eth0 203.0.113.80/24
    route server default via 203.0.113.1
    on server sysctl -qw net.ipv4.tcp_syncookies=2
}

write_programs() {
    cat >"$tmp/flood.py" <<'END'
"""200 SYNs to port 80 of the server, from as many addresses of two networks that are not there."""
import socket
import struct
import time

SERVER = socket.inet_aton("203.0.113.80")


def inet_sum(data):
    """The Internet checksum (RFC 1071) of an even number of bytes."""
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def syn(source, port, number):
    def segment(checksum):
        return struct.pack("!HHIIBBHHH", port, 80, number, 0, 5 << 4, 0x02, 64240, checksum, 0)
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40, number & 0xFFFF, 0, 64, socket.IPPROTO_TCP, 0, source, SERVER)
    pseudo = struct.pack("!4s4sHH", source, SERVER, socket.IPPROTO_TCP, 20)
    return header + segment(inet_sum(pseudo + segment(0)))


sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
for i in range(200):
    source = bytes([198, 51, 100, 1 + i // 2]) if i % 2 else bytes([192, 0, 2, 1 + i // 2])
    sock.sendto(syn(source, 1024 + 7 * i, 100000 * i), ("203.0.113.80", 0))
    time.sleep(0.001)
END
    cat >"$tmp/session.py" <<'END'
"""One line on a connection to the server's port 22, and another when the file AGAIN is there."""
import pathlib
import socket
import sys
import time

port, again, said = int(sys.argv[1]), *map(pathlib.Path, sys.argv[2:])
sock = socket.create_connection(("203.0.113.80", 22), source_address=("203.0.113.9", port))
sock.send(b"before the flood\n")
assert sock.recv(100) == b"before the flood\n"
said.touch()
while not again.exists():
    time.sleep(0.02)
sock.send(b"after the flood\n")
assert sock.recv(100) == b"after the flood\n"
END
}

# A name server that takes its time: it answers, that there is nothing, when the file $tmp/answer is there.
slow_name_server() {
    start internet python3 -c '
import pathlib, socket, sys, time

sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.bind(("203.0.113.9", 53))
question, peer = sock.recvfrom(512)
answer, asked = map(pathlib.Path, sys.argv[1:])
asked.touch()
while not answer.exists():
    time.sleep(0.02)
sock.sendto(question[:2] + b"\x81\x80" + question[4:], peer)' "$tmp/answer" "$tmp/asked"
    until_true 'the name server' listening internet -u 'sport = :53'
}

# Lines come back as they are.
session_server() {
    start server python3 -c '
import socketserver

class Echo(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(line)

class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True

Server(("203.0.113.80", 22), Echo).serve_forever()'
    until_true 'the session server' listening server -t 'sport = :22'
}

run_traffic() {
    local session question
    say 'a session begins, and the server asks for a name'
    start internet python3 "$tmp/session.py" 40001 "$tmp/again" "$tmp/said"
    session=$started
    until_true 'the session to begin' test -e "$tmp/said"
    start server dig +tries=1 +noedns -b 203.0.113.80#40002 @203.0.113.9 www.example.net A
    question=$started
    until_true 'the question' test -e "$tmp/asked"
    say 'the flood'
    on internet python3 "$tmp/flood.py"
    say 'the answer, the session goes on, a new session, a page'
    touch "$tmp/answer"
    expect 0 wait "$question"
    touch "$tmp/again"
    expect 0 wait "$session"
    on internet python3 "$tmp/session.py" 40003 "$tmp/again" "$tmp/said"
    on internet curl -sSf --interface 203.0.113.9 --local-port 40004 http://203.0.113.80/
}

# The packets of the capture, with the other rules.
run_tracked() {
    say 'the same without NOTRACK'
    twin twin 203.0.113.80/24 203.0.113.1 203.0.113.9
    load_rules twin "$here/rules-tracked"
    # Of the other front end, so that it is not among the rules that are recorded.
    on twin iptables-nft -t raw -A OUTPUT -m mark ! --mark 7 -j DROP
    again capture.pcapng twin tracked. 203.0.113.80
}

begin "${1:-$here}" internet server twin wire
make_network
write_programs
load_rules server "$here/rules"
web_server server 80
session_server
slow_name_server
record_start server eth0
run_traffic
record_stop server
run_tracked
finish
