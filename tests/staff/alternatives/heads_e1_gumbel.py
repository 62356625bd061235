"""E.1 with its own draws: the largest of the logits plus Gumbel noise. The mode is unrolled by a loop of its own."""


class AutoregressiveHead(AutoregressiveHead):
    def sample(self, features, generator=None):
        def choose(logits):
            uniform = torch.rand(logits.shape, generator=generator, dtype=torch.float64)
            return (logits - torch.log(-torch.log(uniform))).argmax(dim=-1)

        return self._unroll(features, choose)

    def mode(self, features):
        action = torch.zeros(features.shape[0], self.action_dim)
        for i in range(self.action_dim):
            _, best = self(features, action)[:, i].max(dim=1)
            action = action.index_copy(1, torch.tensor([i]), bin_centre(best, self.bins)[:, None])
        return action
