"""Leaves memory that remains after a process ends: shared segments, message queues, semaphores, keys."""

import ctypes
from multiprocessing import shared_memory

libc = ctypes.CDLL(None)
made = {
    "shmget": libc.shmget(0x68773100, 4096, 0o1666),
    "msgget": libc.msgget(0x68773100, 0o1666),
    "semget": libc.semget(0x68773100, 1, 0o1666),
    "shm_open": libc.shm_open(b"/hw1-evil", 0o102, 0o666),
    "add_key": libc.syscall(248, b"user", b"evil", b"evil", 4, -2),
    "mq_open": libc.syscall(240, b"evil", 0o102, 0o666, None),
}
if any(result != -1 for result in made.values()):
    raise RuntimeError(f"ESCAPED {made}")
try:
    shared_memory.SharedMemory("hw1-evil", create=True, size=4096)
except OSError:
    pass
else:
    raise RuntimeError("ESCAPED")
