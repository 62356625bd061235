"""Part 2. Heads: how a network's features become a distribution over actions.

Every head answers the same three questions about p(action | features):

    loss(features, action, generator)   how badly does it explain the expert's actions? (scalar, mean over the batch)
    sample(features, generator)         draw an action
    mode(features)                      one deterministic action: each exercise says which

Shapes: B batch, F features, A numbers in an action, K mixture components or bins. A head does not know about time: a
chunk of actions is one long action to it; n (E.2) and t (E.3) count noise, not the steps of an episode. Actions are
scaled to about [-1, 1] before a head sees them (`hw1.policy`). `generator` makes draws repeatable; without one, each
call draws anew; a loss that draws nothing ignores it. No method changes its arguments. Tensors are float32.

More heads are given in `hw1.given_heads`, and functions that draw, discretise and schedule in `hw1.sampling`.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float, Int64
from torch import Generator, Tensor, nn

from hw1.given_heads import (
    Actions,
    CategoricalHead,
    DeterministicHead,
    Features,
    Head,
    IndependentCategoricalHead,
    Loss,
)
from hw1.losses import categorical_nll, gaussian_nll, mixture_nll, mse_loss
from hw1.sampling import (
    bin_centre,
    conditional_net,
    draw_flow_time,
    draw_integer,
    draw_normal,
    fourier_features,
    pick,
    sample_index,
    squared_cosine_abar,
    to_bin,
)

__all__ = [
    "AutoregressiveHead",
    "CategoricalHead",
    "DeterministicHead",
    "DiffusionHead",
    "FlowMatchingHead",
    "GaussianHead",
    "Head",
    "IndependentCategoricalHead",
    "MixtureHead",
    # for the exercises to use
    "bin_centre",
    "draw_normal",
    "pick",
    "sample_index",
    "to_bin",
]

# Standard deviations from e^-5 to e^2: below, one sample can dominate the loss; above, the action is noise anyway.
LOG_STD_RANGE = (-5.0, 2.0)


class GaussianHead(Head):
    """Exercise 2.1. A diagonal Gaussian: one mode, whatever the network's size."""

    exercise = "1.3 gaussian_nll and 2.1 GaussianHead"

    def __init__(self, in_dim: int, action_dim: int):
        super().__init__()
        self.linear = nn.Linear(in_dim, 2 * action_dim)

    def forward(self, features: Features) -> tuple[Float[Tensor, "B A"], Float[Tensor, "B A"]]:
        """mean and log_std, with log_std clamped to LOG_STD_RANGE."""
        # TODO 2.1: split the output of the linear layer into two halves, the mean first; clamp log_std.
        # BEGIN SOLUTION 2.1
        mean, log_std = self.linear(features).chunk(2, dim=-1)
        return mean, log_std.clamp(*LOG_STD_RANGE)
        # END SOLUTION

    def loss(self, features: Features, action: Actions, generator: Generator | None = None) -> Loss:
        # TODO 2.1: the loss of exercise 1.3, gaussian_nll; import it from hw1.losses.
        # BEGIN SOLUTION 2.1
        mean, log_std = self(features)
        return gaussian_nll(mean, log_std, action)
        # END SOLUTION

    def sample(self, features: Features, generator: Generator | None = None) -> Actions:
        # TODO 2.1: mean + std * noise, with the noise from draw_normal.
        # BEGIN SOLUTION 2.1
        mean, log_std = self(features)
        return mean + log_std.exp() * draw_normal(mean, generator)
        # END SOLUTION

    def mode(self, features: Features) -> Actions:
        # TODO 2.1: where does a Gaussian peak?
        # BEGIN SOLUTION 2.1
        return self(features)[0]
        # END SOLUTION


