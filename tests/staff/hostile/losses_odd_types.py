"""Answers with objects, texts, complex numbers, dates, None, generators and files."""

import numpy as np
import torch

state = iter(
    [
        np.array([object()]),
        np.array("passed"),
        torch.zeros((), dtype=torch.complex64),
        np.datetime64("now"),
        None,
        (x for x in ()),
        open("/dev/null"),
        torch.zeros((), dtype=torch.bfloat16),
        torch.zeros((), requires_grad=True).to_sparse(),
        10**400,
        np.zeros(3, [("a", "f4")]),
    ]
    * 100
)


def gaussian_nll(mean, log_std, action):
    return next(state)
