"""Exceptions whose text never returns, exits, raises, or is not a text."""

import os


class Hangs(BaseException):
    def __str__(self):
        while True:
            pass


class Exits(BaseException):
    def __str__(self):
        os._exit(0)


class Raises(BaseException):
    def __str__(self):
        raise self

    __repr__ = __str__


class NoText(NotImplementedError):
    def __str__(self):
        return 1


KINDS = [Raises, NoText, Exits, Hangs]


def gaussian_nll(mean, log_std, action):
    raise KINDS[int(mean.sum().abs() * 1000) % len(KINDS)]()
