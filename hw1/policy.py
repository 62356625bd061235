"""Policies: what happens to observations and actions around a head, and how a policy drives a batch of cars.

    o_{t-m:t}  --scale-->  trunk (MLP)  -->  features  -->  head  --unscale-->  a_{t:t+H-1}

Shapes: B batch, W = m + 1 observations of history (the window), O numbers in an observation, F features, H actions in a
chunk, A numbers in an action, N parallel environments, L learners, E members of an ensemble, M samples of a dataset.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from jaxtyping import Bool, Float, Shaped
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Generator, Tensor, nn

from hw1 import given_heads, heads
from hw1.learners import by_learner

# The range [-x, x] to which diffusion clips scaled actions: only standard leaves some outside [-1, 1].
SCALED_RANGE = {"minmax": 1.0, "quantile": 1.0, "standard": 5.0}

HEADS: dict[str, Callable[["PolicyConfig", int, int], given_heads.Head]] = {
    "l2": lambda config, *dims: given_heads.DeterministicHead(*dims),
    "categorical": lambda config, *dims: given_heads.CategoricalHead(*dims),
    "gaussian": lambda config, *dims: heads.GaussianHead(*dims),
    "mixture": lambda config, *dims: heads.MixtureHead(*dims, config.components),
    "independent": lambda config, *dims: given_heads.IndependentCategoricalHead(*dims, config.bins),
    "autoregressive": lambda config, *dims: heads.AutoregressiveHead(*dims, config.bins),
    "diffusion": lambda config, *dims: heads.DiffusionHead(
        *dims, config.diffusion_steps, config.sampling_steps or None, SCALED_RANGE[config.action_scale]
    ),
    "flow": lambda config, *dims: heads.FlowMatchingHead(*dims, config.sampling_steps),
}
"""A function that makes each head, from the configuration, the number of features and the length of an action."""
HeadName = Literal[*HEADS]
DISCRETE = {"categorical"}
"""The heads that predict one discrete action."""
BINNED = {"independent", "autoregressive"}
"""The heads whose bins divide [-1, 1]."""


def whole(value: object, least: int) -> bool:
    """Whether `value` is a whole number of at least `least`."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and value >= least


def refuse_unless(options: object, *rules: tuple[str, bool, str]) -> None:
    """Raises ValueError for the first of `rules` that does not hold: a field of `options`, whether its value makes
    sense, and in words what would."""
    for name, fine, wanted in rules:
        if not fine:
            raise ValueError(f"{name} must be {wanted}, got {getattr(options, name)!r}")


@dataclass(frozen=True)
class PolicyConfig:
    """Everything that defines a policy, apart from its weights."""

    head: HeadName = "l2"
    """Distribution over actions."""
    hidden: tuple[int, ...] = (64, 64)
    """Widths of the trunk's hidden layers."""
    history: int = 1
    """Observations that the policy sees: the newest and history - 1 before it."""
    chunk: int = 1
    """Actions predicted at once."""
    execute: int = 1
    """Actions of a chunk that are carried out before the next chunk is planned."""
    components: int = 5
    """Components of the mixture head."""
    bins: int = 255
    """Bins per action dimension of the independent and autoregressive heads."""
    diffusion_steps: int = 100
    """Noise levels of the diffusion head in training."""
    sampling_steps: int = 10
    """Denoising steps (diffusion) or Euler steps (flow) to sample an action; 0 samples diffusion ancestrally."""
    action_scale: Literal["standard", "minmax", "quantile"] = "minmax"
    """What is mapped to [-1, 1]: +- 1 standard deviation, the range, or the 1st to 99th percentile (with the rest
    cut off)."""
    observation_scale: Literal["standard", "none"] = "standard"
    """Standardise observations, or leave them as they are (pixels)."""

    def __post_init__(self):
        if self.head not in HEADS:
            raise ValueError(f"unknown head {self.head!r}; choose one of {', '.join(HEADS)}")
        widths = (
            isinstance(self.hidden, tuple | list) and len(self.hidden) > 0 and all(whole(w, 1) for w in self.hidden)
        )
        positive = ("history", "chunk", "components", "diffusion_steps")
        refuse_unless(
            self,
            ("hidden", widths, "one or more whole numbers of at least 1, such as 64 64"),
            *((name, whole(getattr(self, name), 1), "a whole number of at least 1") for name in positive),
            ("bins", whole(self.bins, 2), "a whole number of at least 2, such as 31"),
            ("sampling_steps", whole(self.sampling_steps, 0), "a whole number of at least 0, such as 10"),
            ("action_scale", self.action_scale in SCALED_RANGE, f"one of {', '.join(SCALED_RANGE)}"),
            ("observation_scale", self.observation_scale in ("standard", "none"), "standard or none"),
        )
        self._refuse_what_does_not_fit()

    def _refuse_what_does_not_fit(self) -> None:
        """ValueError for options that make sense one by one, but not together."""
        at_once = whole(self.execute, 1) and self.execute <= self.chunk
        flow_steps = self.head != "flow" or self.sampling_steps >= 1
        levels = self.head != "diffusion" or self.sampling_steps <= self.diffusion_steps
        in_bins = self.head not in BINNED or self.action_scale != "standard"
        refuse_unless(
            self,
            ("execute", at_once, f"a whole number between 1 and chunk = {self.chunk}"),
            ("chunk", not self.discrete or self.chunk == 1, f"1 for the {self.head} head: one discrete action"),
            ("sampling_steps", flow_steps, "at least 1 for the flow head, such as 10"),
            ("sampling_steps", levels, f"at most diffusion_steps = {self.diffusion_steps}, or 0 for all of them"),
            ("action_scale", in_bins, f"minmax or quantile for the {self.head} head, whose bins end at -1 and 1"),
        )

    @property
    def discrete(self) -> bool:
        """Whether actions are discrete."""
        return self.head in DISCRETE


