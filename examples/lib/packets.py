#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The IPv4 packets of a pcapng file, one line each: number, interface, addresses, and what it is.

usage: packets.py [--hex] FILE

With --hex the bytes of each packet instead, from the IP header on, for comparing two files.
"""
import signal
import socket
import struct
import sys
from typing import NamedTuple

# What stands before the IP header, by link type: Ethernet, and raw IP in its three spellings.
LINK_HEADER = {1: 14, 12: 0, 101: 0, 228: 0}
FLAGS = ("FIN", "SYN", "RST", "PSH", "ACK", "URG")
ICMP = {0: "echo reply", 3: "unreachable", 8: "echo request", 11: "time exceeded"}


class Interface(NamedTuple):
    name: str
    link_header: int
    ticks: int  # in a second


class Packet(NamedTuple):
    time: float
    interface: str
    frame: bytes
    ip: bytes


def blocks(data):
    """Byte order, type and body of each block; a section header says the order of those behind."""
    at, order = 0, "<"
    while at < len(data):
        if data[at:at + 4] == b"\n\r\r\n":
            order = "<" if data[at + 8:at + 12] == b"\x4d\x3c\x2b\x1a" else ">"
        kind, length = struct.unpack_from(order + "II", data, at)
        yield order, kind, data[at + 8:at + length - 4]
        at += length


def interface(order, body):
    """An interface description: of its options 2 is the name and 9 the grain of time stamps."""
    name, ticks = "-", 10**6
    at = 8
    while at + 4 <= len(body):
        code, length = struct.unpack_from(order + "HH", body, at)
        value = body[at + 4:at + 4 + length]
        if code == 2:
            name = value.decode()
        if code == 9:
            ticks = 2**(value[0] & 127) if value[0] & 128 else 10**value[0]
        at += 4 + (length + 3) // 4 * 4
    link, = struct.unpack_from(order + "H", body)
    return Interface(name, LINK_HEADER[link], ticks)


def packets(path):
    """Every packet; what its IP header says is not part of it (padding) is cut off."""
    interfaces = []
    with open(path, "rb") as file:
        data = file.read()
    for order, kind, body in blocks(data):
        if kind == 0x0A0D0D0A:
            interfaces = []
        elif kind == 1:
            interfaces.append(interface(order, body))
        elif kind == 6:
            index, high, low, length = struct.unpack_from(order + "IIII", body)
            came = interfaces[index]
            frame = body[20:20 + length]
            ip = frame[came.link_header:]
            stated, = struct.unpack_from("!H", ip, 2)
            yield Packet((high << 32 | low) / came.ticks, came.name, frame, ip[:stated])


def text(packet):
    """One packet for people."""
    source, target = (socket.inet_ntoa(packet[at:at + 4]) for at in (12, 16))
    proto, payload = packet[9], packet[(packet[0] & 15) * 4:]
    if proto == 1:
        inner = f" about {text(payload[8:])}" if payload[0] in (3, 11) else ""
        return f"{source} > {target} icmp {ICMP.get(payload[0], payload[0])}{inner}"
    sport, dport = struct.unpack_from("!HH", payload)
    line = f"{source}:{sport} > {target}:{dport} "
    if proto == 17:
        return f"{line}udp {struct.unpack_from('!H', payload, 4)[0] - 8}"
    if len(payload) < 20:
        return f"{line}tcp"
    flags = "+".join(name for bit, name in enumerate(FLAGS) if payload[13] >> bit & 1)
    return f"{line}tcp {flags} {len(payload) - (payload[12] >> 4) * 4}"


def main(arguments):
    as_hex = arguments[:1] == ["--hex"]
    path, = arguments[as_hex:]
    for number, packet in enumerate(packets(path), 1):
        if as_hex:
            print(packet.interface, packet.ip.hex())
        else:
            print(number, packet.interface, text(packet.ip))


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    main(sys.argv[1:])
