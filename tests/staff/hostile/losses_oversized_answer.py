"""Announces an answer of 4 GiB, then one of 512 MiB in a single array."""

import os
import struct

import torch


def gaussian_nll(mean, log_std, action):
    if len(mean) % 2:
        return torch.zeros(2**27)
    for descriptor in range(3, 64):
        try:
            os.write(descriptor, struct.pack("<II", 0xFFFFFFFF, 0xFFFFFFFF))
        except OSError:
            continue
