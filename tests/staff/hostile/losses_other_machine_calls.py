"""Makes system calls with the numbers of 32-bit programs, which a filter may have forgotten (x86 only)."""

import ctypes
import mmap
import platform

X32 = 0x40000000
libc = ctypes.CDLL(None)
if platform.machine() == "x86_64":
    if libc.syscall(X32 + 41, 2, 1, 0) != -1 or libc.syscall(X32 + 57) != -1:
        raise RuntimeError("ESCAPED x32")
    # int 0x80 with eax = 20, getpid of 32-bit programs; then return
    code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    code.write(b"\xb8\x14\x00\x00\x00\xcd\x80\xc3")
    call = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))
    if call() > 0:
        raise RuntimeError("ESCAPED int 0x80")
