"""Tries to get the rights of root back."""

import ctypes
import os

libc = ctypes.CDLL(None)
for how in (
    lambda: os.setuid(0),
    lambda: os.setresuid(0, 0, 0),
    lambda: os.setreuid(-1, 0),
    lambda: os.setgid(0),
    lambda: os.setgroups([0]),
    lambda: os.setpriority(os.PRIO_PROCESS, 0, -20),
    lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(50)),
):
    try:
        how()
    except OSError:
        continue
    raise RuntimeError("ESCAPED")
header = (ctypes.c_uint32 * 2)(0x20080522, 0)
if libc.capset(header, (ctypes.c_uint32 * 6)(*[0xFFFFFFFF] * 6)) != -1:
    raise RuntimeError("ESCAPED capset")
