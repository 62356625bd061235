"""Row by row; the component by inverting the distribution function; normalised logits."""


class GaussianHead(GaussianHead):
    def sample(self, features, generator=None):
        rows = []
        for row in features:
            mean, log_std = self(row[None])
            rows.append(mean[0] + log_std[0].exp() * torch.randn(mean.shape[1], generator=generator))
        return torch.stack(rows)


class MixtureHead(MixtureHead):
    def forward(self, features):
        logits, means, log_stds = super().forward(features)
        return logits.log_softmax(dim=1), means, log_stds

    def sample(self, features, generator=None):
        uniform = torch.rand(len(features), 1, generator=generator, dtype=torch.float64)
        log_weights, means, log_stds = self(features)
        below = log_weights.double().exp().cumsum(dim=1)
        k = (uniform > below[:, :-1]).sum(dim=1).tolist()
        noise = torch.randn(len(features), self.action_dim, generator=generator)
        return torch.stack([means[b, c] + log_stds[b, c].exp() * noise[b] for b, c in enumerate(k)])

    def mode(self, features):
        logits, means, _ = self(features)
        best = [max(range(self.components), key=row.__getitem__) for row in logits.tolist()]
        return torch.stack([means[b, k] for b, k in enumerate(best)])
