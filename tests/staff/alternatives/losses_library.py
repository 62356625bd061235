"""PyTorch's own losses, and torch.distributions where it is accurate enough."""

from torch.distributions import Independent, Normal
from torch.nn import functional


def mse_loss(pred: torch.Tensor, action: torch.Tensor) -> torch.Tensor:
    return functional.mse_loss(pred, action, reduction="sum") / len(pred)


def categorical_nll(logits: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
    return functional.cross_entropy(logits, index)


def gaussian_nll(mean: torch.Tensor, log_std: torch.Tensor, action: torch.Tensor) -> torch.Tensor:
    return -Independent(Normal(mean, log_std.exp()), 1).log_prob(action).mean()