PRESETS: dict[str, PolicyConfig] = {
    # OpenVLA (Kim et al. 2024, arXiv:2406.09246), section 3.2: each dimension in 256 bins over the 1st to 99th
    # percentile, one token a dimension, one after the other; one observation, one action. Its code (ActionTokenizer)
    # puts 256 edges there, hence 255 bins, and cuts off what lies outside.
    "openvla": PolicyConfig(head="autoregressive", bins=255, action_scale="quantile"),
    # Diffusion Policy (Chi et al. 2023, arXiv:2303.04137), appendix A: T_o = 2 observations, T_p = 16 actions, of which
    # T_a = 8 are executed; actions scaled by their range, since predictions are clipped to [-1, 1] (A.1). Section 3.4:
    # 100 noise levels in training, 10 steps of DDIM.
    "diffusion-policy": PolicyConfig(
        head="diffusion", history=2, chunk=16, execute=8, diffusion_steps=100, sampling_steps=10, action_scale="minmax"
    ),
    # GR00T N1 (NVIDIA 2025, arXiv:2503.14734), section 2.1: flow matching with the times of pi0 (Beta(1.5, 1), eq. 1),
    # H = 16 actions, K = 4 Euler steps. Its code (Isaac-GR00T, data_config.py) scales actions by their range.
    "groot": PolicyConfig(head="flow", chunk=16, execute=16, sampling_steps=4, action_scale="minmax"),
    # pi0 (Black et al. 2024, arXiv:2410.24164), section IV: flow matching, H = 50 actions, 10 Euler steps; appendix D:
    # 25 of them executed on robots with 50 Hz. Scaled by mean and standard deviation, as openpi does for pi0; its
    # quantiles belong to the later pi0-FAST and pi0.5.
    "pi0": PolicyConfig(head="flow", chunk=50, execute=25, sampling_steps=10, action_scale="standard"),
}
"""The systems of the lecture, in small."""


