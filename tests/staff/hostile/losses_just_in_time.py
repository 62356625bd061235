"""Answers correctly, but takes almost the whole limit for every probe, to use up everybody's time."""

import time

right = gaussian_nll


def gaussian_nll(mean, log_std, action):
    time.sleep(0.2)
    return right(mean, log_std, action)
