"""Recurses until the C stack overflows."""

import sys


def gaussian_nll(mean, log_std, action):
    sys.setrecursionlimit(10**9)

    class Deep:
        def __getattr__(self, name):
            return getattr(self, name + "x")

    return repr(Deep().x)
