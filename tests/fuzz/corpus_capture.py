#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Writes the seed corpus of fuzz_capture: small captures of every variant, good and bad.

usage: corpus_capture.py DIRECTORY
"""
import pathlib
import struct
import sys

IPV4 = bytes.fromhex("4500001c000100004011000001020304050607080035003500080000")
MACS = bytes.fromhex("020000000001020000000002")
ETHERNET = MACS + b"\x08\x00" + IPV4
TAGGED = MACS + bytes.fromhex("88a8000181000002") + b"\x08\x00" + IPV4
SLL = struct.pack(">HHH8sH", 4, 1, 6, MACS[6:], 0x0800) + IPV4
SLL2 = struct.pack(">HHIHBB8s", 0x0800, 0, 3, 1, 0, 6, MACS[6:]) + IPV4
NULL = struct.pack("<I", 2) + IPV4


def pcap(order, magic, link, frames, extra=b""):
    out = struct.pack(order + "IHHIIII", magic, 2, 4, 0, 0, 65535, link)
    for i, frame in enumerate(frames):
        out += struct.pack(order + "IIII", 1700000000 + i, i, len(frame), len(frame))
        out += extra + frame
    return out


def pad(data):
    return data + bytes(-len(data) % 4)


class Section:
    """A pcapng section in one byte order."""

    def __init__(self, order):
        self.order = order
        self.data = b""
        self.block(0x0A0D0D0A, "IHHq", 0x1A2B3C4D, 1, 0, -1)

    def block(self, kind, form, *fields, tail=b""):
        body = struct.pack(self.order + form, *fields) + tail
        size = struct.pack(self.order + "I", len(body) + 12)
        self.data += struct.pack(self.order + "I", kind) + size + body + size

    def option(self, code, value):
        return struct.pack(self.order + "HH", code, len(value)) + pad(value)

    def interface(self, link, name=None, resolution=None, offset=None, snap=0):
        options = self.option(2, name) if name else b""
        if resolution is not None:
            options += self.option(9, bytes([resolution]))
        if offset is not None:
            options += self.option(14, struct.pack(self.order + "q", offset))
        self.block(1, "HHI", link, 0, snap, tail=options + self.option(0, b""))

    def packet(self, interface, ticks, frame, options=b""):
        size = len(frame)
        self.block(6, "IIIII", interface, ticks >> 32, ticks & 0xFFFFFFFF, size, size,
                   tail=pad(frame) + options)

    def obsolete(self, interface, ticks, frame):
        size = len(frame)
        self.block(2, "HHIIII", interface, 1, ticks >> 32, ticks & 0xFFFFFFFF, size, size,
                   tail=pad(frame))

    def simple(self, frame):
        self.block(3, "I", len(frame), tail=pad(frame))


def full_section(order):
    s = Section(order)
    s.interface(1, b"eth0", 9)
    s.interface(101, b"tun0", 0x80 | 20, -5, 40)
    s.interface(220, b"usbmon0")
    s.packet(0, 1700000000 * 10**9, TAGGED,
             s.option(1, b"note") + s.option(2, struct.pack(order + "I", 2)) + s.option(0, b""))
    s.packet(1, 1 << 50, IPV4)
    s.packet(2, 1 << 40, b"usb")
    s.obsolete(0, 1700000001 * 10**9, ETHERNET)
    s.block(5, "III", 0, 0, 0)
    s.simple(ETHERNET)
    return s.data


def seeds():
    for name, order in ("le", "<"), ("be", ">"):
        yield f"us-{name}.pcap", pcap(order, 0xA1B2C3D4, 1, [ETHERNET, TAGGED, b""])
        yield f"ns-{name}.pcap", pcap(order, 0xA1B23C4D, 113, [SLL, SLL])
        extra = struct.pack(order + "IHBB", 3, 0x0800, 4, 0)
        yield f"long-{name}.pcap", pcap(order, 0xA1B2CD34, 101, [IPV4], extra)
        yield f"full-{name}.pcapng", full_section(order)
    yield "sll2.pcap", pcap("<", 0xA1B2C3D4, 276, [SLL2])
    yield "null.pcap", pcap("<", 0xA1B2C3D4, 0, [NULL, NULL[::-1]])
    yield "loop.pcap", pcap("<", 0xA1B2C3D4, 108, [b"\0\0\0\2" + IPV4])
    yield "sections.pcapng", full_section("<") + full_section(">")
    # Bad ones: cut inside a record, an absurd length, a block whose two lengths differ, options
    # that do not fit, a packet without interface, not a capture at all.
    yield "cut.pcap", pcap("<", 0xA1B2C3D4, 1, [ETHERNET, ETHERNET])[:-20]
    yield "length.pcap", pcap("<", 0xA1B2C3D4, 1, [ETHERNET]) + b"\xff" * 20
    yield "joined.pcap", pcap("<", 0xA1B2C3D4, 1, [ETHERNET]) * 2
    yield "cut.pcapng", full_section("<")[:-30]
    yield "lengths-differ.pcapng", full_section("<")[:-1] + b"\1"
    s = Section("<")
    s.block(1, "HHI", 1, 0, 0, tail=struct.pack("<HH", 2, 400) + b"eth0")
    yield "option.pcapng", s.data
    s = Section(">")
    s.packet(0, 0, IPV4)
    yield "no-interface.pcapng", s.data
    s = Section("<")
    s.interface(220, b"usbmon0")
    s.packet(0, 0, b"usb")
    yield "unknown-link.pcapng", s.data
    yield "gzip.pcap", b"\x1f\x8b\x08\x00\x00\x00\x00\x00"


if len(sys.argv) != 2:
    sys.exit(__doc__)
directory = pathlib.Path(sys.argv[1])
directory.mkdir(parents=True, exist_ok=True)
for seed, content in seeds():
    (directory / seed).write_bytes(content)
