"""Part 2. Heads: how a network's features become a distribution over actions.

Every head answers the same three questions about p(action | features):

    loss(features, action, generator)   how badly does it explain the expert's actions? (scalar, mean over the batch)
    sample(features, generator)         draw an action
    mode(features)                      one deterministic action: where the distribution peaks

Shapes: B batch, F features, A action dimensions, K mixture components or bins. With action chunks A is (steps of the
chunk) x (dimensions of an action): a head does not know about time. Actions are scaled to about [-1, 1] before a
head sees them (`hw1.policy`). `generator` makes draws repeatable; heads whose loss draws nothing ignore it.
"""

import math

import torch
from torch import Generator, Tensor, nn

from hw1.losses import categorical_nll, gaussian_nll, mixture_nll, mse_loss

# Standard deviations from e^-5 to e^2: below, one sample can dominate the loss; above, the action is noise anyway.
LOG_STD_RANGE = (-5.0, 2.0)


class Head(nn.Module):
    """What all heads have in common. `draws_in_loss` says whether `loss` needs random numbers."""

    exercise = "given"  # what to look at when this head's loss goes wrong
    draws_in_loss = False

    def loss(self, features: Tensor, action: Tensor, generator: Generator | None = None) -> Tensor:
        raise NotImplementedError

    def sample(self, features: Tensor, generator: Generator | None = None) -> Tensor:
        raise NotImplementedError

    def mode(self, features: Tensor) -> Tensor:
        raise NotImplementedError


class DeterministicHead(Head):
    """Version 0: one action, trained by l2 regression. With multimodal experts this is the mean of the modes."""

    exercise = "1.1 mse_loss"

    def __init__(self, in_dim: int, action_dim: int):
        super().__init__()
        self.linear = nn.Linear(in_dim, action_dim)

    def forward(self, features: Tensor) -> Tensor:
        return self.linear(features)

    def loss(self, features, action, generator=None):
        return mse_loss(self(features), action)

    def sample(self, features, generator=None):
        return self(features)

    def mode(self, features):
        return self(features)


class CategoricalHead(Head):
    """One discrete action. Maximally expressive: any distribution over K actions is a softmax."""

    exercise = "1.2 categorical_nll"

    def __init__(self, in_dim: int, num_actions: int):
        super().__init__()
        self.linear = nn.Linear(in_dim, num_actions)

    def forward(self, features: Tensor) -> Tensor:
        """Logits `[B, K]`."""
        return self.linear(features)

    def loss(self, features, action, generator=None):
        """`action`: `[B]` int64."""
        return categorical_nll(self(features), action)

    def sample(self, features, generator=None):
        return sample_index(self(features), generator)

    def mode(self, features):
        return self(features).argmax(dim=-1)


class GaussianHead(Head):
    """Exercise 2.1. A diagonal Gaussian: one mode, whatever the network's size."""

    exercise = "1.3 gaussian_nll and 2.1 GaussianHead"

    def __init__(self, in_dim: int, action_dim: int):
        super().__init__()
        self.linear = nn.Linear(in_dim, 2 * action_dim)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """`[B, F] -> mean [B, A], log_std [B, A]`, log_std clamped to LOG_STD_RANGE."""
        # TODO 2.1: split the output of the linear layer into two halves, the mean first; clamp log_std.
        # BEGIN SOLUTION 2.1
        mean, log_std = self.linear(features).chunk(2, dim=-1)
        return mean, log_std.clamp(*LOG_STD_RANGE)
        # END SOLUTION

    def loss(self, features, action, generator=None):
        # TODO 2.1: the loss of exercise 1.3, gaussian_nll; import it from hw1.losses.
        # BEGIN SOLUTION 2.1
        mean, log_std = self(features)
        return gaussian_nll(mean, log_std, action)
        # END SOLUTION

    def sample(self, features, generator=None):
        # TODO 2.1: mean + std * noise, with the noise from draw_normal.
        # BEGIN SOLUTION 2.1
        mean, log_std = self(features)
        return mean + log_std.exp() * draw_normal(mean, generator)
        # END SOLUTION

    def mode(self, features):
        # TODO 2.1: where does a Gaussian peak?
        # BEGIN SOLUTION 2.1
        return self(features)[0]
        # END SOLUTION


