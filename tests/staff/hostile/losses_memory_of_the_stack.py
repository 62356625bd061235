"""Raises the limit of the stack, and uses the addresses far below it."""

import ctypes
import resource
import threading
import time

hard = resource.getrlimit(resource.RLIMIT_STACK)[1]
resource.setrlimit(resource.RLIMIT_STACK, (hard, hard))
threading.stack_size(256 << 20)
started = []


def fill():
    here = ctypes.c_char()
    for number in range(1, 60):
        ctypes.memset(ctypes.addressof(here) - (number << 22), 1, 1 << 22)
    started.append(1)
    time.sleep(1)


threads = [threading.Thread(target=fill, daemon=True) for _ in range(4)]
for thread in threads:
    thread.start()
time.sleep(0.8)
if len(started) > 2:
    raise RuntimeError(f"ESCAPED {len(started) * 236} MiB")
