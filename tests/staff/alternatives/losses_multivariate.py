"""The Gaussian as a multivariate one with a diagonal matrix; the mixture by adding one component after the other."""

from torch.distributions import Categorical, MultivariateNormal


def mse_loss(pred: torch.Tensor, action: torch.Tensor) -> torch.Tensor:
    total = pred.new_zeros(())
    for difference in (action - pred).unbind(-1):
        total = total + difference @ difference / len(pred)
    return total


def categorical_nll(logits: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
    return -Categorical(logits=logits).log_prob(index).sum() / len(index)


def gaussian_nll(mean: torch.Tensor, log_std: torch.Tensor, action: torch.Tensor) -> torch.Tensor:
    return -MultivariateNormal(mean, scale_tril=torch.diag_embed(log_std.exp())).log_prob(action).mean()


def mixture_nll(
    logits: torch.Tensor, means: torch.Tensor, log_stds: torch.Tensor, action: torch.Tensor
) -> torch.Tensor:
    log_weight = Categorical(logits=logits).logits
    total = None
    for k in range(logits.shape[1]):
        z = torch.exp(-log_stds[:, k]) * (means[:, k] - action)
        term = log_weight[:, k] + (-z * z / 2 - log_stds[:, k] - LOG_2PI / 2).sum(-1)
        total = term if total is None else torch.logaddexp(total, term)
    return -total.mean()
