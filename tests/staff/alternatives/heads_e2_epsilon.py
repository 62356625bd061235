"""E.2 by the formulas of the DDPM paper: the mean from the noise, no draw at the last step; the squared error written
out; torch's draws in another order."""


class DiffusionHead(DiffusionHead):
    def loss(self, features, action, generator=None):
        noise = torch.randn(action.shape[1], action.shape[0], generator=generator).T
        n = torch.randint(0, self.steps, [len(action)], generator=generator)
        signal = torch.sqrt(self.abar[n]).unsqueeze(1)
        error = noise - self(features, signal * action + torch.sqrt(1 - signal**2) * noise, n)
        return (error**2).sum() / len(error)

    def ancestral(self, features, noisy, generator=None):
        before = torch.cat([torch.ones(1), self.abar[:-1]])
        alphas = self.abar / before
        for n in range(self.steps - 1, -1, -1):
            _, noise = self._denoise(features, noisy, n)
            beta = 1 - alphas[n]
            noisy = (noisy - beta / torch.sqrt(1 - self.abar[n]) * noise) / torch.sqrt(alphas[n])
            if n > 0:
                variance = beta * (1 - before[n]) / (1 - self.abar[n])
                noisy = torch.normal(noisy, torch.sqrt(variance).expand_as(noisy), generator=generator)
        return noisy

    def deterministic(self, features, noisy):
        jumps = min(self.sampling_steps or self.steps, self.steps)
        visited = [-1, *((i + 1) * self.steps // jumps - 1 for i in range(jumps))]
        while len(visited) > 1:
            clean, noise = self._denoise(features, noisy, visited.pop())
            share = self.abar[visited[-1]] if len(visited) > 1 else torch.tensor(1.0)
            noisy = share**0.5 * clean + (1 - share) ** 0.5 * noise
        return noisy
