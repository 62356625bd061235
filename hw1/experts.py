"""The experts. Each is a pure function of the state that is passed in and labels a whole batch of states at once.

A label that depended on anything else, say on what the expert did a second ago, would be no function of the state,
and no policy pi(a | s) could learn it. How people differ from that (noise, reaction latency) is therefore not here
but in `hw1.demos.collect`.
"""

from dataclasses import dataclass

import numpy as np

from hw1.envs.fork import BEHIND, CRUISE
from hw1.envs.road import MAX_ACCEL, MAX_STEER, WHEELBASE


MAX_APPROACH = 0.35  # radians, the steepest angle at which a driver crosses the road


def steer_towards(offset: np.ndarray, e: np.ndarray, psi: np.ndarray, curvature: np.ndarray, gain: float) -> np.ndarray:
    """Steering command in [-1, 1] that brings a car to `offset` metres left of the centre line; all arrays `[...]`.

    The wheel angle that follows the bend, plus feedback on the heading towards an approach angle.
    """
    approach = MAX_APPROACH * np.tanh(gain * (offset - e) / MAX_APPROACH)  # radians, the heading at which to close in
    wheel = np.arctan(WHEELBASE * curvature) + 0.8 * (approach - psi)
    return np.clip(wheel / MAX_STEER, -1.0, 1.0)


@dataclass(frozen=True)
class LaneExpert:
    """Keeps to the centre of the lane. State `[..., 4]` (see `hw1.envs.lane`) -> action `[..., 1]`."""

    gain: float = 0.25

    def __call__(self, state: np.ndarray) -> np.ndarray:
        e, psi, curvature, _ = np.moveaxis(np.asarray(state), -1, 0)
        return steer_towards(0.0, e, psi, curvature, self.gain)[..., None].astype(np.float32)


@dataclass(frozen=True)
class ForkDriver:
    """Passes every tree on one side. State `[..., 5]` (see `hw1.envs.fork`) -> action `[..., 2]`.

    `side`: +1 left and fast, -1 right and slow; a number, or an array that broadcasts against the batch (then each
    environment has its own driver: `mixed_drivers`).
    """

    side: float | np.ndarray
    swerve: float = 15.0  # metres before the tree at which the driver pulls out
    clearance: float = 2.8  # metres between tree and centre line of the car
    speed_change: float = 2.0  # metres per second, faster on the left, slower on the right
    gain: float = 0.35

    def __call__(self, state: np.ndarray) -> np.ndarray:
        e, psi, v, curvature, distance = np.moveaxis(np.asarray(state), -1, 0)
        # How far the driver wants to be over there: 0 on the lane, 1 beside the tree. Out quickly, back gently.
        out = np.clip((self.swerve - distance) / 2.0, 0.0, 1.0) * np.clip((distance + BEHIND) / BEHIND, 0.0, 1.0)
        offset = out * self.side * self.clearance
        speed = CRUISE + out * self.side * self.speed_change
        steer = steer_towards(offset, e, psi, curvature, self.gain)
        accel = np.clip(1.2 * (speed - v) / MAX_ACCEL, -1.0, 1.0)
        return np.stack([steer, accel], axis=-1).astype(np.float32)


def mixed_drivers(num_envs: int, rng: np.random.Generator, share_left: float = 0.5) -> ForkDriver:
    """One driver for each of `num_envs` environments, a left one with probability `share_left`."""
    return ForkDriver(side=np.where(rng.random(num_envs) < share_left, 1.0, -1.0))


def tightrope_expert(state: np.ndarray) -> np.ndarray:
    """Always goes on. State `[..., 1]` -> action `[...]` of int64."""
    return np.ones(np.asarray(state).shape[:-1], dtype=np.int64)
