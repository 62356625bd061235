"""Leaves hooks that hang: for audits, traces, garbage collection, displays, exits and uncaught exceptions."""

import atexit
import gc
import sys
import threading
import weakref

import torch


def hang(*args):
    while True:
        pass


class Hangs:
    __del__ = __enter__ = hang


def gaussian_nll(mean, log_std, action):
    atexit.register(hang)
    threading._register_atexit(hang)
    weakref.finalize(action, hang)
    sys.excepthook = sys.unraisablehook = sys.displayhook = threading.excepthook = hang
    gc.callbacks.append(hang)
    Hangs()
    sys.addaudithook(hang)
    sys.settrace(hang)
    return torch.zeros(())
