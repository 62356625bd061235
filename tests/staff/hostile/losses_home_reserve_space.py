"""Reserves space on the disk beyond the end of a file, where the limit of a file's size does not hold."""

import ctypes
import os

libc = ctypes.CDLL(None)
file = os.open("large", os.O_RDWR | os.O_CREAT)
for mode in (1, 3, 0x10, 0x11, 0x20, 0x40, 0):
    libc.fallocate(file, mode, ctypes.c_long(0), ctypes.c_long(64 << 20))
    if os.fstat(file).st_blocks * 512 > 8 << 20:
        raise RuntimeError(f"ESCAPED mode {mode}")