class MixtureHead(Head):
    """Exercise 2.2. A mixture of K diagonal Gaussians (mixture density network, Bishop 1994).

    The dimensions of an action are joint: they share the component (`pick` takes its parameters, row by row).
    """

    exercise = "1.4 mixture_nll and 2.2 MixtureHead"

    def __init__(self, in_dim: int, action_dim: int, components: int = 5):
        super().__init__()
        self.components, self.action_dim = components, action_dim
        self.linear = nn.Linear(in_dim, components * (1 + 2 * action_dim))

    def forward(
        self, features: Features
    ) -> tuple[Float[Tensor, "B K"], Float[Tensor, "B K A"], Float[Tensor, "B K A"]]:
        """logits, means and log_stds, with log_stds clamped to LOG_STD_RANGE."""
        # TODO 2.2: the linear layer gives K logits, then K x A means, then K x A log_stds: split and reshape.
        # BEGIN SOLUTION 2.2
        sizes = [self.components, self.components * self.action_dim, self.components * self.action_dim]
        logits, means, log_stds = self.linear(features).split(sizes, dim=-1)
        shape = (-1, self.components, self.action_dim)
        return logits, means.reshape(shape), log_stds.reshape(shape).clamp(*LOG_STD_RANGE)
        # END SOLUTION

    def loss(self, features: Features, action: Actions, generator: Generator | None = None) -> Loss:
        # TODO 2.2: the loss of exercise 1.4, mixture_nll; import it from hw1.losses.
        # BEGIN SOLUTION 2.2
        return mixture_nll(*self(features), action)
        # END SOLUTION

    def sample(self, features: Features, generator: Generator | None = None) -> Actions:
        # TODO 2.2: draw a component (sample_index), then an action from that component's Gaussian (draw_normal).
        # BEGIN SOLUTION 2.2
        logits, means, log_stds = self(features)
        k = sample_index(logits, generator)
        mean, log_std = pick(means, k), pick(log_stds, k)  # (B, A)
        return mean + log_std.exp() * draw_normal(mean, generator)
        # END SOLUTION

    def mode(self, features: Features) -> Actions:
        # TODO 2.2: the mean of the component with the largest weight, whatever the widths.
        # BEGIN SOLUTION 2.2
        logits, means, _ = self(features)
        return pick(means, logits.argmax(dim=-1))
        # END SOLUTION


# --- extra credit ----------------------------------------------------------------------------------------------------
class AutoregressiveHead(Head):
    """Exercise E.1 (extra credit). Discretise, then p(a_1 | s) p(a_2 | a_1, s) p(a_3 | a_1:2, s) ...

    As OpenVLA does with the tokens of a language model, here with a small network that all dimensions share. Its input
    for dimension i is the features s, the action's dimensions before i (zeros from i on), and a one-hot code of i.
    """

    exercise = "1.2 categorical_nll and E.1 AutoregressiveHead"

    def __init__(self, in_dim: int, action_dim: int, bins: int = 255):
        super().__init__()
        self.action_dim, self.bins = action_dim, bins
        # The first layer in two parts, because the features are the same for all dimensions of an action.
        self.from_features = nn.Linear(in_dim, in_dim)
        self.from_prefix = nn.Linear(2 * action_dim, in_dim)
        self.to_logits = nn.Linear(in_dim, bins)
        self.register_buffer("one_hot", torch.eye(action_dim), persistent=False)
        # before[i, j] is 1 where dimension j comes before dimension i
        self.register_buffer("before", torch.ones(action_dim, action_dim).tril(-1), persistent=False)

    def forward(self, features: Features, action: Actions) -> Float[Tensor, "B A K"]:
        """Logits of every dimension's K = `bins` bins, given the true dimensions before it, all in one pass.

        logits[:, i] must not depend on action[:, i:].
        """
        # TODO E.1: build the prefix [B, A, 2A] (action masked by `before` | one_hot); hidden layer = relu of the sum of
        # from_features and from_prefix, [B, A, F]; then to_logits.
        # BEGIN SOLUTION E.1
        masked = action[:, None, :] * self.before  # (B, A, A)
        prefix = torch.cat([masked, self.one_hot.expand_as(masked)], dim=-1)  # (B, A, 2A)
        hidden = torch.relu(self.from_features(features)[:, None, :] + self.from_prefix(prefix))
        return self.to_logits(hidden)
        # END SOLUTION

    def loss(self, features: Features, action: Actions, generator: Generator | None = None) -> Loss:
        # TODO E.1: teacher forcing. Round the action to bin centres first: these are the inputs in sampling, too.
        # to_bin and bin_centre do it. The loss is -log p of the whole action: exercise 1.2, sum over A, mean over B.
        # BEGIN SOLUTION E.1
        index = to_bin(action, self.bins)  # (B, A)
        logits = self(features, bin_centre(index, self.bins))
        return self.action_dim * categorical_nll(logits.flatten(0, 1), index.flatten())
        # END SOLUTION

    def sample(self, features: Features, generator: Generator | None = None) -> Actions:
        return self._unroll(features, lambda logits: sample_index(logits, generator))

    def mode(self, features: Features) -> Actions:
        return self._unroll(features, lambda logits: logits.argmax(dim=-1))

    def _unroll(self, features: Features, choose: Callable[[Tensor], Tensor]) -> Actions:
        """Fills in one dimension after the other; `choose` maps logits `[B, K]` to bins `[B]`."""
        # TODO E.1: start from zeros; for each i compute the logits of dimension i, choose a bin, write its centre.
        # BEGIN SOLUTION E.1
        action = features.new_zeros(features.shape[0], self.action_dim)
        for i in range(self.action_dim):
            chosen = bin_centre(choose(self(features, action)[:, i]), self.bins)
            action = torch.cat([action[:, :i], chosen[:, None], action[:, i + 1 :]], dim=-1)
        return action
        # END SOLUTION


