"""Tries to remove the locks: limits, the signal at the parent's death, Landlock, seccomp, traceability."""

import ctypes
import resource

libc = ctypes.CDLL(None)
tries = {
    "survive the parent": libc.prctl(1, 0, 0, 0, 0),
    "be traceable": libc.prctl(4, 1, 0, 0, 0),
    "be traced by anybody": libc.prctl(0x59616D61, -1, 0, 0, 0),
    "adopt processes": libc.prctl(36, 1, 0, 0, 0),
    "keep rights": libc.prctl(8, 1, 0, 0, 0),
    "filter system calls": libc.prctl(22, 2, None, 0, 0),
    "seccomp": libc.syscall(317, 1, 0, None),
    "bpf": libc.syscall(321, 0, None, 0),
    "io_uring": libc.syscall(425, 8, bytes(120)),
    "userfaultfd": libc.syscall(323, 0),
    "perf_event_open": libc.syscall(298, bytes(128), 0, -1, -1, 0),
    "Landlock": libc.syscall(444, None, 0, 1),
    "personality": libc.syscall(135, 0x0040000),
    "keyctl": libc.syscall(250, 0, -3, 1),
    "setsid": libc.setsid(),
}
if any(result != -1 for result in tries.values()):
    raise RuntimeError(f"ESCAPED {tries}")
for name in ("AS", "NPROC", "FSIZE", "NOFILE", "CORE"):
    kind = getattr(resource, f"RLIMIT_{name}")
    try:
        resource.setrlimit(kind, (resource.getrlimit(kind)[1] + 1,) * 2)
    except (OSError, ValueError):
        continue
    if name != "NPROC":
        raise RuntimeError(f"ESCAPED {name}")
