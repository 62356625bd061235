"""Attacks the first process of its namespace, and everything that a number less than 2 can mean."""

import ctypes
import os
import signal

libc = ctypes.CDLL(None)
information = ctypes.create_string_buffer(128)
for process in (1, 2, -1, -2, 0, os.getpid(), os.getppid(), 2**31 - 1):
    tries = {
        "kill": libc.kill(process, signal.SIGKILL if process != os.getpid() else 0),
        "tkill": libc.syscall(200, process, 0),
        "tgkill": libc.syscall(234, process, process, 0),
        "sigqueue": libc.syscall(129, process, 0, information),
        "pidfd_open": libc.syscall(434, process, 0),
        "ptrace": libc.ptrace(0x4206, process, None, None),
        "setpgid": libc.setpgid(process, 0),
        "getpgid": libc.getpgid(process) if process else -1,
        "prlimit": libc.prlimit(process, 7, None, information) if process else -1,
        "kcmp": libc.syscall(312, process, process, 0, 0, 0),
        "get_robust_list": libc.syscall(274, process, information, information),
        "move_pages": libc.syscall(279, process, 0, None, None, None, 0),
        "migrate_pages": libc.syscall(256, process, 0, None, None),
        "waitid": libc.waitid(0, 0, information, 4),
        "reboot": libc.syscall(169, 0xFEE1DEAD, 672274793, 0, None),
    }
    if any(result != -1 for result in tries.values()):
        raise RuntimeError(f"ESCAPED {process} {tries}")