class DiffusionHead(Head):
    """Exercise E.2 (extra credit). Diffusion: learn to predict the noise, then denoise from pure noise.

    The recipe of Diffusion Policy (Chi et al. 2023): 100 noise levels in training, squared-cosine schedule (Nichol &
    Dhariwal 2021), noise prediction (DDPM, Ho et al. 2020), few deterministic sampling steps (DDIM, Song et al. 2021).

        noisy_n = sqrt(abar_n) action + sqrt(1 - abar_n) noise,    noise level n = 0 .. steps - 1, uniform for each row
    """

    exercise = "E.2 DiffusionHead"

    def __init__(
        self, in_dim: int, action_dim: int, steps: int = 100, sampling_steps: int | None = 8, clip: float = 1.0
    ):
        """`steps`: noise levels in training. `sampling_steps`: denoising steps of `sample` (DDIM); None: all levels
        (DDPM). `clip`: actions lie in [-clip, clip], so their predictions are clipped to that range."""
        super().__init__()
        self.action_dim, self.steps, self.sampling_steps, self.clip = action_dim, steps, sampling_steps, clip
        self.net = conditional_net(in_dim, action_dim)
        self.register_buffer("abar", squared_cosine_abar(steps), persistent=False)  # (noise levels,)

    def forward(self, features: Features, noisy: Actions, n: Int64[Tensor, " B"]) -> Actions:
        """The predicted noise in `noisy`, which is at the noise levels `n`."""
        time = fourier_features(n.to(features.dtype) / self.steps)
        # A very noisy action is itself the best guess of the noise. So the network only predicts a correction, scaled
        # down with the noise level: the division by sqrt(abar) in _denoise then cannot blow up its error.
        return noisy + self.abar[n].sqrt()[:, None] * self.net(torch.cat([features, noisy, time], dim=-1))

    def loss(self, features: Features, action: Actions, generator: Generator | None = None) -> Loss:
        n = draw_integer(self.steps, action.shape[0], action.device, generator)
        noise = draw_normal(action, generator)
        # TODO E.2: make the noisy action, predict the noise, return the squared error (exercise 1.1).
        # BEGIN SOLUTION E.2
        abar = self.abar[n][:, None]  # (B, 1)
        noisy = abar.sqrt() * action + (1 - abar).sqrt() * noise
        return mse_loss(self(features, noisy, n), noise)
        # END SOLUTION

    def sample(self, features: Features, generator: Generator | None = None) -> Actions:
        noise = draw_normal(features.new_empty(features.shape[0], self.action_dim), generator)
        if self.sampling_steps is None:
            return self.ancestral(features, noise, generator)
        return self.deterministic(features, noise)

    def mode(self, features: Features) -> Actions:
        """The action that denoising makes of zeros."""
        return self.deterministic(features, features.new_zeros(features.shape[0], self.action_dim))

    def ancestral(self, features: Features, noisy: Actions, generator: Generator | None = None) -> Actions:
        """DDPM: from pure noise back to an action through all noise levels, with fresh noise at each. The posterior
        has, with alpha = abar_n / abar_{n-1}, the variance (1 - alpha) (1 - abar_{n-1}) / (1 - abar_n) and the mean
        (sqrt(abar_{n-1}) (1 - alpha) clean + sqrt(alpha) (1 - abar_{n-1}) noisy_n) / (1 - abar_n)."""
        for n in reversed(range(self.steps)):
            # TODO E.2: the posterior q(noisy_{n-1} | noisy_n, clean), with the predicted clean action (_denoise)
            # and abar of the level before (_abar_before).
            # BEGIN SOLUTION E.2
            clean, _ = self._denoise(features, noisy, n)
            abar, previous = self.abar[n], self._abar_before(n)
            alpha = abar / previous
            mean = (previous.sqrt() * (1 - alpha) * clean + alpha.sqrt() * (1 - previous) * noisy) / (1 - abar)
            std = ((1 - previous) / (1 - abar) * (1 - alpha)).sqrt()  # 0 at n = 0
            noisy = mean + std * draw_normal(noisy, generator)
            # END SOLUTION
        return noisy

    def deterministic(self, features: Features, noisy: Actions) -> Actions:
        """DDIM: the same path in `sampling_steps` jumps (or through all levels) and without fresh noise."""
        jumps = min(self.sampling_steps or self.steps, self.steps)
        visited = [(i + 1) * self.steps // jumps - 1 for i in range(jumps)]  # ends at the last level, pure noise
        for n, following in zip(reversed(visited), [*reversed(visited[:-1]), -1], strict=True):
            # TODO E.2: predict clean action and noise, mix them again at the level `following` (-1: no noise, abar 1).
            # BEGIN SOLUTION E.2
            clean, noise = self._denoise(features, noisy, n)
            abar = self._abar_before(following + 1)
            noisy = abar.sqrt() * clean + (1 - abar).sqrt() * noise
            # END SOLUTION
        return noisy

    def _denoise(self, features: Features, noisy: Actions, n: int) -> tuple[Actions, Actions]:
        """The predicted clean action, clipped to the range of actions, and the noise that goes with it."""
        abar = self.abar[n]
        noise = self(features, noisy, torch.full(noisy.shape[:1], n, device=noisy.device))
        clean = ((noisy - (1 - abar).sqrt() * noise) / abar.sqrt()).clamp(-self.clip, self.clip)
        return clean, (noisy - abar.sqrt() * clean) / (1 - abar).sqrt()

    def _abar_before(self, n: int) -> Float[Tensor, ""]:
        """abar of level n - 1, which is 1 (no noise left) before level 0."""
        return self.abar[n - 1] if n > 0 else torch.ones_like(self.abar[0])


class FlowMatchingHead(Head):
    """Exercise E.3 (extra credit). Flow matching: the velocity of the straight path from noise to action.

    The recipe of pi0 (Black et al. 2024), time as in its code: t = 1 is noise, t = 0 the action (in the paper, 1 - t).

        x_t = t noise + (1 - t) action,     dx/dt = noise - action,     t ~ 0.999 Beta(1.5, 1) + 0.001 for each row
    """

    exercise = "E.3 FlowMatchingHead"

    def __init__(self, in_dim: int, action_dim: int, steps: int = 10):
        """`steps`: Euler steps used to sample."""
        super().__init__()
        self.action_dim, self.steps = action_dim, steps
        self.net = conditional_net(in_dim, action_dim)

    def forward(self, features: Features, x: Actions, t: Float[Tensor, " B"]) -> Actions:
        """The predicted velocity at the points `x` and times `t`."""
        return self.net(torch.cat([features, x, fourier_features(t)], dim=-1))

    def loss(self, features: Features, action: Actions, generator: Generator | None = None) -> Loss:
        noise = draw_normal(action, generator)
        t = draw_flow_time(action.shape[0], action.device, generator)  # (B,)
        # TODO E.3: the point on the straight path, its velocity, the squared error (exercise 1.1).
        # BEGIN SOLUTION E.3
        x = t[:, None] * noise + (1 - t[:, None]) * action
        return mse_loss(self(features, x, t), noise - action)
        # END SOLUTION

    def sample(self, features: Features, generator: Generator | None = None) -> Actions:
        return self._integrate(features, draw_normal(features.new_empty(features.shape[0], self.action_dim), generator))

    def mode(self, features: Features) -> Actions:
        """The action that the flow makes of zeros."""
        return self._integrate(features, features.new_zeros(features.shape[0], self.action_dim))

    def _integrate(self, features: Features, x: Actions) -> Actions:
        """Euler's method from t = 1 down to t = 0 in `self.steps` equal steps."""
        # TODO E.3: at t = 1, 1 - 1/steps, ..., 1/steps, for all B rows: x <- x - velocity / steps.
        # BEGIN SOLUTION E.3
        for i in range(self.steps):
            t = x.new_full(x.shape[:1], 1 - i / self.steps)
            x = x - self(features, x, t) / self.steps
        return x
        # END SOLUTION
