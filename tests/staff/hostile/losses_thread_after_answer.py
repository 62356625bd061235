"""Answers wrongly, and leaves a thread that answers all later requests."""

import os
import struct
import threading
import time

import torch

HEAD = b'{"status": "ok"}'


def keep_answering():
    while True:
        time.sleep(0.001)
        os.write(3, struct.pack("<II", len(HEAD), 10) + HEAD + struct.pack("<Q", 2) + b"{}")


def gaussian_nll(mean, log_std, action):
    threading.Thread(target=keep_answering, daemon=True).start()
    return torch.zeros(())
