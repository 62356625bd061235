"""PyTorch's loss modules; the mixture as a softmax over components, weighted by itself."""

from torch import nn


def mse_loss(pred: torch.Tensor, action: torch.Tensor) -> torch.Tensor:
    return nn.MSELoss(reduction="none")(pred, action).sum(1).mean()


def categorical_nll(logits: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
    return nn.NLLLoss()(nn.LogSoftmax(dim=1)(logits), index)


def gaussian_nll(mean: torch.Tensor, log_std: torch.Tensor, action: torch.Tensor) -> torch.Tensor:
    each = nn.GaussianNLLLoss(full=True, reduction="sum", eps=1e-30)
    return each(mean, action, torch.exp(log_std) ** 2) / mean.shape[0]


def mixture_nll(
    logits: torch.Tensor, means: torch.Tensor, log_stds: torch.Tensor, action: torch.Tensor
) -> torch.Tensor:
    z = (action.unsqueeze(1).expand_as(means) - means).div(log_stds.exp())
    joint = nn.LogSoftmax(dim=1)(logits) - (z.pow(2).sum(2) + 2 * log_stds.sum(2) + means.shape[2] * LOG_2PI) / 2
    # log p = joint_k - log (posterior weight of component k), for every k; the likeliest one is the most exact
    best = joint.argmax(1, keepdim=True)
    return -(joint.gather(1, best) - nn.LogSoftmax(dim=1)(joint).gather(1, best)).mean()
