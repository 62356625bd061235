"""E.1 dimension by dimension: prefixes written into zeros, torch's own cross entropy, actions stacked at the end."""

from torch.nn import functional


class AutoregressiveHead(AutoregressiveHead):
    def forward(self, features, action):
        rows = []
        for i in range(self.action_dim):
            prefix = torch.zeros(len(action), 2 * self.action_dim, dtype=action.dtype)
            prefix[:, :i] = action[:, :i]
            prefix[:, self.action_dim + i] = 1
            hidden = self.from_features(features) + self.from_prefix(prefix)
            rows.append(self.to_logits(hidden.clamp(min=0)))
        return torch.stack(rows, dim=1)

    def loss(self, features, action, generator=None):
        index = to_bin(action, self.bins)
        logits = self(features, bin_centre(index, self.bins))
        total = 0.0
        for i in range(self.action_dim):
            total = total + functional.cross_entropy(logits[:, i], index[:, i])
        return total

    def _unroll(self, features, choose):
        chosen = []
        for i in range(self.action_dim):
            zeros = [features.new_zeros(len(features))] * (self.action_dim - i)
            logits = self(features, torch.stack([*chosen, *zeros], dim=1))
            chosen.append(bin_centre(choose(logits[:, i]), self.bins))
        return torch.stack(chosen, dim=1)
