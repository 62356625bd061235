"""Crashes in C: a null pointer, an abort."""

import ctypes
import os


def gaussian_nll(mean, log_std, action):
    if len(mean) % 2:
        os.abort()
    ctypes.string_at(0)
