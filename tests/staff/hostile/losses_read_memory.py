"""Reads the judge's memory with system calls, and attaches to it as a debugger."""

import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
buffer = ctypes.create_string_buffer(8)


class Span(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("size", ctypes.c_size_t)]


here, there = Span(ctypes.addressof(buffer), 8), Span(id(object), 8)
for process in (JUDGE, os.getppid()):
    for name, result in {
        "process_vm_readv": libc.process_vm_readv(process, ctypes.byref(here), 1, ctypes.byref(there), 1, 0),
        "process_vm_writev": libc.process_vm_writev(process, ctypes.byref(here), 1, ctypes.byref(there), 1, 0),
        "ptrace attach": libc.ptrace(16, process, None, None),
        "ptrace seize": libc.ptrace(0x4206, process, None, None),
        "pidfd_open": libc.syscall(434, process, 0),
        "kcmp": libc.syscall(312, process, os.getpid(), 0, 0, 0),
    }.items():
        if result != -1:
            raise RuntimeError(f"ESCAPED {name} of {process}")
