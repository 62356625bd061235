"""Kills the judge, the zygote and everything else; makes the kernel send signals for it."""

import ctypes
import fcntl
import os
import signal

libc = ctypes.CDLL(None)
for target in (JUDGE, os.getppid(), -JUDGE, -1, 0):
    for how in (
        lambda target=target: os.kill(target, signal.SIGKILL),
        lambda target=target: os.killpg(abs(target), signal.SIGKILL),
        lambda target=target: signal.pidfd_send_signal(os.pidfd_open(target), signal.SIGKILL),
        lambda target=target: fcntl.fcntl(3, fcntl.F_SETOWN, target),
        lambda target=target: fcntl.fcntl(3, fcntl.F_SETSIG, signal.SIGKILL),
    ):
        try:
            how()
        except (OSError, OverflowError):
            continue
        raise RuntimeError(f"ESCAPED {target}")
    if libc.syscall(129, target, 9, ctypes.create_string_buffer(128)) != -1 or libc.tgkill(target, target, 9) != -1:
        raise RuntimeError(f"ESCAPED {target}")
