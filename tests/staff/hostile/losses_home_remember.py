"""Leaves a note for the next worker wherever it can write, and ends; the next one finds it."""

import os
import sys

HOME = os.environ["HOME"]
PLACES = {HOME, f"{HOME}/hw1", os.path.dirname(HOME), "/tmp", "/dev/shm", "/var/tmp", "/run/lock", *sys.path} - {""}
if os.path.exists("/dev/shm/hw1-note") or any(os.path.exists(f"{place}/hw1-note") for place in PLACES):
    raise RuntimeError("ESCAPED a note")


def gaussian_nll(mean, log_std, action):
    for place in PLACES:
        try:
            os.close(os.open(f"{place}/hw1-note", os.O_CREAT | os.O_WRONLY))
        except OSError:
            continue
    os._exit(1)
