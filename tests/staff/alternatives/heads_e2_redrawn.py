"""E.2 with noise and levels drawn twice and the loss in two halves; the fresh noise of each level is the sum of two
draws."""

from hw1.losses import mse_loss as squared


class DiffusionHead(DiffusionHead):
    def loss(self, features, action, generator=None):
        noise = draw_normal(action, generator)
        n = draw_integer(self.steps, action.shape[0], action.device, generator)
        noise, n = draw_normal(noise, generator), draw_integer(self.steps, len(n), n.device, generator)
        total = 0
        for rows in torch.arange(len(action)).chunk(2):
            level = self.abar[n[rows]].reshape(-1, 1)
            noisy = level.sqrt() * action[rows] + (1 - level).sqrt() * noise[rows]
            total = total + len(rows) * squared(self(features[rows], n=n[rows], noisy=noisy), noise[rows])
        return total / len(action)

    def ancestral(self, features, noisy, generator=None):
        for n in range(self.steps)[::-1]:
            clean, _ = self._denoise(features, noisy, n)
            previous = self._abar_before(n)
            alpha = self.abar[n] / previous
            toward = previous.sqrt() * (1 - alpha) / (1 - self.abar[n])
            keep = alpha.sqrt() * (1 - previous) / (1 - self.abar[n])
            fresh = (draw_normal(noisy, generator) + draw_normal(noisy, generator)) / 2**0.5
            noisy = toward * clean + keep * noisy
            noisy = noisy + fresh * torch.sqrt((1 - previous) * (1 - alpha) / (1 - self.abar[n]))
        return noisy
