#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Gives the packets of a capture to a kernel once more, at the pace at which they were captured.

usage: again.py CAPTURE WIRE INTERFACE HOST [OWN-ADDRESS]

HOST is the network namespace whose kernel is to see them; INTERFACE, in the namespace WIRE, is the
other end of its cable. What HOST itself is to have sent, from OWN-ADDRESS, goes to a raw socket
there, with the mark 7, which no packet has that its kernel would send on its own.

Prints what has to be added to a time of now to have the same moment on the capture's clock.
"""
import ctypes
import os
import socket
import sys
import time

from packets import packets

CLONE_NEWNET = 0x40000000
SO_MARK = 36
MARK = 7


def enter(name):
    """From here on, sockets are made in this network namespace."""
    libc = ctypes.CDLL(None, use_errno=True)
    namespace = os.open(f"/run/netns/{name}", os.O_RDONLY)
    if libc.setns(namespace, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), f"cannot enter the namespace {name}")
    os.close(namespace)


def main(capture, wire, interface, host, own=None):
    enter(wire)
    cable = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    cable.bind((interface, 0))
    enter(host)
    local = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    local.setsockopt(socket.SOL_SOCKET, SO_MARK, MARK)
    recorded = list(packets(capture))
    own = own and socket.inet_aton(own)
    start = time.time() + 0.1
    for packet in recorded:
        time.sleep(max(0, start + packet.time - recorded[0].time - time.time()))
        if packet.ip[12:16] == own:
            local.sendto(packet.ip, (socket.inet_ntoa(packet.ip[16:20]), 0))
        else:
            cable.send(packet.frame)
    print(f"{recorded[0].time - start:.6f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
