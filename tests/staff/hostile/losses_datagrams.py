"""Sends datagrams to services of this machine from one end of a pair of sockets, which has no name."""

import ctypes
import socket
import struct

libc = ctypes.CDLL(None)
KINDS = [(1, 2), (1, 2 | 0x800), (1, 3), (1, 5), (30, 1), (30, 2), (30, 5), (16, 3), (40, 1), (2, 1)]
for family, kind in KINDS:
    ends = (ctypes.c_int * 2)()
    if libc.socketpair(family, kind, 0, ends) == -1:
        continue
    for name in (LISTENER.encode(), b"/dev/log", b"/run/systemd/journal/socket", b"\0hw1-listener"):
        address = struct.pack("<H", 1) + name + b"\0"
        if kind != 5 and libc.sendto(ends[0], b"evil", 4, 0, address, len(address)) != -1:
            raise RuntimeError(f"ESCAPED {name}")
        if libc.connect(ends[0], address, len(address)) != -1:
            raise RuntimeError(f"ESCAPED {name}")
    if family != socket.AF_UNIX:
        raise RuntimeError(f"ESCAPED {family}")
