"""E.3 with a loss of dot products, row by row; times by repeated subtraction; steps written into a copy."""


class FlowMatchingHead(FlowMatchingHead):
    def loss(self, features, action, generator=None):
        noise = draw_normal(action, generator)
        t = draw_flow_time(action.shape[0], action.device, generator)
        x = torch.stack([at * start + (1 - at) * end for at, start, end in zip(t, noise, action, strict=True)])
        error = self(features, x, t) + action - noise
        return torch.einsum("ba,ba->b", error, error).mean()

    def _integrate(self, features, x):
        x, dt = x.clone(), 1 / self.steps
        t = torch.ones(len(x))
        for _ in range(self.steps):
            x -= dt * self(features, x, t)
            t = t - dt
        return x
