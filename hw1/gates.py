"""Gates: who takes the wheel at the next step? (`hw1.rollout` explains gates.)

    BetaGate        DAgger: a coin decides
    HumanGate       HG-DAgger: a person takes over when it looks dangerous

The automatic gate, which calls the expert where an ensemble is uncertain, is exercise E.4 in `hw1.dagger`.

Shapes: N parallel environments, O numbers in an observation, S in a state.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from hw1.envs.lane import SPEED


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
