"""logsumexp by hand, shifted by the largest term; F.gaussian_nll_loss; distances by torch.linalg."""


def log_sum_exp(x: torch.Tensor) -> torch.Tensor:
    top = x.detach().amax(dim=-1, keepdim=True)
    return (x - top).exp().sum(dim=-1).log() + top.squeeze(-1)


def mse_loss(pred: torch.Tensor, action: torch.Tensor) -> torch.Tensor:
    return (torch.linalg.vector_norm(action - pred, dim=1) ** 2).mean()


def categorical_nll(logits: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
    return (log_sum_exp(logits) - logits[range(len(index)), index]).mean()


def gaussian_nll(mean: torch.Tensor, log_std: torch.Tensor, action: torch.Tensor) -> torch.Tensor:
    variance = (2 * log_std).exp()
    nll = torch.nn.functional.gaussian_nll_loss(mean, action, variance, full=True, reduction="none", eps=1e-30)
    return nll.sum() / len(mean)


def mixture_nll(
    logits: torch.Tensor, means: torch.Tensor, log_stds: torch.Tensor, action: torch.Tensor
) -> torch.Tensor:
    z = (action[:, None] - means) / log_stds.exp()
    log_prob = (-0.5 * z**2 - log_stds - 0.5 * LOG_2PI).sum(2)
    return torch.mean(log_sum_exp(logits) - log_sum_exp(logits + log_prob))
