"""Replaces the worker with another program: a shell, sudo, python, from a file and from memory."""

import ctypes
import os
import sys

libc = ctypes.CDLL(None)
for program in ("/bin/sh", "/usr/bin/sudo", "/usr/bin/su", sys.executable):
    try:
        os.execv(program, [program, "-c", f"echo ESCAPED > {RESULTS}/run"])
    except OSError:
        continue
memory = libc.memfd_create(b"program", 0)
if memory != -1 or libc.syscall(322, -100, b"/bin/sh", None, None, 0) != -1:
    raise RuntimeError("ESCAPED memfd_create")
