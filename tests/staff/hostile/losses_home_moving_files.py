"""Moves folders around and makes new ones all the time, so that nobody can count what is in them."""

import contextlib
import os
import threading
import time


def turn(name):
    while True:
        with contextlib.suppress(OSError):
            os.makedirs(f"{name}/a/b/c")
            os.rename(f"{name}/a/b", f"{name}x")
            os.rename(f"{name}x", f"{name}/a/c")
            os.rename(name, f"{time.monotonic_ns()}")


for number in range(4):
    threading.Thread(target=turn, args=(f"{number}",), daemon=True).start()
time.sleep(1)
