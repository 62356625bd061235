"""Slices instead of chunk and split, minimum and maximum instead of clamp, losses called through their module."""

from hw1 import losses as part_1


def bounded(log_std: Tensor) -> Tensor:
    low, high = LOG_STD_RANGE
    return torch.minimum(torch.maximum(log_std, torch.full_like(log_std, low)), torch.full_like(log_std, high))


class GaussianHead(GaussianHead):
    def forward(self, features):
        out = self.linear(features)
        half = out.shape[1] // 2
        return out[:, :half], bounded(out[:, half:])

    def loss(self, features, action, generator=None):
        mean, log_std = self.forward(features)
        return part_1.gaussian_nll(action=action, mean=mean, log_std=log_std)


class MixtureHead(MixtureHead):
    def forward(self, features):
        out, k = self.linear(features), self.components
        means, log_stds = out[:, k:].unflatten(1, (2, k, self.action_dim)).unbind(1)
        return out[:, :k], means, bounded(log_stds)

    def loss(self, features, action, generator=None):
        logits, means, log_stds = self.forward(features)
        return part_1.mixture_nll(action=action, logits=logits, means=means, log_stds=log_stds)
