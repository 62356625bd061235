"""Lets the kernel keep data for it: in pipes, pairs of sockets and counters that nobody reads."""

import contextlib
import os
import socket

KEPT, taken = [], 0
with contextlib.suppress(OSError):
    while True:
        ours, theirs = socket.socketpair()
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 30)
        ours.setblocking(False)
        KEPT += [ours, theirs]
        with contextlib.suppress(BlockingIOError):
            while True:
                taken += ours.send(bytes(1 << 16))
        read, write = os.pipe()
        os.set_blocking(write, False)
        with contextlib.suppress(BlockingIOError):
            while True:
                taken += os.write(write, bytes(1 << 16))
if taken > 64 << 20:
    raise RuntimeError(f"ESCAPED {taken >> 20} MiB")
