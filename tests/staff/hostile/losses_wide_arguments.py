"""Hides what a system call asks for in the upper half of its arguments, which a filter may not read."""

import ctypes

libc = ctypes.CDLL(None)
libc.mmap.restype = ctypes.c_void_p
HIGH = 1 << 32


def call(number, *arguments):
    return libc.syscall(number, *[ctypes.c_ulong(argument) for argument in arguments])


tries = {
    "shared memory": call(9, 0, 4096, 3, HIGH | 0x21, 2**64 - 1, 0),
    "validated": call(9, 0, 4096, 3, 0x23, 2**64 - 1, 0),
    "huge pages": call(9, 0, 2 << 20, 3, 0x40021, 2**64 - 1, 0),
    "process": call(56, HIGH | 17, 0, 0, 0, 0),
    "many bits": call(56, (0x10000 << 32) | 17, 0, 0, 0, 0),
    "owner of signals": call(72, 3, HIGH | 8, 1),
    "pipe's size": call(72, 1, HIGH | 1031, 1 << 20),
    "type into a terminal": call(16, 0, HIGH | 0x5412, id(b"x")),
    "seccomp": call(157, HIGH | 22, 2, 0),
    "traceable": call(157, HIGH | 4, 1),
    "another's limits": call(302, HIGH | 1, 7, 0, 0),
}
if any(result != -1 for result in tries.values()):
    raise RuntimeError(f"ESCAPED {tries}")
