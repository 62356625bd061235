"""Tries to leave its view of the system: namespaces, mounts, another root folder, files by other calls."""

import ctypes
import os

libc = ctypes.CDLL(None)
tries = {
    "unshare user": libc.unshare(0x10000000),
    "unshare mount": libc.unshare(0x00020000),
    "mount": libc.mount(b"none", b"/tmp", b"tmpfs", 0, None),
    "bind": libc.mount(REPOSITORY.encode(), b"/mnt", None, 4096, None),
    "umount": libc.umount2(b"/", 2),
    "chroot": libc.chroot(b"/"),
    "pivot_root": libc.syscall(155, b"/", b"/"),
    "setns": libc.setns(os.open(os.devnull, os.O_RDONLY), 0),
    "fsopen": libc.syscall(430, b"tmpfs", 0),
    "open_tree": libc.syscall(428, -100, b"/", 1),
    "openat2": libc.syscall(437, -100, REPOSITORY.encode() + b"/hw1/losses.py", bytes(24), 24),
    "open_by_handle_at": libc.syscall(304, -100, bytes(128), 0),
}
if any(result != -1 for result in tries.values()):
    raise RuntimeError(f"ESCAPED {tries}")
