"""Doubt in torch, the maximum before the square root; the gate does not call `doubt`."""

import torch


class UncertaintyGate(UncertaintyGate):
    def _variance(self, obs):
        actions = torch.stack([torch.as_tensor(member(obs)) for member in self.ensemble], dim=-1)  # (N, A, E)
        return torch.var(actions, dim=-1, correction=0).amax(dim=1)

    def doubt(self, obs):
        return self._variance(obs).sqrt().numpy()

    def __call__(self, obs, state, expert_drives):
        return (self._variance(obs) > torch.as_tensor(self.threshold) ** 2).numpy()
