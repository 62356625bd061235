"""The experts. Each is a pure function of the state that is passed in, and labels a whole batch of states at once.

If a label depended on anything else, say on what the expert did a second ago, it would not be a function of the state,
and no policy pi(a | s) could learn it. So what makes people different (noise, reaction time) is not here but in
`hw1.demos.collect`.

Shapes: N parallel environments, S numbers in a state, A in an action. "..." stands for any axes in front, such as time.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Int64

from hw1.envs import fork, lane
from hw1.envs.road import WHEELBASE

MAX_APPROACH = 0.35  # radians, the steepest angle at which a driver crosses the road


def wheel_towards(
    offset: Float[np.ndarray, "..."] | float,
    e: Float[np.ndarray, "..."],
    psi: Float[np.ndarray, "..."],
    curvature: Float[np.ndarray, "..."],
    gain: float,
    firmness: float,
) -> Float[np.ndarray, "..."]:
    """Wheel angle in radians that brings a car to `offset` metres left of the centre line.

    The angle that follows the bend, plus feedback (`firmness`) on the heading towards an approach angle.
    """
    # The heading at which to approach, in radians: proportional to the distance, but never steeper than MAX_APPROACH.
    approach = MAX_APPROACH * np.tanh(gain * (offset - e) / MAX_APPROACH)
    return np.arctan(WHEELBASE * curvature) + firmness * (approach - psi)


@dataclass(frozen=True)
class LaneExpert:
    """Stays in the centre of the lane. Its state is described in `hw1.envs.lane`."""

    gain: float = 0.15  # radians of approach angle for each metre off the centre
    firmness: float = 0.5  # radians of wheel angle for each radian of heading error

    def __call__(self, state: Float[np.ndarray, "... 4"]) -> Float32[np.ndarray, "... 1"]:
        e, psi, curvature, _ = np.moveaxis(np.asarray(state), -1, 0)
        wheel = wheel_towards(0.0, e, psi, curvature, self.gain, self.firmness)
        return np.clip(wheel / lane.MAX_STEER, -1.0, 1.0)[..., None].astype(np.float32)


@dataclass(frozen=True)
class ForkDriver:
    """Passes trees on the left and fast, or on the right and slow. Its state is described in `hw1.envs.fork`.

    `side`: +1 left, -1 right. One number, or `[N]` for a different driver in each environment, or `[N, trees]` for a
    different driver at each tree.
    """

    side: float | Float[np.ndarray, " N"] | Float[np.ndarray, "N trees"]
    swerve: float = 18.0  # metres before the tree at which the driver pulls out
    clearance: float = 2.8  # metres between tree and centre line of the car
    speed_change: float = 2.0  # metres per second, faster on the left, slower on the right
    gain: float = 0.15  # as for LaneExpert
    firmness: float = 0.8
    haste: float = 0.7  # metres per second squared for each metre per second of speed error

    def side_at(self, state: Float[np.ndarray, "... N 6"]) -> Float[np.ndarray, "... N"]:
        """The side on which the driver passes the tree that matters in `state`."""
        tree = state[..., 5].astype(np.int64)
        side = np.asarray(self.side)
        if side.ndim < 2:
            return np.broadcast_to(side, tree.shape)
        every = np.broadcast_to(side, (*tree.shape, side.shape[-1]))  # (..., N, trees)
        return np.take_along_axis(every, tree[..., None], axis=-1)[..., 0]

    def __call__(self, state: Float[np.ndarray, "... N 6"]) -> Float32[np.ndarray, "... N 2"]:
        e, psi, v, curvature, distance, _ = np.moveaxis(np.asarray(state), -1, 0)
        # How far to the side the driver wants to be: 0 on the lane, 1 at the tree. Out quickly, back gently.
        pull_out = np.clip((self.swerve - distance) / 2.0, 0.0, 1.0)
        swing_back = np.clip((distance + fork.BEHIND) / fork.BEHIND, 0.0, 1.0)
        out = pull_out * swing_back * self.side_at(state)
        wheel = wheel_towards(out * self.clearance, e, psi, curvature, self.gain, self.firmness)
        speed = fork.CRUISE + out * self.speed_change
        commands = np.stack([wheel / fork.MAX_STEER, self.haste * (speed - v) / fork.MAX_ACCEL], axis=-1)
        return np.clip(commands, -1.0, 1.0).astype(np.float32)


def two_drivers(num_envs: int, trees: int, rng: np.random.Generator) -> ForkDriver:
    """A left and a right driver who share the wheel: at every tree a coin decides which of them drives."""
    return ForkDriver(side=rng.choice([-1.0, 1.0], size=(num_envs, trees)))


def tightrope_expert(state: Float[np.ndarray, "... 1"]) -> Int64[np.ndarray, "..."]:
    """Always takes the step."""
    return np.ones(np.asarray(state).shape[:-1], dtype=np.int64)
