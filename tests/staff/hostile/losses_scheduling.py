"""Takes a better place in the queue for the processor and the disk, or worse ones for others."""

import ctypes
import os

libc = ctypes.CDLL(None)
parameters = ctypes.create_string_buffer(64)
for process in (0, 1, JUDGE, os.getppid()):
    tries = {
        "nice": libc.setpriority(0, process, -5),
        "nice of all": libc.setpriority(2, 0, 19),
        "scheduler": libc.sched_setscheduler(process, 3, parameters),
        "real time": libc.sched_setscheduler(process, 1, b"\1\0\0\0"),
        "attributes": libc.syscall(314, process, parameters, 0),
        "cores": libc.sched_setaffinity(process, 8, b"\xff" * 8),
        "disk": libc.syscall(251, 1, process, 0),
        "memory": libc.syscall(238, 0, None, 0),
        "lock": libc.mlockall(7),
        "advise": libc.syscall(440, process, None, 0, 4, 0),
    }
    if any(result != -1 for result in tries.values()):
        raise RuntimeError(f"ESCAPED {process} {tries}")
