"""The Gaussian is a mixture of one component; the mixture goes through its components in a loop."""


def gaussian_nll(mean: torch.Tensor, log_std: torch.Tensor, action: torch.Tensor) -> torch.Tensor:
    return mixture_nll(mean.new_zeros(len(mean), 1), mean[:, None], log_std[:, None], action)


def mixture_nll(
    logits: torch.Tensor, means: torch.Tensor, log_stds: torch.Tensor, action: torch.Tensor
) -> torch.Tensor:
    terms = []
    for weight, mean, log_std in zip(logits.log_softmax(1).T, means.unbind(1), log_stds.unbind(1), strict=True):
        z = (action - mean) * torch.exp(-log_std)
        terms.append(weight - (z * z / 2 + log_std + LOG_2PI / 2).sum(1))
    return -torch.stack(terms).logsumexp(0).mean()
