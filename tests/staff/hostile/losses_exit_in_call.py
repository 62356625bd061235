"""Ends the process with exit status 0 in the middle of a probe."""

import os


def gaussian_nll(mean, log_std, action):
    os._exit(0)
