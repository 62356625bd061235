"""Makes threads that are in other namespaces, have their own files, or are processes after all."""

import ctypes
import platform

libc = ctypes.CDLL(None)
CLONE = {"x86_64": 56, "aarch64": 220}[platform.machine()]
THREAD = 0x10000 | 0x800 | 0x100
SPACES = {"user": 1 << 28, "mount": 1 << 17, "pid": 1 << 29, "net": 1 << 30, "ipc": 1 << 27, "uts": 1 << 26}
for name, flag in {**SPACES, "cgroup": 1 << 25, "pidfd": 0x1000}.items():
    if libc.syscall(CLONE, ctypes.c_ulong(THREAD | flag | 0x400), 0, None, None, 0) != -1 and name != "pidfd":
        raise RuntimeError(f"ESCAPED {name}")
    if libc.unshare(flag) != -1:
        raise RuntimeError(f"ESCAPED unshare {name}")
for flags in (0, 17, 0x100 | 0x4000, 1 << 40, (1 << 48) | 17):
    if libc.syscall(CLONE, ctypes.c_ulong(flags), 0, None, None, 0) != -1:
        raise RuntimeError(f"ESCAPED {flags}")
