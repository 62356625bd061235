"""Replaces the losses in memory, for exercises 1.1 to 1.4 and for those that use them."""

import torch

from hw1 import losses

for name in ("mse_loss", "categorical_nll", "gaussian_nll", "mixture_nll"):
    setattr(losses, name, lambda *args: torch.zeros(()))


class GaussianHead(torch.nn.Module):
    def forward(self, features):
        return torch.zeros(len(features), 2), torch.zeros(len(features), 2)
