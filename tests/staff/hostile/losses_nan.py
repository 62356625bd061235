"""Answers with numbers that compare in unusual ways: nan, infinity, minus zero."""

import torch

state = iter([float("nan"), float("inf"), -float("inf"), -0.0] * 100)


def gaussian_nll(mean, log_std, action):
    return torch.tensor(next(state)) + 0 * mean.sum()
