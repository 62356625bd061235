"""Takes memory that grows downwards like a stack, which does not count as data."""

import ctypes
import time

libc = ctypes.CDLL(None)
libc.mmap.restype = ctypes.c_void_p
SIZE = 16 << 20
taken = 0
while taken < 640 << 20:
    place = libc.mmap(None, ctypes.c_long(SIZE), 3, 0x122, -1, ctypes.c_long(0))
    if place in (None, 2**64 - 1):
        break
    ctypes.memset(place, 1, SIZE)
    taken += SIZE
time.sleep(0.3)
if taken > 512 << 20:
    raise RuntimeError(f"ESCAPED {taken >> 20} MiB")
