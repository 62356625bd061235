"""Sends half an answer just before the time is over, and the rest just after it, also to the next request."""

import os
import struct
import threading
import time

HEAD = b'{"status": "ok"}'
MESSAGE = struct.pack("<II", len(HEAD), 10) + HEAD + struct.pack("<Q", 2) + b"{}"


def drip():
    for end in (15, 20, len(MESSAGE)):
        time.sleep(0.13)
        os.write(3, MESSAGE[end - 15 if end == 15 else 15 if end == 20 else 20 : end])


def gaussian_nll(mean, log_std, action):
    threading.Thread(target=drip).start()
    time.sleep(0.28)
    raise RuntimeError
