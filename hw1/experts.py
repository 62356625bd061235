"""The experts. Each is a pure function of the state that is passed in and labels a whole batch of states at once.

A label that depended on anything else, say on what the expert did a second ago, would be no function of the state,
and no policy pi(a | s) could learn it. How people differ from that (noise, reaction latency) is therefore not here
but in `hw1.demos.collect`.
"""

from dataclasses import dataclass

import numpy as np

from hw1.envs import fork, lane
from hw1.envs.road import WHEELBASE

MAX_APPROACH = 0.35  # radians, the steepest angle at which a driver crosses the road


def wheel_towards(
    offset: np.ndarray | float, e: np.ndarray, psi: np.ndarray, curvature: np.ndarray, gain: float, firmness: float
) -> np.ndarray:
    """Wheel angle in radians that brings a car to `offset` metres left of the centre line; all arrays `[...]`.

    The angle that follows the bend, plus feedback (`firmness`) on the heading towards an approach angle.
    """
    # The heading at which to close in, in radians: proportional to the distance, but never steeper than MAX_APPROACH.
    approach = MAX_APPROACH * np.tanh(gain * (offset - e) / MAX_APPROACH)
    return np.arctan(WHEELBASE * curvature) + firmness * (approach - psi)


@dataclass(frozen=True)
class LaneExpert:
    """Keeps to the centre of the lane. State `[..., 4]` (see `hw1.envs.lane`) -> action `[..., 1]`."""

    gain: float = 0.15  # radians of approach angle for each metre off the centre
    firmness: float = 0.5  # radians of wheel angle for each radian of heading that is missing

    def __call__(self, state: np.ndarray) -> np.ndarray:
        e, psi, curvature, _ = np.moveaxis(np.asarray(state), -1, 0)
        wheel = wheel_towards(0.0, e, psi, curvature, self.gain, self.firmness)
        return np.clip(wheel / lane.MAX_STEER, -1.0, 1.0)[..., None].astype(np.float32)


@dataclass(frozen=True)
class ForkDriver:
    """Passes trees on the left and fast, or on the right and slow. State `[..., N, 6]` -> action `[..., N, 2]`.

    `side`: +1 left, -1 right. A number, or `[N]` for another driver in each environment, or `[N, trees]` for another
    driver at each tree (see `hw1.envs.fork` for the state).
    """

    side: float | np.ndarray
    swerve: float = 18.0  # metres before the tree at which the driver pulls out
    clearance: float = 2.8  # metres between tree and centre line of the car
    speed_change: float = 2.0  # metres per second, faster on the left, slower on the right
    gain: float = 0.15  # as for LaneExpert
    firmness: float = 0.8
    haste: float = 0.7  # metres per second squared for each metre per second that is missing

    def side_at(self, state: np.ndarray) -> np.ndarray:
        """Which side the driver at the wheel passes the tree on that matters in `state`, `[..., N]`."""
        tree = state[..., 5].astype(np.int64)
        side = np.asarray(self.side)
        if side.ndim < 2:
            return np.broadcast_to(side, tree.shape)
        every = np.broadcast_to(side, (*tree.shape, side.shape[-1]))  # (..., N, trees)
        return np.take_along_axis(every, tree[..., None], axis=-1)[..., 0]

    def __call__(self, state: np.ndarray) -> np.ndarray:
        e, psi, v, curvature, distance, _ = np.moveaxis(np.asarray(state), -1, 0)
        # How far the driver wants to be over there: 0 on the lane, 1 beside the tree. Out quickly, back gently.
        pull_out = np.clip((self.swerve - distance) / 2.0, 0.0, 1.0)
        swing_back = np.clip((distance + fork.BEHIND) / fork.BEHIND, 0.0, 1.0)
        out = pull_out * swing_back * self.side_at(state)
        wheel = wheel_towards(out * self.clearance, e, psi, curvature, self.gain, self.firmness)
        speed = fork.CRUISE + out * self.speed_change
        commands = np.stack([wheel / fork.MAX_STEER, self.haste * (speed - v) / fork.MAX_ACCEL], axis=-1)
        return np.clip(commands, -1.0, 1.0).astype(np.float32)


def two_drivers(num_envs: int, trees: int, rng: np.random.Generator) -> ForkDriver:
    """A left and a right driver who share the wheel: at every tree a coin says which of the two it is."""
    return ForkDriver(side=rng.choice([-1.0, 1.0], size=(num_envs, trees)))


def tightrope_expert(state: np.ndarray) -> np.ndarray:
    """Always goes on. State `[..., 1]` -> action `[...]` of int64."""
    return np.ones(np.asarray(state).shape[:-1], dtype=np.int64)
