"""The laboratory of the Lane experiments: how much is collected, and how every policy is trained and tested.

All methods share the optimiser, the number of gradient steps and the network.

Shapes: L learners (training seeds), N environments of all learners, T time steps, E members of an ensemble.
"""

from dataclasses import asdict, dataclass, replace

import numpy as np
from gymnasium.vector import VectorEnv

from hw1.bc import fit
from hw1.demos import Dataset, collect
from hw1.experts import LaneExpert
from hw1.policy import Actor
from hw1.rollout import Policy, Rollout, rollout
from hw1.tasks import LANE, Task

EXPERT = LaneExpert()
RECIPE = LANE.recipes["l2"]
STEPS = LANE.horizon  # T of every test


@dataclass(frozen=True)
class Plan:
    """How much is collected, trained and tested; the same for every method."""

    demos: int = 10
    """Demonstrations for each learner."""
    length: int = 200
    """Time steps of a demonstration, and of an episode of collecting."""
    rounds: int = 5
    """Rounds of collecting after the first fit."""
    rollouts: int = 20
    """Episodes collected in a round, for each learner."""
    steps: int = RECIPE.train.steps
    """Gradient steps of every fit."""
    members: int = 6
    """Networks of the ensemble that calls the expert while DAgger runs."""
    detectors: int = 10
    """Networks of the ensemble whose doubt is judged by its ROC curve; it is trained only once."""
    evaluations: int = 200
    """Test episodes for each learner and its last policy; a quarter of them for earlier policies."""


QUICK = Plan(rounds=2, steps=RECIPE.quick_steps, members=3, detectors=5, evaluations=12)


def plan_options(quick: bool) -> dict[str, int]:
    """The plan as options of a job."""
    return asdict(QUICK if quick else Plan())


@dataclass(frozen=True)
class Lab:
    """The learners of one experiment, side by side; each has its own demonstrations, environments and networks."""

    seeds: tuple[int, ...]
    plan: Plan
    task: Task = LANE

    def seed(self, purpose: str) -> int:
        """A different number for each purpose: collecting, training and testing never share a random stream."""
        entropy = [*self.seeds, *purpose.encode()]
        return int(np.random.SeedSequence(entropy).generate_state(1)[0] >> 1)

    def env(self, each: int) -> VectorEnv:
        """`each` environments for every learner."""
        return self.task.env(len(self.seeds) * each, learners=len(self.seeds))

    def demonstrate(self, episodes: int, purpose: str, latency: int = 0) -> Dataset:
        """`episodes` demonstrations for every learner."""
        return collect(self.env(episodes), EXPERT, self.plan.length, self.seed(purpose), latency=latency)

    def fit(self, dataset: Dataset, members: int = 1, history: int = 1) -> Actor:
        """An l2 policy for every learner, or an ensemble of several members."""
        recipe = self.task.recipes["l2"]
        train = replace(recipe.train, steps=self.plan.steps, members=members, seed=self.seed("fit"))
        return fit(dataset, replace(recipe.policy, history=history), train, deterministic=True).policy

    def test(self, policy: Policy | None, each: int, purpose: str = "test") -> Rollout:
        """`each` episodes for every learner, driven by `policy`, or by the expert if None."""
        return rollout(self.env(each), policy, STEPS, self.seed(purpose), expert=EXPERT)

    def cost(self, drives: Rollout) -> np.ndarray:
        """Steps off the lane in an episode, `[L]`."""
        return drives.by_learner(drives.cost).sum(axis=1).mean(axis=1)
