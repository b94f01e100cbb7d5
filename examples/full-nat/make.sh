#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Make the capture of the load balancer, and record what the kernel says about the same packets.
#
#        internet                    gateway
#     +----------------+      +-------------------+
#     | 198.51.100.11  |      |                   |      +----- server1 10.0.0.81
#     | 198.51.100.12  |------| wan0         lan0 |------+
#     | 198.51.100.13  |      |                   |      +----- server2 10.0.0.82
#     +----------------+      +-------------------+
#          203.0.113.1     203.0.113.80   10.0.0.1         (they have no route to clients)
#
# What is recorded, and how, is told in ../lib/record.sh.
#
# usage: make.sh [OUTPUT-DIRECTORY]      (default: the directory of this script)

set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=examples/lib/record.sh
. "$here/../lib/record.sh"

make_network() {
    wire gateway wan0 internet eth0
    wire gateway port1 server1 eth0
    wire gateway port2 server2 eth0
    switch gateway lan0 port1 port2
    address gateway wan0 203.0.113.80/24
    address gateway lan0 10.0.0.1/24
    address server1 eth0 10.0.0.81/24
    address server2 eth0 10.0.0.82/24
    address internet eth0 203.0.113.1/24
    address internet lo 198.51.100.11/32 198.51.100.12/32 198.51.100.13/32
    route gateway default via 203.0.113.1
    on gateway sysctl -qw net.ipv4.ip_forward=1
}

run_traffic() {
    local client port=40001
    say 'two pages for one client, one for another'
    for client in 11 11 12; do
        on internet curl -sSf --interface 198.51.100.$client --local-port $((port++)) http://203.0.113.80/
    done
    say 'names for all three, and the first again'
    for client in 11 12 13 11; do
        on internet dig +tries=1 -b 198.51.100.$client#$((port++)) @203.0.113.80 www.example.net A
    done
}

begin "${1:-$here}" internet gateway server1 server2
make_network
load_rules gateway "$here/rules"
for server in server1 server2; do
    web_server $server 8080
    name_server $server
done
record_start gateway wan0 lan0
run_traffic
record_stop gateway
finish
