"""torch.distributions for the losses, torch.normal for the noise."""

from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal


class GaussianHead(GaussianHead):
    def loss(self, features, action, generator=None):
        mean, log_std = self(features)
        return -Normal(mean, log_std.exp()).log_prob(action).sum(dim=-1).mean()

    @torch.no_grad()
    def sample(self, features, generator=None):
        mean, log_std = self(features)
        return torch.normal(mean, log_std.exp(), generator=generator)


class MixtureHead(MixtureHead):
    def distribution(self, features):
        logits, means, log_stds = self(features)
        return MixtureSameFamily(Categorical(logits=logits), Independent(Normal(means, log_stds.exp()), 1))

    def loss(self, features, action, generator=None):
        return -self.distribution(features).log_prob(action).mean()

    @torch.no_grad()
    def sample(self, features, generator=None):
        _, means, log_stds = self(features)
        k = torch.multinomial(self.distribution(features).mixture_distribution.probs, 1, generator=generator)
        k = k[:, :, None].expand(-1, -1, self.action_dim)
        return torch.normal(means.gather(1, k), log_stds.gather(1, k).exp(), generator=generator).squeeze(1)

    def mode(self, features):
        weights = self.distribution(features).mixture_distribution
        return self(features)[1][torch.arange(len(features)), weights.mode]
