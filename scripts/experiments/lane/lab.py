"""The laboratory of the Lane experiments: how much is collected, and how every policy is trained and tested.

All methods share the optimiser, the number of gradient steps and the network.

Shapes: L learners (training seeds), N environments of all learners, n test episodes of one learner, T time steps, E
members of an ensemble.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace

import numpy as np
from gymnasium.vector import VectorEnv
from jaxtyping import Float

from hw1.bc import fit
from hw1.demos import Dataset, collect
from hw1.experts import LaneExpert
from hw1.policy import Actor
from hw1.rollout import Gate, Policy, rollout
from hw1.tasks import LANE, Task
from scripts.experiments.base import Arrays, Job, Seeded

EXPERT = LaneExpert()
RECIPE = LANE.recipes["l2"]
STEPS = LANE.horizon  # T of every test
EPISODES = 2_000  # in one rollout of a test: many share the price of a step, until the processor's cache is full
# In one computation: memory limits both. A method that labels every state keeps all pictures, 200 kB an episode.
SEEDS, FEW_SEEDS = 10, 5


@dataclass(frozen=True)
class Plan:
    """How much is collected, trained and tested; the same for every method."""

    demos: int = 10
    """Demonstrations for each learner."""
    length: int = 200
    """Time steps of a demonstration."""
    rounds: int = 3
    """Rounds of collecting after the first fit."""
    rollouts: int = 120
    """Episodes of STEPS steps collected in a round, for each learner: as long as the tests, since many cars leave the
    lane late, and many, since sharp bends with a strong gust are rare."""
    steps: int = RECIPE.train.steps
    """Gradient steps of every fit."""
    members: int = 3
    """Networks of the ensemble that calls the expert while DAgger runs."""
    detectors: int = 6
    """Networks of the ensemble whose doubt is judged by its ROC curve; it is trained only once."""
    tests: int = 60
    """Test episodes for each learner and policy."""
    many: int = 600
    """Test episodes for each learner and each clone that is looked at closely (see `lane.measures`)."""
    rare: int = 1_800
    """The same for DAgger's policy, which seldom disagrees with the expert, and for the expert beside it."""


QUICK = Plan(rounds=1, rollouts=30, steps=RECIPE.quick_steps, members=3, detectors=5, tests=12, many=48, rare=48)


def job(name: str, run: Callable[..., Arrays], quick: bool, together: int = SEEDS, **options: object) -> Job:
    """A job of Lane; the plan is among its options."""
    return Job(name, run, options | asdict(QUICK if quick else Plan()), together=together)


@dataclass(frozen=True)
class Drives:
    """Test drives, without the pictures."""

    state: Float[np.ndarray, "L T n S"]
    action: Float[np.ndarray, "L T n A"]
    off: Float[np.ndarray, "L T n"]
    """1 where the car is off the lane after the step, else 0."""

    @property
    def cost(self) -> Float[np.ndarray, " L"]:
        """Steps off the lane in an episode."""
        return self.off.sum(axis=1).mean(axis=1)


@dataclass(frozen=True)
class Lab(Seeded):
    """The learners of one experiment, side by side; each has its own demonstrations, environments and networks."""

    plan: Plan
    task: Task = LANE
    gusts: float = 0.02
    """Standard deviation of a gust, in radians."""

    def env(self, each: int) -> VectorEnv:
        """`each` environments for every learner."""
        return self.task.env(len(self.seeds) * each, learners=len(self.seeds), gust_heading=self.gusts)

    def demonstrate(self, episodes: int, purpose: str, latency: int = 0) -> Dataset:
        """`episodes` demonstrations for every learner."""
        return collect(self.env(episodes), EXPERT, self.plan.length, self.seed(purpose), latency=latency)

    def fit(self, dataset: Dataset, head: str = "l2", members: int = 1, history: int = 1) -> Actor:
        """A policy for every learner, or an ensemble of several members."""
        policy = replace(RECIPE.policy, head=head, history=history)
        train = replace(RECIPE.train, steps=self.plan.steps, members=members, seed=self.seed("fit"))
        return fit(dataset, policy, train, deterministic=True).policy

    def test(self, policy: Policy | None, each: int, purpose: str = "test", gate: Gate | None = None) -> Drives:
        """`each` episodes for every learner, driven by `policy` (the expert if None), or by whom `gate` chooses."""
        block = max(EPISODES // len(self.seeds), 1)
        parts = []
        for first in range(0, each, block):
            env, seed = self.env(min(block, each - first)), self.seed(f"{purpose} {first}")
            steps = rollout(env, policy, STEPS, seed, EXPERT, gate, keep_obs=False)
            parts.append([steps.by_learner(values) for values in (steps.state, steps.action, steps.cost)])
        return Drives(*(np.concatenate(part, axis=2) for part in zip(*parts, strict=True)))