class MixtureHead(Head):
    """Exercise 2.2. A mixture of K diagonal Gaussians (mixture density network, Bishop 1994).

    The dimensions of an action are joint: they share the component.
    """

    exercise = "1.4 mixture_nll and 2.2 MixtureHead"

    def __init__(self, in_dim: int, action_dim: int, components: int = 5):
        super().__init__()
        self.components, self.action_dim = components, action_dim
        self.linear = nn.Linear(in_dim, components * (1 + 2 * action_dim))

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """`[B, F] -> logits [B, K], means [B, K, A], log_stds [B, K, A]`, log_stds clamped to LOG_STD_RANGE."""
        # TODO 2.2: the linear layer gives K logits, then K x A means, then K x A log_stds: split and reshape.
        # BEGIN SOLUTION 2.2
        sizes = [self.components, self.components * self.action_dim, self.components * self.action_dim]
        logits, means, log_stds = self.linear(features).split(sizes, dim=-1)
        shape = (-1, self.components, self.action_dim)
        return logits, means.reshape(shape), log_stds.reshape(shape).clamp(*LOG_STD_RANGE)
        # END SOLUTION

    def loss(self, features, action, generator=None):
        # TODO 2.2: the loss of exercise 1.4, mixture_nll; import it from hw1.losses.
        # BEGIN SOLUTION 2.2
        return mixture_nll(*self(features), action)
        # END SOLUTION

    def sample(self, features, generator=None):
        # TODO 2.2: draw a component (sample_index), then an action from that component's Gaussian (draw_normal).
        # BEGIN SOLUTION 2.2
        logits, means, log_stds = self(features)
        k = sample_index(logits, generator)
        mean, log_std = pick(means, k), pick(log_stds, k)  # (B, A)
        return mean + log_std.exp() * draw_normal(mean, generator)
        # END SOLUTION

    def mode(self, features):
        # TODO 2.2: the mean of the component with the largest weight (a good approximation of the true mode).
        # BEGIN SOLUTION 2.2
        logits, means, _ = self(features)
        return pick(means, logits.argmax(dim=-1))
        # END SOLUTION


class IndependentCategoricalHead(Head):
    """Discretise every dimension and give each its own softmax: any marginals, but no dependence between them.

    The ablation of exercise E.1: what goes wrong when "left" and "fast" are drawn independently?
    """

    exercise = "1.2 categorical_nll"

    def __init__(self, in_dim: int, action_dim: int, bins: int = 255):
        super().__init__()
        self.action_dim, self.bins = action_dim, bins
        self.linear = nn.Linear(in_dim, action_dim * bins)

    def forward(self, features: Tensor) -> Tensor:
        """Logits `[B, A, bins]`."""
        return self.linear(features).unflatten(-1, (self.action_dim, self.bins))

    def loss(self, features, action, generator=None):
        # The nll of a product of distributions is the sum of their nlls: A times the mean over B x A.
        logits = self(features).flatten(0, 1)
        return self.action_dim * categorical_nll(logits, to_bin(action, self.bins).flatten())

    def sample(self, features, generator=None):
        logits = self(features)
        index = sample_index(logits.flatten(0, 1), generator).unflatten(0, logits.shape[:2])
        return bin_centre(index, self.bins)

    def mode(self, features):
        return bin_centre(self(features).argmax(dim=-1), self.bins)


