"""Sums over dimensions and batch by einsum, also in the mixture."""


def mse_loss(pred: torch.Tensor, action: torch.Tensor) -> torch.Tensor:
    error = pred - action
    return torch.einsum("ba,ba->", error, error) / pred.shape[0]


def categorical_nll(logits: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
    chosen = torch.nn.functional.one_hot(index, logits.shape[-1]).to(logits.dtype)
    return torch.logsumexp(logits, -1).mean() - torch.einsum("bk,bk->", logits, chosen) / len(logits)


def gaussian_nll(mean: torch.Tensor, log_std: torch.Tensor, action: torch.Tensor) -> torch.Tensor:
    batch, dims = mean.shape
    z = (mean - action) * torch.exp(-log_std)
    return (torch.einsum("ba,ba->", z, z) / 2 + log_std.sum()) / batch + dims / 2 * LOG_2PI


def mixture_nll(
    logits: torch.Tensor, means: torch.Tensor, log_stds: torch.Tensor, action: torch.Tensor
) -> torch.Tensor:
    z = (means - action.unsqueeze(1)) * torch.exp(-log_stds)
    log_prob = -torch.einsum("bka,bka->bk", z, z) / 2 - log_stds.sum(-1) - means.shape[-1] / 2 * LOG_2PI
    return (torch.logsumexp(logits, -1) - torch.logsumexp(logits + log_prob, -1)).mean()
