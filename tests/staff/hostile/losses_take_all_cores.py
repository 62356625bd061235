"""Runs on every core, to slow down other submissions until their time is over."""

import os

try:
    os.sched_setaffinity(0, range(os.cpu_count()))
except OSError:
    pass
if len(os.sched_getaffinity(0)) > 1:
    raise RuntimeError("ESCAPED: may run on more than one core")


def gaussian_nll(mean, log_std, action):
    return log_std.sum()