class PolicyNetwork(nn.Module):
    """pi(a_{t:t+H-1} | o_{t-m:t}): scaling, trunk and head."""

    def __init__(self, config: PolicyConfig, obs_dim: int, action_dim: int):
        """`action_dim`: numbers in an action; for the categorical head, the number of discrete actions."""
        super().__init__()
        self.config, self.obs_dim, self.action_dim = config, obs_dim, action_dim
        widths = (obs_dim * config.history, *config.hidden)
        layers = [(nn.Linear(i, o), nn.ReLU()) for i, o in pairwise(widths)]
        self.trunk = nn.Sequential(*[module for pair in layers for module in pair])
        self.head = HEADS[config.head](config, widths[-1], action_dim * config.chunk)  # a chunk is one long action
        for name, size in (("obs", obs_dim), ("action", action_dim)):
            self.register_buffer(f"{name}_centre", torch.zeros(size))
            self.register_buffer(f"{name}_width", torch.ones(size))
        if config.discrete:
            self.register_buffer("first_action", torch.zeros((), dtype=torch.int64))

    def set_scales(self, obs: Float[Tensor, "M O"], action: Shaped[Tensor, "M ..."]) -> None:
        """Fit the scaling to the data. Call before training.

        Discrete actions are not scaled but counted from the smallest one, which need not be 0.
        """
        if self.config.observation_scale == "standard":
            self.obs_centre, self.obs_width = centre_and_width(obs, "standard")
        if self.config.discrete:
            self.first_action = action.min()
        else:
            self.action_centre, self.action_width = centre_and_width(action, self.config.action_scale)

    def scaled(self, action: Float[Tensor, "... A"]) -> Float[Tensor, "... A"]:
        """Actions as the head sees them. Those outside the percentiles of "quantile" are cut off, as OpenVLA does:
        otherwise one outlier would make up the whole loss."""
        scaled = (action - self.action_centre) / self.action_width
        return scaled.clamp(-1.0, 1.0) if self.config.action_scale == "quantile" else scaled

    def features(self, obs: Float[Tensor, "B W O"]) -> Float[Tensor, "B F"]:
        """What the head sees."""
        if self.config.observation_scale == "standard":
            obs = (obs - self.obs_centre) / self.obs_width
        return self.trunk(obs.flatten(1))

    def loss(
        self, obs: Float[Tensor, "B W O"], action: Shaped[Tensor, "B ..."], generator: Generator | None = None
    ) -> Float[Tensor, ""]:
        """The head's loss on scaled actions: `[B, H, A]`, or `[B]` int64 if they are discrete."""
        discrete = self.config.discrete
        action = action - self.first_action if discrete else self.scaled(action).flatten(1)  # (B, H * A)
        return self.head.loss(self.features(obs), action, generator)

    forward = loss  # what torch.func.functional_call calls (hw1.stack)

    def act(
        self, obs: Float[Tensor, "B W O"], generator: Generator | None = None, deterministic: bool = False
    ) -> Shaped[Tensor, "B ..."]:
        """A chunk of actions `[B, H, A]`, or `[B]` if they are discrete: a sample, or the mode."""
        features = self.features(obs)
        action = self.head.mode(features) if deterministic else self.head.sample(features, generator)
        if self.config.discrete:
            return action + self.first_action
        return action.unflatten(-1, (self.config.chunk, self.action_dim)) * self.action_width + self.action_centre


def centre_and_width(values: Float[Tensor, "M D"], how: str) -> tuple[Float[Tensor, " D"], Float[Tensor, " D"]]:
    """Centre and half-width, in each dimension, of what becomes [-1, 1].

    A dimension that is constant but for rounding errors is centred and not stretched: its half-width is 1.
    """
    low, high = values.amin(dim=0), values.amax(dim=0)
    # Two units of float32's last place at the dimension's largest number: 2e-4 at 1000, nothing at all at 0.
    rounding = 2 * torch.finfo(torch.float32).eps * torch.maximum(low.abs(), high.abs())
    rounding = rounding.clamp(min=torch.finfo(torch.float32).tiny)
    centre, width = (low + high) / 2, (high - low) / 2
    if how == "standard":
        centre, width = values.mean(dim=0), values.std(dim=0, correction=0)
    elif how == "quantile":
        # NumPy's quantile: torch.quantile refuses more than 16 million numbers.
        low, high = torch.from_numpy(np.quantile(values.numpy(), [0.01, 0.99], axis=0)).float()
        middle = (high - low) / 2
        # Where 98 % of the numbers are equal (a hand that seldom closes), the rest would be lost: the range counts.
        centre = torch.where(middle > rounding, (low + high) / 2, centre)
        width = torch.where(middle > rounding, middle, width)
    elif how != "minmax":
        raise ValueError(f"unknown action_scale {how!r}; choose one of {', '.join(SCALED_RANGE)}")
    return centre, torch.where(width > rounding, width, torch.ones_like(width))