class AutoregressiveHead(Head):
    """Exercise E.1 (extra credit). Discretise, then p(a_1 | s) p(a_2 | a_1, s) p(a_3 | a_1:2, s) ...

    As OpenVLA does with the tokens of a language model, here with a small network that all dimensions share. Its input
    for dimension i is the features, the actions before i (zeros from i on) and which i it is.
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

    def forward(self, features: Tensor, action: Tensor) -> Tensor:
        """Logits `[B, A, bins]` of every dimension given the true ones before it, all in one pass.

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

    def loss(self, features, action, generator=None):
        # TODO E.1: teacher forcing. Round the action to bin centres first, so that training sees what sampling feeds.
        # BEGIN SOLUTION E.1
        index = to_bin(action, self.bins)  # (B, A)
        logits = self(features, bin_centre(index, self.bins))
        return self.action_dim * categorical_nll(logits.flatten(0, 1), index.flatten())
        # END SOLUTION

    def sample(self, features, generator=None):
        return self._unroll(features, lambda logits: sample_index(logits, generator))

    def mode(self, features):
        return self._unroll(features, lambda logits: logits.argmax(dim=-1))

    def _unroll(self, features: Tensor, choose) -> Tensor:
        """Fill in one dimension after the other; `choose` maps logits `[B, bins]` to bins `[B]`."""
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

    The recipe of Diffusion Policy (Chi et al. 2023): 100 training steps, squared-cosine schedule (Nichol & Dhariwal
    2021), noise prediction (DDPM, Ho et al. 2020), a few deterministic steps to sample (DDIM, Song et al. 2021).

        noisy_n = sqrt(abar_n) action + sqrt(1 - abar_n) noise,      n = 0 .. steps - 1
    """

    exercise = "E.2 DiffusionHead"
    draws_in_loss = True

    def __init__(
        self, in_dim: int, action_dim: int, steps: int = 100, sampling_steps: int | None = 8, clip: float = 1.0
    ):
        """`sampling_steps`: DDIM steps used by `sample`; None samples ancestrally, with all `steps`.
        `clip`: no action lies outside [-clip, clip], so no prediction of one has to.
        """
        super().__init__()
        self.action_dim, self.steps, self.sampling_steps, self.clip = action_dim, steps, sampling_steps, clip
        self.net = _conditional_net(in_dim, action_dim)
        self.register_buffer("abar", squared_cosine_abar(steps), persistent=False)  # (steps,)

    def forward(self, features: Tensor, noisy: Tensor, n: Tensor) -> Tensor:
        """The predicted noise `[B, A]` in `noisy [B, A]` at diffusion steps `n [B]`."""
        time = fourier_features(n.to(features.dtype) / self.steps)
        # A very noisy action is itself the best guess of the noise, so the network only corrects it, the less the
        # noisier: the error that dividing by sqrt(abar) makes of it in _denoise then stays bounded.
        correction = self.net(torch.cat([features, noisy, time], dim=-1))
        return noisy + self.abar[n].sqrt()[:, None] * correction

    def loss(self, features, action, generator=None):
        n = draw_integer(self.steps, action.shape[0], action.device, generator)
        noise = draw_normal(action, generator)
        # TODO E.2: make the noisy action, predict the noise, return the squared error (exercise 1.1).
        # BEGIN SOLUTION E.2
        abar = self.abar[n][:, None]  # (B, 1)
        noisy = abar.sqrt() * action + (1 - abar).sqrt() * noise
        return mse_loss(self(features, noisy, n), noise)
        # END SOLUTION

    def sample(self, features, generator=None):
        noise = draw_normal(features.new_empty(features.shape[0], self.action_dim), generator)
        if self.sampling_steps is None:
            return self.ancestral(features, noise, generator)
        return self.deterministic(features, noise)

    def mode(self, features):
        """The action that pure zeros are denoised to."""
        return self.deterministic(features, features.new_zeros(features.shape[0], self.action_dim))

    def ancestral(self, features: Tensor, noisy: Tensor, generator: Generator | None = None) -> Tensor:
        """DDPM: from `noisy` at the last step back to an action, with fresh noise at each of all the steps."""
        for n in reversed(range(self.steps)):
            # TODO E.2: the posterior q(noisy_{n-1} | noisy_n, clean), with the predicted clean action (_denoise)
            # and abar of the step before (_abar_before).
            # BEGIN SOLUTION E.2
            clean, _ = self._denoise(features, noisy, n)
            abar, previous = self.abar[n], self._abar_before(n)
            alpha = abar / previous
            mean = (previous.sqrt() * (1 - alpha) * clean + alpha.sqrt() * (1 - previous) * noisy) / (1 - abar)
            std = ((1 - previous) / (1 - abar) * (1 - alpha)).sqrt()  # 0 at n = 0
            noisy = mean + std * draw_normal(noisy, generator)
            # END SOLUTION
        return noisy

    def deterministic(self, features: Tensor, noisy: Tensor) -> Tensor:
        """DDIM: the same path in `sampling_steps` jumps and without fresh noise."""
        jumps = min(self.sampling_steps or self.steps, self.steps)
        visited = [(i + 1) * self.steps // jumps - 1 for i in range(jumps)]  # ends at the last step, pure noise
        for n, following in zip(reversed(visited), [*reversed(visited[:-1]), -1], strict=True):
            # TODO E.2: predict clean action and noise, then mix them again at the noise level of step `following`.
            # BEGIN SOLUTION E.2
            clean, noise = self._denoise(features, noisy, n)
            abar = self._abar_before(following + 1)
            noisy = abar.sqrt() * clean + (1 - abar).sqrt() * noise
            # END SOLUTION
        return noisy

    def _denoise(self, features: Tensor, noisy: Tensor, n: int) -> tuple[Tensor, Tensor]:
        """The predicted clean action, clipped to where actions lie, and the noise that goes with it."""
        abar = self.abar[n]
        noise = self(features, noisy, torch.full(noisy.shape[:1], n, device=noisy.device))
        clean = ((noisy - (1 - abar).sqrt() * noise) / abar.sqrt()).clamp(-self.clip, self.clip)
        return clean, (noisy - abar.sqrt() * clean) / (1 - abar).sqrt()

    def _abar_before(self, n: int) -> Tensor:
        """abar of step n - 1, which is 1 (no noise left) before step 0."""
        return self.abar[n - 1] if n > 0 else torch.ones_like(self.abar[0])


class FlowMatchingHead(Head):
    """Exercise E.3 (extra credit). Flow matching: the velocity of the straight path from noise to action.

    The recipe of pi0 (Black et al. 2024), with its direction of time: t = 1 is noise and t = 0 is the action.

        x_t = t noise + (1 - t) action,     dx/dt = noise - action,     t ~ 0.999 Beta(1.5, 1) + 0.001
    """

    exercise = "E.3 FlowMatchingHead"
    draws_in_loss = True

    def __init__(self, in_dim: int, action_dim: int, steps: int = 10):
        """`steps`: Euler steps used to sample."""
        super().__init__()
        self.action_dim, self.steps = action_dim, steps
        self.net = _conditional_net(in_dim, action_dim)

    def forward(self, features: Tensor, x: Tensor, t: Tensor) -> Tensor:
        """The predicted velocity `[B, A]` at `x [B, A]` and times `t [B]`."""
        return self.net(torch.cat([features, x, fourier_features(t)], dim=-1))

    def loss(self, features, action, generator=None):
        noise = draw_normal(action, generator)
        t = draw_flow_time(action.shape[0], action.device, generator)  # (B,)
        # TODO E.3: the point on the straight path, its velocity, the squared error (exercise 1.1).
        # BEGIN SOLUTION E.3
        x = t[:, None] * noise + (1 - t[:, None]) * action
        return mse_loss(self(features, x, t), noise - action)
        # END SOLUTION

    def sample(self, features, generator=None):
        return self._integrate(features, draw_normal(features.new_empty(features.shape[0], self.action_dim), generator))

    def mode(self, features):
        """The action that pure zeros flow to."""
        return self._integrate(features, features.new_zeros(features.shape[0], self.action_dim))

    def _integrate(self, features: Tensor, x: Tensor) -> Tensor:
        """Euler's method from t = 1 down to t = 0 in `self.steps` equal steps."""
        # TODO E.3: at t = 1, 1 - 1/steps, ..., 1/steps: x <- x - velocity / steps.
        # BEGIN SOLUTION E.3
        for i in range(self.steps):
            t = x.new_full(x.shape[:1], 1 - i / self.steps)
            x = x - self(features, x, t) / self.steps
        return x
        # END SOLUTION


