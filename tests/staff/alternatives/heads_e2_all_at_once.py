"""E.2 with all noise drawn before the first step, in another order, and the loss of each row by a matrix product."""


class DiffusionHead(DiffusionHead):
    def loss(self, features, action, generator=None):
        noise = draw_normal(action, generator)
        n = (torch.rand(len(action), generator=generator) * self.steps).long().clamp(max=self.steps - 1)
        weights = torch.stack([self.abar[n], 1 - self.abar[n]], dim=1).sqrt()  # (B, 2)
        noisy = torch.bmm(weights[:, None], torch.stack([action, noise], dim=1))[:, 0]
        error = self(features, noisy, n) - noise
        return torch.bmm(error[:, None], error[:, :, None]).mean()

    def ancestral(self, features, noisy, generator=None):
        fresh = torch.randn(*noisy.shape, self.steps, generator=generator)
        levels = torch.cat([torch.ones(1), self.abar])  # no noise first
        for n in range(self.steps - 1, -1, -1):
            before, here = levels[n], levels[n + 1]
            beta = 1 - here / before
            share = beta / (1 - here)
            clean = self._denoise(features, noisy, n)[0]
            mean = before.sqrt() * share * clean + (here / before).sqrt() * (1 - before) / (1 - here) * noisy
            noisy = torch.addcmul(mean, fresh[..., n], (share * (1 - before)).sqrt())
        return noisy
