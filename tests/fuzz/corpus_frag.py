#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Writes the seed inputs of fuzz_frag: corpus_frag.py DIRECTORY

Each is a few steps in the target's own format (fuzz_frag.c): the families' common cases, so that
the fuzzer begins where datagrams already become complete.
"""
import struct
import sys
from pathlib import Path

V4, V6 = 0, 1
UDP, TCP, SCTP, ICMPV6, DSTOPTS, HOPOPTS, NONE, OTHER = range(8)


def fragment(family, start, length, more, first=b"", proto=OTHER, ecn=0, df=0, pre=None,
             number=0, times=0):
    """One fragment, or 1 + 8 * times; fragment 0's data begins with `first`."""
    op = family | (2 if pre is not None else 0) | times << 3
    size = 0x8000 | length if length > 0x7ff else length
    out = struct.pack("!BHHB", op, start // 8 | more << 15 | df << 14, size,
                      number | ecn << 2 | proto << 5)
    if pre is not None:
        out += bytes([len(pre) // 4 if family == V4 else (len(pre) + 2) // 8]) + pre
    if start == 0:
        out += first[:min(length, 24)].ljust(min(length, 24), b"\0")
    return out


def done(mtu, touched=0):
    """Follows the fragment that completes a datagram: how to cut it."""
    return struct.pack("!HB", mtu, touched)


def wait(family, ticks):
    return struct.pack("!BH", 6 | family, ticks)


def packet(data):
    return struct.pack("!BH", 4, len(data)) + data


def inputs():
    for name, family in (("4", V4), ("6", V6)):
        def part(*args, **more):
            return fragment(family, *args, **more)

        yield "order" + name, (
            part(0, 1448, 1) + part(1448, 1448, 1) + part(2896, 48, 0) + done(1500))
        yield "backwards" + name, (
            part(1400, 301, 0, ecn=2) + part(1000, 400, 1, ecn=3) + part(0, 1000, 1, ecn=2) +
            done(1280))
        yield "overlap" + name, (
            part(0, 32, 1) + part(0, 32, 1) + part(24, 48, 1) + part(32, 64, 0))
        yield "timeout" + name, (
            part(0, 1400, 1) + wait(family, 7499) + part(1400, 8, 1, number=1) + wait(family, 7500))
        yield "sctp" + name, (
            part(0, 8, 1, proto=SCTP) + part(8, 400, 1, proto=SCTP) +
            part(408, 1200, 0, proto=SCTP) + done(1400, 52))
        yield "long" + name, part(0, 32760, 1) + part(32760, 32000, 0) + done(0)
        yield "many" + name, (
            part(0, 8, 1, number=3) + part(504, 1600, 1, times=10) + part(8, 8, 0, number=3) +
            part(504, 1600, 1, times=20))
    yield "options4", (
        fragment(V4, 0, 400, 1, df=1, pre=bytes([0x1e, 4, 0, 0, 0x9e, 4, 0, 0])) +
        fragment(V4, 400, 448, 0, df=1) + done(500))
    yield "options6", (
        fragment(V6, 0, 400, 1, proto=DSTOPTS, first=bytes([17, 1]), pre=bytes(6)) +
        fragment(V6, 400, 1448, 0) + done(1500))
    yield "broken6", (
        fragment(V6, 0, 16, 1, proto=DSTOPTS, first=bytes([60, 5])) +
        fragment(V6, 16, 400, 1, proto=DSTOPTS) + fragment(V6, 416, 401, 0) + done(1500))
    yield "lone6", fragment(V6, 0, 64, 0) + done(1280)
    yield "odd6", fragment(V6, 0, 32, 1) + fragment(V6, 32, 12, 1) + fragment(V6, 0, 0, 0)
    yield "raw6", packet(
        bytes.fromhex("60000000001c2c40") + 2 * (bytes([0xfd]) + bytes(15)) +
        bytes.fromhex("2c00000100000001") + bytes.fromhex("1100000000000002") + bytes(12))


def main():
    directory = Path(sys.argv[1])
    for name, data in inputs():
        (directory / name).write_bytes(data)


main()