# --- helpers, given --------------------------------------------------------------------------------------------------
def draw_normal(like: Tensor, generator: Generator | None) -> Tensor:
    """Standard normal noise of the shape of `like`."""
    return torch.randn(like.shape, generator=generator, dtype=like.dtype, device=like.device)


def draw_integer(high: int, batch: int, device: torch.device, generator: Generator | None) -> Tensor:
    """Uniform integers in [0, high), `[B]`."""
    return torch.randint(high, (batch,), generator=generator, device=device)


def draw_flow_time(batch: int, device: torch.device, generator: Generator | None) -> Tensor:
    """t ~ 0.999 Beta(1.5, 1) + 0.001, `[B]`: more often near the noise, where the direction is decided.

    The distribution function of Beta(a, 1) is t^a, so its inverse at a uniform number is a draw.
    """
    uniform = torch.rand((batch,), generator=generator, device=device)
    return 0.999 * uniform ** (1 / 1.5) + 0.001


def sample_index(logits: Tensor, generator: Generator | None) -> Tensor:
    """Draw from softmax(logits): `[B, K] -> [B]` int64."""
    return torch.multinomial(torch.softmax(logits, dim=-1), 1, generator=generator).squeeze(-1)


def pick(values: Tensor, k: Tensor) -> Tensor:
    """values[b, k[b]] for every b: `[B, K, A], [B] -> [B, A]`."""
    return values[torch.arange(len(k), device=k.device), k]


