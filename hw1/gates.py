"""Gates: who takes the wheel at the next step? (`hw1.rollout` explains gates.)

    BetaGate        DAgger: a coin decides
    HumanGate       HG-DAgger: a person takes over when it looks dangerous
    Hysteresis      an alarm that stays on until the doubt is small, instead of flickering around one threshold
    Stay            a minimum stay at the wheel, around any gate

The automatic gate, which calls the expert where an ensemble is uncertain, is exercise E.4 in `hw1.dagger`.

Shapes: N parallel environments, O numbers in an observation, S in a state (Lane's begins with e, the distance from the
centre of the lane, and psi, the heading).
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from jaxtyping import Bool, Float

from hw1.envs.lane import SPEED
from hw1.rollout import Gate


class DoubtingGate(Protocol):
    """A gate with a number that says how much it doubts, and a threshold for it."""

    threshold: float | Float[np.ndarray, " N"]

    def doubt(self, obs: Float[np.ndarray, "N O"]) -> Float[np.ndarray, " N"]: ...


class BetaGate:
    """DAgger's coin: the expert drives with probability `beta`, tossed at every step in every environment."""

    def __init__(self, beta: float, rng: np.random.Generator):
        if not 0 <= beta <= 1:
            raise ValueError(f"beta must lie between 0 and 1, got {beta}")
        self.beta, self.rng = beta, rng

    def __call__(
        self, obs: Float[np.ndarray, "N O"], state: Float[np.ndarray, "N S"], expert_drives: Bool[np.ndarray, " N"]
    ) -> Bool[np.ndarray, " N"]:
        return self.rng.random(len(obs)) < self.beta


@dataclass
class HumanGate:
    """A person who watches the car: takes over, after a reaction time, when it looks dangerous, until it is safe again.

    Reads e and psi, the first two numbers of Lane's state. The person looks `preview` seconds ahead along the car's
    heading.
    """

    takeover: float = 0.6
    """Metres from the centre, predicted, at which the person takes the wheel."""
    handback: float = 0.2
    """Metres below which the person lets go again."""
    reaction: int = 2
    """Steps between seeing the danger and having the wheel."""
    preview: float = 0.5
    """Seconds that the person looks ahead."""
    speed: float = SPEED
    """The car's speed in metres per second."""

    def reset(self, seed: int) -> None:
        self.alarmed: np.ndarray | int = 0  # [N] steps since the person saw the danger

    def __call__(
        self, obs: Float[np.ndarray, "N O"], state: Float[np.ndarray, "N S"], expert_drives: Bool[np.ndarray, " N"]
    ) -> Bool[np.ndarray, " N"]:
        e, psi = state[..., 0], state[..., 1]
        ahead = np.maximum(np.abs(e), np.abs(e + self.preview * self.speed * np.sin(psi)))
        self.alarmed = np.where(ahead > self.takeover, self.alarmed + 1, 0)
        return np.where(expert_drives, ahead > self.handback, self.alarmed > self.reaction)


class Hysteresis:
    """Takes over where a gate's doubt exceeds its threshold, and hands back only where it is below `handback`.

    Two thresholds, as in LazyDAgger (Hoque et al. 2021), make fewer and longer interventions.
    """

    def __init__(self, gate: "DoubtingGate", handback: float | Float[np.ndarray, " N"]):
        """`gate`: has `doubt(obs)`, `[N]`, and `threshold`, such as that of exercise E.4."""
        if not np.all(np.asarray(handback) <= np.asarray(gate.threshold)):  # also refuses nan
            raise ValueError(f"handback {handback} must not exceed the gate's threshold {gate.threshold}")
        self.gate, self.handback = gate, handback

    def reset(self, seed: int) -> None:
        _reset(self.gate, seed)

    def __call__(
        self, obs: Float[np.ndarray, "N O"], state: Float[np.ndarray, "N S"], expert_drives: Bool[np.ndarray, " N"]
    ) -> Bool[np.ndarray, " N"]:
        doubt = self.gate.doubt(obs)
        return np.where(expert_drives, doubt >= self.handback, doubt > self.gate.threshold)


class Stay:
    """Whoever takes the wheel keeps it for at least `steps` steps, whatever the gate says.

    Every switch costs a person effort and time.
    """

    def __init__(self, gate: Gate, steps: int):
        if steps < 1:
            raise ValueError(f"a stay must be at least 1 step, got {steps}")
        self.gate, self.steps = gate, steps

    def reset(self, seed: int) -> None:
        _reset(self.gate, seed)
        self.since: np.ndarray | int = self.steps  # [N] steps since the wheel last changed hands

    def __call__(
        self, obs: Float[np.ndarray, "N O"], state: Float[np.ndarray, "N S"], expert_drives: Bool[np.ndarray, " N"]
    ) -> Bool[np.ndarray, " N"]:
        wanted = self.gate(obs, state, expert_drives)
        drives = np.where(self.since >= self.steps, wanted, expert_drives)
        self.since = np.where(drives == expert_drives, self.since, 0) + 1
        return drives


def _reset(gate: Gate, seed: int) -> None:
    if hasattr(gate, "reset"):
        gate.reset(seed)
