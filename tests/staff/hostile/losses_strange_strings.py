"""Gives texts, names and numbers that are subclasses with methods of their own, which lie, loop or grow."""

import torch


class Text(str):
    def __getitem__(self, key):
        return Text("x" * 2**26)

    def encode(self, *args):
        return b'"ok"' * 2**20

    def __eq__(self, other):
        return True

    __hash__ = str.__hash__


class Number(int):
    def __str__(self):
        return "ok"

    __repr__ = __format__ = __str__


class Strange(RuntimeError):
    def __str__(self):
        return Text("\x1b[31mESCAPE\u202e<b>")


Strange.__name__ = Text("RuntimeError")
Strange.__module__ = Text("builtins")


def gaussian_nll(mean, log_std, action):
    if len(mean) % 2:
        raise Strange
    loss = torch.zeros(())
    loss.detach = lambda: Number(3)
    return loss
