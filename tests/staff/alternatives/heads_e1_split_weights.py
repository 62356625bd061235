"""E.1 in float64 by einsum, the prefix's weights in two halves; later dimensions hold arbitrary numbers during the
unrolling; loss and unrolling call a separate method for the forward pass."""

from torch.distributions import Categorical


class AutoregressiveHead(AutoregressiveHead):
    def forward(self, features, action):
        return self.all_logits(features, action).float()

    def all_logits(self, features, action):
        of_action, of_index = self.from_prefix.weight.double().split(self.action_dim, dim=1)  # (F, A) each
        seen = torch.einsum("fj,ij,bj->bif", of_action, self.before.double(), action.double())
        hidden = seen + of_index.T + self.from_prefix.bias + self.from_features(features).unsqueeze(1)
        return nn.functional.linear(hidden.relu(), self.to_logits.weight.double(), self.to_logits.bias.double())

    def loss(self, features, action, generator=None):
        index = to_bin(action, self.bins)
        p = Categorical(logits=self.all_logits(features, bin_centre(index, self.bins)))
        return -p.log_prob(index).sum(dim=1).mean().float()

    def _unroll(self, features, choose):
        action = torch.full((features.shape[0], self.action_dim), 7.0)
        for i in range(self.action_dim):
            action[:, i] = bin_centre(choose(self.all_logits(features, action.clone())[:, i].float()), self.bins)
        return action
