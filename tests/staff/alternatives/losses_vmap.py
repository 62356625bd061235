"""The loss of one sample, for all samples by torch.vmap."""


def mse_loss(pred: torch.Tensor, action: torch.Tensor) -> torch.Tensor:
    return torch.vmap(lambda p, a: torch.dot(p - a, p - a))(pred, action).mean()


def categorical_nll(logits: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
    def one(row: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
        return row.logsumexp(0) - row.gather(0, chosen[None])[0]

    return torch.vmap(one)(logits, index).mean()


def one_gaussian(mean: torch.Tensor, log_std: torch.Tensor, action: torch.Tensor) -> torch.Tensor:
    z = (action - mean) / log_std.exp()
    return 0.5 * torch.dot(z, z) + log_std.sum() + 0.5 * len(z) * LOG_2PI


def gaussian_nll(mean: torch.Tensor, log_std: torch.Tensor, action: torch.Tensor) -> torch.Tensor:
    return torch.vmap(one_gaussian)(mean, log_std, action).mean()


def mixture_nll(
    logits: torch.Tensor, means: torch.Tensor, log_stds: torch.Tensor, action: torch.Tensor
) -> torch.Tensor:
    components = torch.vmap(one_gaussian, in_dims=(0, 0, None))
    nll = torch.vmap(components)(means, log_stds, action)  # (B, K)
    return -torch.logsumexp(logits.log_softmax(1) - nll, 1).mean()
