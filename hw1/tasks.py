"""The tasks: an environment, who demonstrates there, and a recipe for every policy that is trained on it.

Training (`scripts.train`), figures and notebooks all read this table, so that a head means the same everywhere.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import gymnasium as gym
import numpy as np
from gymnasium.vector import VectorEnv

import hw1.envs  # noqa: F401 (registers the environments)
from hw1.experts import LaneExpert, tightrope_expert, two_drivers
from hw1.policy import PolicyConfig
from hw1.rollout import Expert
from hw1.training import TrainConfig


@dataclass(frozen=True)
class Recipe:
    """A policy and how it is trained."""

    policy: PolicyConfig
    train: TrainConfig = field(default_factory=TrainConfig)
    quick_steps: int = 500
    """Gradient steps of a coarse run."""


@dataclass(frozen=True)
class Task:
    """An environment with its expert and its recipes."""

    env_id: str
    """Its name in Gymnasium's registry."""
    expert: Callable[[VectorEnv, np.random.Generator], Expert]
    """Who demonstrates in an environment; the generator decides what differs between drivers."""
    recipes: Mapping[str, Recipe]
    """By the name of the policy: that of its head, or that of a variant such as "l2 x16". The first is the default."""
    observation_scale: Literal["standard", "none"] = "standard"
    """As in `PolicyConfig`."""
    one_expert: bool = True
    """Whether all demonstrators act alike. If not, the expert's label is not a function of the state: no DAgger."""

    @property
    def horizon(self) -> int:
        """Time steps of an episode."""
        return gym.spec(self.env_id).max_episode_steps

    def env(self, num_envs: int, learners: int = 1, **options) -> VectorEnv:
        """`num_envs` environments, shared by `learners` learners; `options` go to the environment."""
        return gym.make_vec(self.env_id, num_envs=num_envs, learners=learners, **options)

    def recipe(self, head: str) -> Recipe:
        """The recipe for a head; a default one if the table has none."""
        if head in self.recipes:
            return self.recipes[head]
        return Recipe(PolicyConfig(head, observation_scale=self.observation_scale))


# --- Fork ------------------------------------------------------------------------------------------------------------
# Every head plans 8 actions (1.6 s) and carries out 4 of them.
_CHUNK = {"chunk": 8, "execute": 4}
_SMALL, _WIDE = (64, 64), (128, 128)
_HUGE = (290, 290)  # 16 times the parameters of the small l2 policy; a test counts them
_SHORT = {"train": TrainConfig(steps=1_500, learning_rate=3e-3), "quick_steps": 400}
# Heads that have to find several modes train longer; with large steps, diffusion and flow pass fewer trees.
_LONG = {"train": TrainConfig(steps=4_000, learning_rate=1e-2, ema=0.75), "quick_steps": 400}
_AVERAGED = {"train": TrainConfig(steps=6_000, learning_rate=3e-3, ema=0.75), "quick_steps": 400}
# Flow and diffusion start from noise of standard deviation 1. On actions scaled to standard deviation 1 the two modes
# then lie far apart compared with the noise, and few samples end up between them.
_FAR_APART = {"action_scale": "standard"}

FORK = Task(
    env_id="hw1/Fork-v0",
    expert=lambda env, rng: two_drivers(env.num_envs, env.trees, rng),
    one_expert=False,
    recipes={
        "l2": Recipe(PolicyConfig("l2", _SMALL, **_CHUNK), **_SHORT),
        "l2 x16": Recipe(
            PolicyConfig("l2", _HUGE, **_CHUNK), TrainConfig(steps=1_500, learning_rate=1e-3), quick_steps=400
        ),
        "gaussian": Recipe(PolicyConfig("gaussian", _SMALL, **_CHUNK), **_SHORT),
        "independent": Recipe(PolicyConfig("independent", _WIDE, bins=31, **_CHUNK), **_LONG),
        "mixture": Recipe(PolicyConfig("mixture", _WIDE, components=5, **_FAR_APART, **_CHUNK), **_LONG),
        "autoregressive": Recipe(PolicyConfig("autoregressive", _WIDE, bins=31, **_CHUNK), **_LONG),
        "diffusion": Recipe(PolicyConfig("diffusion", _WIDE, sampling_steps=0, **_FAR_APART, **_CHUNK), **_AVERAGED),
        "flow": Recipe(PolicyConfig("flow", _WIDE, sampling_steps=10, **_FAR_APART, **_CHUNK), **_AVERAGED),
    },
)

# --- Lane ------------------------------------------------------------------------------------------------------------
# Pixels lie in [0, 1] already.
_PIXELS = {"observation_scale": "none"}
# With smaller steps and without the average of the weights, one learner in twenty does not learn to stay on the lane.
_STEADY = TrainConfig(steps=1_000, learning_rate=3e-3, ema=0.75)
_LANE_RECIPES = {"l2": Recipe(PolicyConfig("l2", **_PIXELS), _STEADY, quick_steps=200)}

LANE = Task("hw1/Lane-v0", lambda env, rng: LaneExpert(), _LANE_RECIPES, **_PIXELS)
LANE_NO_HEADING = Task("hw1/LaneNoHeading-v0", lambda env, rng: LaneExpert(), _LANE_RECIPES, **_PIXELS)

# --- Tightrope -------------------------------------------------------------------------------------------------------
TIGHTROPE = Task(
    "hw1/Tightrope-v0", lambda env, rng: tightrope_expert, {"categorical": Recipe(PolicyConfig("categorical"))}
)

TASKS: dict[str, Task] = {
    "fork": FORK,
    "lane": LANE,
    "lane-no-heading": LANE_NO_HEADING,
    "tightrope": TIGHTROPE,
}
"""By the name on the command line."""

# --- one state, two modes --------------------------------------------------------------------------------------------
_FEW = {"train": TrainConfig(steps=1_500, learning_rate=3e-3), "quick_steps": 400}
# Diffusion and flow learn a sharp function of action and noise level: large steps, averaged.
_SHARP = {"train": TrainConfig(steps=1_500, learning_rate=2e-2, batch_size=128, ema=0.75), "quick_steps": 800}
# Few sampler steps make the modes too narrow; these are enough for the density that was learned.
_DDIM, _EULER = {"sampling_steps": 100}, {"sampling_steps": 50}

BIMODAL: dict[str, Recipe] = {
    "l2": Recipe(PolicyConfig("l2"), **_FEW),
    "gaussian": Recipe(PolicyConfig("gaussian"), **_FEW),
    # Five components sometimes become one and the same wide Gaussian, a plateau of the likelihood; of 20 some do not.
    "mixture": Recipe(PolicyConfig("mixture", components=20), **_FEW),
    "autoregressive": Recipe(PolicyConfig("autoregressive", bins=31), **_FEW),
    "diffusion": Recipe(PolicyConfig("diffusion", (32, 32), **_DDIM, **_FAR_APART), **_SHARP),
    "flow": Recipe(PolicyConfig("flow", (32, 32), **_EULER, **_FAR_APART), **_SHARP),
}
"""Recipes for the picture in the lecture: one state, a one-dimensional action with two modes; no environment."""
