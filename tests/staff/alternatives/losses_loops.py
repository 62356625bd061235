"""Number by number, in loops."""


def mse_loss(pred: torch.Tensor, action: torch.Tensor) -> torch.Tensor:
    rows = [sum((p - a) ** 2 for p, a in zip(*row, strict=True)) for row in zip(pred, action, strict=True)]
    return sum(rows) / len(rows)


def categorical_nll(logits: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
    rows = []
    for row, chosen in zip(logits, index.tolist(), strict=True):
        top = row.max()
        rows.append(top + torch.log(sum(torch.exp(x - top) for x in row)) - row[chosen])
    return sum(rows) / len(rows)


def gaussian_nll(mean: torch.Tensor, log_std: torch.Tensor, action: torch.Tensor) -> torch.Tensor:
    total = torch.zeros(())
    for b in range(mean.shape[0]):
        for a in range(mean.shape[1]):
            z = (action[b, a] - mean[b, a]) / torch.exp(log_std[b, a])
            total = total + z**2 / 2 + log_std[b, a] + LOG_2PI / 2
    return total / mean.shape[0]


def mixture_nll(
    logits: torch.Tensor, means: torch.Tensor, log_stds: torch.Tensor, action: torch.Tensor
) -> torch.Tensor:
    rows = []
    for b in range(action.shape[0]):
        total = None
        for k in range(logits.shape[1]):
            one = slice(b, b + 1)
            term = logits[b, k] - logits[b].logsumexp(0) - gaussian_nll(means[one, k], log_stds[one, k], action[one])
            total = term if total is None else torch.logaddexp(total, term)
        rows.append(-total)
    return torch.stack(rows).mean()
