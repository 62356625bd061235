"""Reads other processes' environment, arguments, memory and open files."""

import os

for process in (JUDGE, os.getppid(), 1):
    for name in ("environ", "mem", "maps", "cmdline", "stack", "syscall", "fd/3", "root/etc/passwd", "cwd"):
        try:
            os.open(f"/proc/{process}/{name}", os.O_RDONLY)
        except OSError:
            continue
        raise RuntimeError(f"ESCAPED /proc/{process}/{name}")
