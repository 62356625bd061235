"""Fills memory and forbids itself to write it again: it does not count as data any more, but is still used."""

import ctypes
import time

libc = ctypes.CDLL(None)
libc.mmap.restype = ctypes.c_void_p
SIZE = 16 << 20
taken = 0
while taken < 640 << 20:
    place = libc.mmap(None, ctypes.c_long(SIZE), 3, 0x22, -1, ctypes.c_long(0))
    if place in (None, 2**64 - 1):
        break
    ctypes.memset(place, 1, SIZE)
    libc.mprotect(ctypes.c_void_p(place), ctypes.c_long(SIZE), 1)
    taken += SIZE
time.sleep(0.3)
if taken > 512 << 20:
    raise RuntimeError(f"ESCAPED {taken >> 20} MiB")
