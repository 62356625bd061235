"""Answers without numbers, with very many, with too many dimensions, and with false strides."""

import numpy as np
import torch

SHAPES = [
    torch.zeros(0),
    torch.zeros((1,) * 60),
    np.broadcast_to(np.float32(1), (2**31, 4)),
    torch.zeros(()).expand(2**20, 2**20),
    np.zeros((0, 2**40), np.float32),
    np.lib.stride_tricks.as_strided(np.zeros(1, np.float32), (2**24,), (0,)),
]


def gaussian_nll(mean, log_std, action):
    return SHAPES[int(mean.sum().abs() * 1000) % len(SHAPES)]