def to_bin(action: Tensor, bins: int) -> Tensor:
    """Which of `bins` equal intervals of [-1, 1] an action lies in, int64; what lies outside goes to the ends."""
    return ((action + 1) / 2 * bins).floor().clamp(0, bins - 1).long()


def bin_centre(index: Tensor, bins: int) -> Tensor:
    """The middle of an interval; `bin_centre(to_bin(a))` is at most half a bin (1 / bins) from a."""
    return (index + 0.5) * (2 / bins) - 1


def squared_cosine_abar(steps: int) -> Tensor:
    """abar_n, the share of signal left after step n, `[steps]` (Nichol & Dhariwal 2021), each beta at most 0.999."""
    at = torch.arange(steps + 1, dtype=torch.float64) / steps
    level = torch.cos((at + 0.008) / 1.008 * math.pi / 2) ** 2
    beta = (1 - level[1:] / level[:-1]).clamp(max=0.999)
    return torch.cumprod(1 - beta, dim=0).float()


def fourier_features(t: Tensor, frequencies: int = 8) -> Tensor:
    """Sines and cosines of t in [0, 1]: `[B] -> [B, 2 x frequencies]`, so that a network can tell times apart."""
    angle = t[:, None] * math.pi * 2.0 ** torch.arange(frequencies, device=t.device) / 2
    return torch.cat([angle.sin(), angle.cos()], dim=-1)


def _conditional_net(in_dim: int, action_dim: int) -> nn.Sequential:
    """(features | action | time) -> action; two hidden layers as wide as the features."""
    return nn.Sequential(
        nn.Linear(in_dim + action_dim + 16, in_dim),
        nn.SiLU(),
        nn.Linear(in_dim, in_dim),
        nn.SiLU(),
        nn.Linear(in_dim, action_dim),
    )
