"""Who takes the wheel in a round of DAgger: the policy, a coin, a person, or the expert where an ensemble doubts.

Shapes: T time steps, N environments of all learners, O numbers in an observation, L learners.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float

from hw1.dagger import Collect, UncertaintyGate, intervention, uncertainty_gate
from hw1.gates import HumanGate, Hysteresis, Stay
from hw1.learners import by_learner, learner_of
from hw1.policy import Actor
from hw1.rollout import Gate, Rollout
from scripts.training.options import Options


@dataclass(frozen=True)
class Gates:
    """The gates of one run of DAgger."""

    options: Options
    each: int
    """Environments of each learner in a round."""
    drive: Callable[[int], Rollout]
    """The expert's drives, that many for each learner, on which no policy is trained."""

    def beta(self, round: int) -> float:
        """The expert's share in round 1, 2, ...: p^round. Ross et al. count the demonstrations as iteration 1."""
        return self.options.beta**round if self.options.gate == "beta" else 0.0

    @property
    def collect(self) -> Collect | None:
        """What `hw1.dagger.dagger` calls in a round; None is DAgger itself."""
        gates = {"human": lambda policy: HumanGate(), "uncertainty": self.alarm}
        gate_for = gates.get(self.options.gate)
        return intervention(lambda policy: self._staying(gate_for(policy))) if gate_for else None

    def _staying(self, gate: Gate) -> Gate:
        return Stay(gate, self.options.stay) if self.options.stay else gate

    def alarm(self, ensemble: Actor) -> Gate:
        """Calls the expert where the ensemble doubts more than it mostly does in states that the expert visits."""
        members = ensemble.members()
        learners = self.options.seeds
        doubt = doubts(uncertainty_gate(members, np.inf), self.held_out)  # (T, N)
        valid = np.where(self.held_out.running, doubt, np.nan)

        def level(quantile: float) -> Float[np.ndarray, " N"]:
            own = by_learner(valid, learners, axis=1).reshape(learners, -1)
            return np.nanquantile(own, quantile, axis=1)[learner_of(learners * self.each, learners)]

        gate = uncertainty_gate(members, level(self.options.quantile))
        return Hysteresis(gate, level(self.options.handback)) if self.options.handback else gate

    @cached_property
    def held_out(self) -> Rollout:
        """One demonstration for every five that are cloned, as in the figures; the same in every round."""
        return self.drive(max(self.options.demonstrations // 5, 1))

    @property
    def extra_labels(self) -> np.ndarray | int:
        """`[L]` labels of each learner that only set the threshold."""
        if self.options.gate != "uncertainty":
            return 0
        return by_learner(self.held_out.running, self.options.seeds, axis=1).sum(axis=(1, 2))


def doubts(gate: UncertaintyGate, drives: Rollout) -> Float[np.ndarray, "T N"]:
    """The doubt at every step of a rollout: members remember what they saw, so they are asked step by step."""
    gate.reset(0)
    return np.stack([gate.doubt(obs) for obs in drives.obs])
