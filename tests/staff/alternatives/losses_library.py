"""PyTorch's own losses, and torch.distributions where it is accurate enough."""

from torch.distributions import Independent, Normal
from torch.nn import functional


def mse_loss(pred: Tensor, action: Tensor) -> Tensor:
    return functional.mse_loss(pred, action, reduction="sum") / len(pred)


def categorical_nll(logits: Tensor, index: Tensor) -> Tensor:
    return functional.cross_entropy(logits, index)


def gaussian_nll(mean: Tensor, log_std: Tensor, action: Tensor) -> Tensor:
    return -Independent(Normal(mean, log_std.exp()), 1).log_prob(action).mean()
