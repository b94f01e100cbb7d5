#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
#
# The questions of tests/rules/answers, put to the running kernel: its answers must be those of the files.
#
# In a network namespace of its own, every rule is alone in a chain of table raw, which packets reach by their source
# address: a packet is sent once for each rule, with that rule's address, into a TUN device. A second rule that
# matches everything tells "does not match" from "drops at once".
#
# usage: answers.py FILE...

import ctypes
import fcntl
import ipaddress
import os
import re
import shutil
import struct
import subprocess
import sys

CLONE_NEWNET = 0x40000000
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x1, 0x1000
TOOLS = {4: 'iptables-legacy', 6: 'ip6tables-legacy'}


def skip(why):
    print(f'1..0 # SKIP {why}')
    sys.exit(0)


def own_namespace():
    for tool in TOOLS.values():
        if not shutil.which(tool):
            skip(f'{tool} is not installed')
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET):
        skip(f'no network namespace: {os.strerror(ctypes.get_errno())}')


def tun_device(name):
    try:
        fd = os.open('/dev/net/tun', os.O_RDWR)
        fcntl.ioctl(fd, TUNSETIFF, struct.pack('16sH22x', name.encode(), IFF_TUN | IFF_NO_PI))
    except OSError as error:
        skip(f'no TUN device: {error.strerror}')
    subprocess.run(['ip', 'link', 'set', name, 'up', 'mtu', '65000'], check=True)
    return fd


def read_file(path):
    """Rules as (family, text), packets as (letters, bytes)."""
    rules, packets = [], []
    for line in open(path, encoding='ascii'):
        if line.startswith('#') or not line.strip():
            continue
        first, rest = line.strip().split(' ', 1)
        if first in ('4', '6'):
            rules.append((int(first), rest))
        else:
            packets.append((first, bytes.fromhex(rest)))
    return rules, packets


def source_of(family, number):
    if family == 4:
        return ipaddress.IPv4Address('10.9.0.0') + number
    return ipaddress.IPv6Address('fd00::') + number


def load_rules(family, rules):
    text = '*raw\n' + ''.join(f':R{i} - [0:0]\n' for i in range(len(rules)))
    for i, rule in enumerate(rules):
        text += f'-A PREROUTING -s {source_of(family, i)} -j R{i}\n-A R{i} {rule}\n-A R{i}\n'
    subprocess.run([TOOLS[family] + '-restore'], input=text + '-A PREROUTING -j DROP\nCOMMIT\n', text=True, check=True)


def counters(family, count):
    """For each rule: packets that came to it, that it matched, and that went on to the next."""
    saved = subprocess.run([TOOLS[family] + '-save', '-c', '-t', 'raw'], capture_output=True, text=True, check=True)
    found = [[] for _ in range(count)]
    for packets, chain, jump in re.findall(r'^\[(\d+):\d+\] -A (\S+)(?:.* -j (R\d+))?', saved.stdout, re.M):
        number = jump[1:] if jump else chain[1:]
        if number.isdigit():
            found[int(number)].append(int(packets))
    return found


def checksum(header):
    total = sum(struct.unpack(f'!{len(header) // 2}H', header))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def from_source(family, packet, source):
    packet = bytearray(packet)
    if family == 6:
        packet[8:24] = source.packed
        return bytes(packet)
    packet[12:16] = source.packed
    packet[10:12] = bytes(2)
    packet[10:12] = struct.pack('!H', checksum(bytes(packet[:(packet[0] & 15) * 4])))
    return bytes(packet)


def letter(before, after):
    came, matched, went_on = (b - a for a, b in zip(before, after))
    if not came:
        return '?'
    if not went_on:
        return 'D'
    return 'M' if matched else '.'


def ask(fd, path):
    """How many answers differ."""
    rules, packets = read_file(path)
    wrong = 0
    for family in TOOLS:
        mine = [text for f, text in rules if f == family]
        load_rules(family, mine)
        before = counters(family, len(mine))
        for letters, packet in packets:
            if packet[0] >> 4 != family:
                continue
            for i in range(len(mine)):
                os.write(fd, from_source(family, packet, source_of(family, i)))
            after = counters(family, len(mine))
            for rule, want, *counts in zip(mine, letters, before, after):
                got = letter(*counts)
                if got != want:
                    wrong += 1
                    print(f'# {path}: {got} instead of {want}: {rule}: {packet.hex()}')
            before = after
    return wrong


def main():
    own_namespace()
    fd = tun_device('t0')
    print(f'1..{len(sys.argv) - 1}')
    failed = False
    for number, path in enumerate(sys.argv[1:], 1):
        wrong = ask(fd, path)
        failed |= wrong > 0
        print(f'{"not ok" if wrong else "ok"} {number} - {os.path.basename(path)}', flush=True)
    sys.exit(1 if failed else 0)


main()
