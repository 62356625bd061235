"""E.2 in float64, by precisions: the posterior as the product of two Gaussians; jumps as a rotation by angles."""


class DiffusionHead(DiffusionHead):
    def loss(self, features, action, generator=None):
        n = draw_integer(self.steps, action.shape[0], action.device, generator)
        noise = draw_normal(action, generator).double()
        angle = torch.acos(self.abar[n].double().sqrt())
        noisy = torch.einsum("b,ba->ba", angle.cos(), action.double()) + torch.einsum("b,ba->ba", angle.sin(), noise)
        return mse_loss(noise.float(), self(features, noisy.float(), n))

    def ancestral(self, features, noisy, generator=None):
        fresh = torch.randn(self.steps, *noisy.shape, generator=generator, dtype=torch.float64)
        for n in reversed(range(self.steps)):
            clean = self._denoise(features, noisy, n)[0].double()
            if n == 0:
                return clean.float()
            here, before = self.abar[n].double(), self.abar[n - 1].double()
            alpha = here / before
            precisions = 1 / (1 - before), alpha / (1 - alpha)  # of noisy_{n-1}: given clean, given noisy_n
            total = sum(precisions)
            mean = (precisions[0] * before.sqrt() * clean + precisions[1] * noisy.double() / alpha.sqrt()) / total
            noisy = (mean + total**-0.5 * fresh[n]).float()

    def deterministic(self, features, noisy):
        jumps = min(self.sampling_steps or self.steps, self.steps)
        visited = [(i + 1) * self.steps // jumps - 1 for i in range(jumps)]
        for n, following in zip(reversed(visited), [*reversed(visited[:-1]), -1], strict=True):
            clean, noise = (x.double() for x in self._denoise(features, noisy, n))
            angle = torch.acos(self._abar_before(following + 1).double().sqrt())
            noisy = (angle.cos() * clean + angle.sin() * noise).float()
        return noisy
