"""Draws from every component, noise first, then chooses one by the Gumbel-max trick, with one-hot sums."""


class GaussianHead(GaussianHead):
    def sample(self, features, generator=None):
        noise = torch.randn(self.linear.out_features // 2, len(features), generator=generator).T
        mean, log_std = self(features)
        return torch.addcmul(mean, noise, torch.exp(log_std))

    def mode(self, features):
        mean, _ = self(features)
        return mean.detach().clone()


class MixtureHead(MixtureHead):
    def sample(self, features, generator=None):
        logits, means, log_stds = self(features)
        actions = means + torch.randn(means.shape, generator=generator) * log_stds.exp()
        gumbel = -torch.log(-torch.log(torch.rand(logits.shape, generator=generator).clamp(1e-7, 1 - 1e-7)))
        return self.chosen(actions, (logits + gumbel).argmax(1))

    def mode(self, features):
        logits, means, _ = self(features)
        return self.chosen(means, logits.softmax(1).max(1).indices)

    def chosen(self, actions: Tensor, k: Tensor) -> Tensor:
        one_hot = torch.nn.functional.one_hot(k, self.components).to(actions.dtype)
        return torch.einsum("bk,bka->ba", one_hot, actions)
