"""Given: functions that draw, discretise and schedule, for the exercises of `hw1.heads` to use.

Every draw takes a `generator`: the same generator, the same numbers.

Shapes: B batch, A numbers in an action, K mixture components, classes or bins.
"""

import math

import torch
from jaxtyping import Float, Int64
from torch import Generator, Tensor, nn


# --- draws -----------------------------------------------------------------------------------------------------------
def draw_normal(like: Float[Tensor, "*shape"], generator: Generator | None) -> Float[Tensor, "*shape"]:
    """Standard normal noise with the shape of `like`."""
    return torch.randn(like.shape, generator=generator, dtype=like.dtype, device=like.device)


def draw_integer(high: int, batch: int, device: torch.device, generator: Generator | None) -> Int64[Tensor, " B"]:
    """Uniform integers from 0 to high - 1."""
    return torch.randint(high, (batch,), generator=generator, device=device)


def draw_flow_time(batch: int, device: torch.device, generator: Generator | None) -> Float[Tensor, " B"]:
    """t ~ 0.999 Beta(1.5, 1) + 0.001: more often near the noise, where the direction is decided.

    The distribution function of Beta(a, 1) is t^a, so its inverse at a uniform number is a draw.
    """
    uniform = torch.rand((batch,), generator=generator, device=device)
    return 0.999 * uniform ** (1 / 1.5) + 0.001


def sample_index(logits: Float[Tensor, "B K"], generator: Generator | None) -> Int64[Tensor, " B"]:
    """A draw from softmax(logits) for every row."""
    return torch.multinomial(torch.softmax(logits, dim=-1), 1, generator=generator).squeeze(-1)


def pick(values: Float[Tensor, "B K A"], k: Int64[Tensor, " B"]) -> Float[Tensor, "B A"]:
    """values[b, k[b]] for every b."""
    return values[torch.arange(len(k), device=k.device), k]


# --- bins ------------------------------------------------------------------------------------------------------------
def to_bin(action: Float[Tensor, "*shape"], bins: int) -> Int64[Tensor, "*shape"]:
    """The interval that each number lies in, out of `bins` equal ones of [-1, 1]; numbers outside go to the ends."""
    return ((action + 1) / 2 * bins).floor().clamp(0, bins - 1).long()


def bin_centre(index: Int64[Tensor, "*shape"], bins: int) -> Float[Tensor, "*shape"]:
    """The middle of an interval; `bin_centre(to_bin(a))` is at most half a bin (1 / bins) from a."""
    return (index + 0.5) * (2 / bins) - 1


# --- noise levels ----------------------------------------------------------------------------------------------------
def squared_cosine_abar(levels: int) -> Float[Tensor, " levels"]:
    """abar_n, the share of signal left at noise level n (Nichol & Dhariwal 2021), each beta at most 0.999."""
    at = torch.arange(levels + 1, dtype=torch.float64) / levels
    level = torch.cos((at + 0.008) / 1.008 * math.pi / 2) ** 2
    beta = (1 - level[1:] / level[:-1]).clamp(max=0.999)
    return torch.cumprod(1 - beta, dim=0).float()


FREQUENCIES = 8


def fourier_features(t: Float[Tensor, " B"]) -> Float[Tensor, "B 2*frequencies"]:
    """Sines and cosines of t in [0, 1], so that a network can distinguish times."""
    angle = t[:, None] * math.pi * 2.0 ** torch.arange(FREQUENCIES, device=t.device) / 2
    return torch.cat([angle.sin(), angle.cos()], dim=-1)


def conditional_net(in_dim: int, action_dim: int) -> nn.Sequential:
    """(features | action | Fourier features of the time) -> action; two hidden layers as wide as the features."""
    return nn.Sequential(
        nn.Linear(in_dim + action_dim + 2 * FREQUENCIES, in_dim),
        nn.SiLU(),
        nn.Linear(in_dim, in_dim),
        nn.SiLU(),
        nn.Linear(in_dim, action_dim),
    )
