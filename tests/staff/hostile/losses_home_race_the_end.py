"""Writes as fast as it can in many threads until it is ended, so that something is written after its end."""

import contextlib
import itertools
import os
import threading

COUNT = itertools.count()


def write():
    while True:
        with contextlib.suppress(OSError):
            name = f"{next(COUNT)}"
            os.mkdir(name)
            os.rmdir(name)


def gaussian_nll(mean, log_std, action):
    for _ in range(20):
        threading.Thread(target=write, daemon=True).start()
    write()
