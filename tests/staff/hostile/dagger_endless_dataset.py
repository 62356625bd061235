"""Returns datasets whose lengths, items and columns are different at every look, or have no end."""

import itertools

import numpy as np


class Endless(np.ndarray):
    def __len__(self):
        return 2**40

    def __iter__(self):
        return itertools.repeat(self)

    def __array_finalize__(self, other):
        pass

    shape = property(lambda self: (2**20, 2**20))


def dagger(*args, **kwargs):
    return np.zeros((3, 2)).view(Endless)


aggregate = rollout = train = dagger
