"""Heads that answer with far more rows, columns and axes than were asked for."""

import torch


class Huge(torch.nn.Module):
    def __init__(self, *args, **kwargs):
        super().__init__()

    def forward(self, *args, **kwargs):
        return torch.zeros(()).expand(2**15, 2**15)

    sample = loss = act = forward


for _name, _value in list(globals().items()):
    if isinstance(_value, type) and issubclass(_value, torch.nn.Module) and _value is not Huge:
        globals()[_name] = Huge
