"""What is measured of a policy on Lane: where it goes, and how often it disagrees there with the expert.

Shapes: L learners, T time steps, N environments of all learners, n test episodes of one learner. The axis "policies"
has one entry for each policy that is looked at; the axis "horizons" has one entry for each of HORIZONS.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float

from hw1.compounding import cost_by_horizon, total_variation
from hw1.envs.lane import HALF_WIDTH
from hw1.rollout import Policy
from scripts.experiments.base import Arrays
from scripts.experiments.lane.lab import EXPERT, Drives, Lab

TOLERANCE = 0.1  # of the steering range [-1, 1]; a larger difference to the expert's action is a disagreement
# J(T) starts at 2.5 seconds, when the policy has had time to act on its first errors, and T doubles from there.
HORIZONS = np.array([25, 50, 100, 200, 400])
# Cells of half a metre and 0.1 radians over the lane: coarser than the expert's jitter, finer than leaving the lane.
CELLS, LIMITS = 7, np.array([[-HALF_WIDTH, HALF_WIDTH], [-0.35, 0.35]])
REGION = 0.99  # share of the expert's states that the expert's region holds
TRAJECTORIES = 40  # kept for the figure


def describe(lab: Lab, policies: Sequence[Policy | None], episodes: int) -> Arrays:
    """Where the policies go and what they do there, in `episodes` for each learner on roads of their own.

    Returns J of the disagreement with the expert `[L, policies, horizons]`; the total variation to the expert's states
    and the share of states outside the expert's region `[L, policies, T]`; some trajectories of e
    `[L, policies, T, TRAJECTORIES]`.
    """
    expert = reference(lab)
    measured = [_measure(lab.test(policy, episodes, "describe"), expert) for policy in policies]
    return {name: np.stack([each[name] for each in measured], axis=1) for name in measured[0]}


def _measure(drives: Drives, expert: np.ndarray) -> Arrays:
    """What `describe` returns, of one policy."""
    states, region = drives.state[..., :2], Region.of(expert)
    disagree = np.abs(drives.action - EXPERT(drives.state)).max(axis=-1) > TOLERANCE
    return {
        "J": np.array([cost_by_horizon(own, HORIZONS) for own in disagree]),
        "variation": np.stack([total_variation(own, expert, CELLS, LIMITS) for own in states]),
        "outside": region.excludes(states).mean(axis=-1),
        "e": states[..., :TRAJECTORIES, 0].astype(np.float32),
    }


def reference(lab: Lab) -> np.ndarray:
    """The expert's e and psi `[T, N, 2]`; all learners share these drives, so that the reference is a fine one."""
    drives = lab.test(None, lab.plan.tests, "reference").state[..., :2]
    return np.concatenate(drives, axis=1)


@dataclass(frozen=True)
class Region:
    """The ellipse in (e, psi) that holds the share REGION of the expert's states."""

    centre: Float[np.ndarray, "2"]
    precision: Float[np.ndarray, "2 2"]
    radius: float

    @classmethod
    def of(cls, states: Float[np.ndarray, "... 2"]) -> "Region":
        """Of the expert's states."""
        states = states.reshape(-1, 2).astype(np.float64)
        region = cls(states.mean(axis=0), np.linalg.inv(np.cov(states.T)), 0.0)
        return replace(region, radius=float(np.quantile(region.distance(states), REGION)))

    def distance(self, states: Float[np.ndarray, "... 2"]) -> Float[np.ndarray, "..."]:
        """From the centre, in standard deviations of the expert (Mahalanobis)."""
        away = states - self.centre
        return np.sqrt(((away @ self.precision) * away).sum(axis=-1))

    def excludes(self, states: Float[np.ndarray, "... 2"]) -> Bool[np.ndarray, "..."]:
        """Which states lie outside."""
        return self.distance(states) > self.radius
