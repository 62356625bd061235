"""E.3 in float64, stepping with a while loop; the path starts at the action and follows the velocity; the
arguments of the loss are exchanged."""


class FlowMatchingHead(FlowMatchingHead):
    def loss(self, features, action, generator=None):
        t = draw_flow_time(action.shape[0], action.device, generator)
        velocity = torch.randn(*action.shape, generator=generator, dtype=torch.float64) - action
        x = action + velocity * t[:, None]
        return mse_loss(velocity.float(), self.forward(features, t=t, x=x.float()))

    def _integrate(self, features, x):
        x, left = x.double(), self.steps
        while left > 0:
            t = torch.full((len(x),), left / self.steps, dtype=torch.float64)
            x = x - self(features, x.float(), t.float()).double() / self.steps
            left -= 1
        return x.float()
