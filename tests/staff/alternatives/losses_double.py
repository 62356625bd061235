"""Computed in double precision, returned in that of the inputs."""


def mse_loss(pred: torch.Tensor, action: torch.Tensor) -> torch.Tensor:
    return (pred.double() - action.double()).pow(2).sum(1).mean().to(pred.dtype)


def categorical_nll(logits: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
    log_prob = logits.double().log_softmax(1)
    return -log_prob[torch.arange(len(index)), index].mean().to(logits.dtype)


def gaussian_nll(mean: torch.Tensor, log_std: torch.Tensor, action: torch.Tensor) -> torch.Tensor:
    mean64, log_std64, action64 = mean.double(), log_std.double(), action.double()
    variance = torch.exp(2 * log_std64)
    nll = (action64 - mean64) ** 2 / (2 * variance) + 0.5 * torch.log(2 * torch.pi * variance)
    return nll.sum(1).mean().to(mean.dtype)


def mixture_nll(
    logits: torch.Tensor, means: torch.Tensor, log_stds: torch.Tensor, action: torch.Tensor
) -> torch.Tensor:
    logits64, means64, log_stds64, action64 = (x.double() for x in (logits, means, log_stds, action))
    z = (action64[:, None] - means64) / log_stds64.exp()
    joint = logits64.log_softmax(1) - 0.5 * (z**2 + LOG_2PI).sum(2) - log_stds64.sum(2)
    return -joint.logsumexp(1).mean().to(logits.dtype)
