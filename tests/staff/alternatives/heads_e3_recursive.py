"""E.3 by recursion over the Euler steps; the times are drawn in double precision, after the noise."""


class FlowMatchingHead(FlowMatchingHead):
    def loss(self, features, action, generator=None):
        noise = torch.randn(action.shape, generator=generator)
        uniform = torch.rand(action.shape[0], 1, generator=generator, dtype=torch.float64)
        t = (0.999 * uniform ** (2 / 3) + 0.001).float()
        velocity = noise - action
        error = self(features, noise - (1 - t) * velocity, t[:, 0]) - velocity
        return sum(error[:, i].square().mean() for i in range(error.shape[1]))

    def _integrate(self, features, x, left=None):
        left = self.steps if left is None else left
        if left == 0:
            return x
        velocity = self(features, x, torch.full((len(x),), left / self.steps))
        return self._integrate(features, x - velocity / self.steps, left - 1)