class Actor:
    """Policies at the wheel: maps observations `[N, O]` to actions `[N, A]`, step after step.

    Remembers what the policies need from one step to the next (the last observations, the rest of a chunk).
    L learners share the environments as in `hw1.learners`. A learner may be an ensemble of E members; then the mean of
    their modes acts.
    """

    def __init__(self, networks: Sequence[Sequence[PolicyNetwork]], deterministic: bool = False):
        """`networks [L][E]`; `deterministic` acts by the mode instead of a sample."""
        self.networks = [list(members) for members in networks]
        self.config = self.networks[0][0].config
        self.deterministic = deterministic or len(self.networks[0]) > 1
        self.reset(0)

    def reset(self, seed: int) -> None:
        """Forget the past. Each learner gets its own random stream, so that learners do not influence each other."""
        self.generators = [torch.Generator().manual_seed(int(seed) * 1_000 + i) for i in range(len(self.networks))]
        self.history: Tensor | None = None  # (N, W, O)
        self.plan: Tensor | None = None  # (N, H, A)
        self.carried_out: Tensor | None = None  # (N,) how many actions of the plan

    def __call__(self, obs: Float[np.ndarray, "N O"]) -> Shaped[np.ndarray, "N ..."]:
        """The actions of the next step; `[N]` int64 if they are discrete."""
        obs = torch.from_numpy(np.asarray(obs, dtype=np.float32))
        if self.history is None:
            self.history = obs[:, None].expand(-1, self.config.history, -1)
        self.history = torch.cat([self.history[:, 1:], obs[:, None]], dim=1)
        if self.carried_out is None:
            self.carried_out = torch.full((len(obs),), self.config.execute)
        self._plan_where(self.carried_out == self.config.execute)
        self.carried_out += 1
        if self.config.discrete:
            return self.plan.numpy().copy()
        return self.plan[torch.arange(len(obs)), self.carried_out - 1].numpy()

    def replan(self, rows: Bool[np.ndarray, " N"]) -> None:
        """Forget the plan of the environments where `rows` is True: somebody else drove there in the meantime."""
        if self.carried_out is not None and np.any(rows):
            self.carried_out[torch.from_numpy(np.asarray(rows, dtype=bool))] = self.config.execute

    @torch.no_grad()
    def _plan_where(self, needed: Bool[Tensor, " N"]) -> None:
        """Plan anew where `needed`. A learner none of whose environments needs a plan draws nothing."""
        learners = len(self.networks)
        if needed.all():  # the usual case without chunks, and the first step: nothing is copied
            self.plan = torch.cat([self._plans(i, seen) for i, seen in enumerate(by_learner(self.history, learners))])
            self.carried_out.zero_()
            return
        own = (by_learner(values, learners) for values in (needed, self.history, self.plan, self.carried_out))
        for i, (here, history, plan, carried_out) in enumerate(zip(*own, strict=True)):
            if here.any():
                plan[here], carried_out[here] = self._plans(i, history[here]), 0

    def _plans(self, i: int, seen: Float[Tensor, "B W O"]) -> Shaped[Tensor, "B ..."]:
        """The plans `[B, H, A]` of learner i; `[B]` if actions are discrete."""
        chunks = [policy.act(seen, self.generators[i], self.deterministic) for policy in self.networks[i]]
        if len(chunks) == 1:
            return chunks[0]
        return torch.stack(chunks).mode(dim=0).values if self.config.discrete else torch.stack(chunks).mean(dim=0)

    def members(self) -> list["Actor"]:
        """The ensemble as E separate actors, each with one member for each learner, to see where members disagree."""
        return [Actor([[m] for m in group], self.deterministic) for group in zip(*self.networks, strict=True)]

    def save(self, path: Path) -> None:
        """Write all policies to one safetensors file, with everything that is needed to build them again."""
        tensors = {
            f"{index}.{e}.{name}": value.contiguous()
            for index, members in enumerate(self.networks)
            for e, policy in enumerate(members)
            for name, value in policy.state_dict().items()
        }
        first = self.networks[0][0]
        about = {
            "config": asdict(self.config),
            "obs_dim": first.obs_dim,
            "action_dim": first.action_dim,
            "shape": [len(self.networks), len(self.networks[0])],
            "deterministic": self.deterministic,
        }
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file(tensors, path, metadata={"policy": json.dumps(about)})

    @classmethod
    def load(cls, path: Path) -> "Actor":
        """Read what `save` wrote. Raises ValueError, which names the file, if it is anything else."""
        try:
            with safe_open(path, framework="pt") as file:
                about = json.loads((file.metadata() or {})["policy"])
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
        except FileNotFoundError:
            raise ValueError(f"{path}: there is no such policy; python -m scripts.train makes one") from None
        except (SafetensorError, KeyError, ValueError, OSError) as error:
            raise ValueError(
                f"{path}: this is not a saved policy, or it is damaged ({error}); train it again"
            ) from error
        config = about["config"]
        config = replace(PolicyConfig(), **config | {"hidden": tuple(config["hidden"])})
        networks = []
        for index in range(about["shape"][0]):
            networks.append([])
            for e in range(about["shape"][1]):
                policy = PolicyNetwork(config, about["obs_dim"], about["action_dim"])
                prefix = f"{index}.{e}."
                own = {k[len(prefix) :]: v for k, v in tensors.items() if k.startswith(prefix)}
                try:
                    policy.load_state_dict(own)
                except RuntimeError as error:
                    raise ValueError(f"{path}: saved with other layers ({error}); train it again") from error
                networks[-1].append(policy)
        return cls(networks, about["deterministic"])
