"""The laboratory of Hopper and its kin: how much is labelled, and how every policy is trained and tested.

BC and DAgger share everything: the number of labels in each round, the network, the gradient steps and the tests. The
only difference is who drives where the labels come from.

Shapes: L learners (training seeds), N environments of all learners, M samples.
"""

from dataclasses import asdict, dataclass, replace
from importlib.util import find_spec

import gymnasium as gym
import numpy as np
from gymnasium.vector import VectorEnv

from hw1.bc import fit
from hw1.dagger import Round, aggregate, dagger, rollout_and_relabel
from hw1.demos import Dataset
from hw1.learners import learner_of
from hw1.policy import Actor, PolicyConfig
from hw1.rollout import Policy, rollout
from hw1.training import TrainConfig
from scripts.command import UserError
from scripts.experiments.base import Seeded
from scripts.experiments.hopper.expert import EXPERTS, Linear

HORIZON = 1_000  # time steps of an episode that does not end with a fall
POLICY = PolicyConfig("l2", hidden=(64, 64))
METHODS = ("bc", "dagger")


def absent() -> str:
    """Why the experiment cannot run on this machine, with the remedy; empty if it can."""
    missing = [package for package in ("mujoco", "imageio") if find_spec(package) is None]
    return f"needs {' and '.join(missing)}: pip install -r requirements-mujoco.txt" if missing else ""


def quiet() -> None:
    """MuJoCo shall not remark on a model, for each environment of HalfCheetah, and write a file of remarks."""
    import mujoco  # optional

    mujoco.set_mju_user_warning(lambda remark: None)


def refuse_without_mujoco() -> None:
    """Raises UserError if the experiment cannot run on this machine."""
    if why := absent():
        raise UserError(why)


@dataclass(frozen=True)
class Plan:
    """The task, and how much is labelled, trained and tested; the same for both methods."""

    task: str = "Hopper-v5"
    """Its id in Gymnasium."""
    whole: bool = False
    """Whether the labels of a round are drawn from a whole episode; otherwise they are for its first states."""
    labels: int = 200
    """Labels that the expert gives in each round, the first one included, for each learner."""
    rounds: int = 5
    """Rounds of collecting after the first fit."""
    steps: int = 2_000
    """Gradient steps of every fit."""
    evaluations: int = 5
    """Test episodes for each learner and policy."""


QUICK = Plan(rounds=2, steps=500, evaluations=1)


# By the first words of its jobs. The first is the experiment, the others were tried beside it.
SETTINGS = {
    "hopper": {},
    "hopper whole": {"whole": True},
    "hopper halfcheetah": {"task": "HalfCheetah-v5"},
}


def plan_options(quick: bool, setting: str) -> dict[str, object]:
    """The plan of one of SETTINGS as options of a job."""
    return asdict(replace(QUICK if quick else Plan(), **SETTINGS[setting]))


class OneEpisode(gym.Wrapper):
    """After the end of its episode the environment stands still until it is reset with a seed.

    `hw1.rollout` counts one episode and goes on to the horizon: what comes later need not be simulated.
    """

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[np.ndarray, dict]:
        if seed is not None:
            self.over = False
            self.obs, info = self.env.reset(seed=seed, options=options)
            return self.obs, info
        return self.obs, {}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict]:
        if self.over:
            return self.obs, 0.0, False, False, {}
        self.obs, reward, terminated, truncated, info = self.env.step(action)
        self.over = terminated or truncated
        return self.obs, reward, terminated, truncated, info


@dataclass(frozen=True)
class Lab(Seeded):
    """The learners of one experiment, side by side; each has its own labels, environments and network."""

    plan: Plan

    @property
    def expert(self) -> Linear:
        return EXPERTS[self.plan.task]

    def env(self, each: int) -> VectorEnv:
        """`each` environments for every learner."""
        quiet()
        learners = len(self.seeds)
        env = gym.make_vec(self.plan.task, num_envs=learners * each, vectorization_mode="sync", wrappers=[OneEpisode])
        env.unwrapped.learner = learner_of(learners * each, learners)  # hw1.rollout looks here
        return env

    def train_rounds(self, method: str) -> list[Round]:
        """Round 0 clones the first labels; each later round adds labels for the states that `method` visits."""
        env, rng, expert = self.env(1), np.random.default_rng(self.seed("rounds")), self.expert
        length = HORIZON if self.plan.whole else self.plan.labels
        demos = self.label(env, expert, expert, length, 1.0, rng)
        # BC with more demonstrations is DAgger with beta = 1: labels for the states that the expert visits.
        beta = {"bc": 1.0, "dagger": 0.0}[method]
        return dagger(env, expert, self.fit, demos, self.plan.rounds, length, rng, lambda i: beta, self.label)

    def label(
        self, env: VectorEnv, policy: Policy, who: Policy, horizon: int, beta: float, rng: np.random.Generator
    ) -> Dataset:
        """`plan.labels` labels for every learner: for the first states of an episode, or for any of `horizon` steps.

        A policy that falls earlier drives again, until there are enough.
        """
        visited = rollout_and_relabel(env, policy, who, horizon, beta, rng)
        while np.bincount(visited.learner, minlength=len(self.seeds)).min() < self.plan.labels:
            visited = aggregate(visited, rollout_and_relabel(env, policy, who, horizon, beta, rng))
        keep = np.zeros(len(visited), dtype=bool)
        for learner in range(len(self.seeds)):
            own = np.flatnonzero(visited.learner == learner)
            keep[rng.permutation(own)[: self.plan.labels] if self.plan.whole else own[: self.plan.labels]] = True
        return visited.subset(keep)

    def fit(self, dataset: Dataset) -> Actor:
        """A policy for every learner."""
        train = TrainConfig(steps=self.plan.steps, seed=self.seed("fit"))
        return fit(dataset, POLICY, train, deterministic=True).policy

    def returns(self, policy: Policy, each: int) -> np.ndarray:
        """The mean return of `each` test episodes, `[L]`; they begin alike for every policy."""
        drives = rollout(self.env(each), policy, HORIZON, self.seed("test"))
        return drives.by_learner(drives.reward).sum(axis=1).mean(axis=1)
