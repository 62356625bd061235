"""Real time for a rollout: an environment whose steps wait for the clock, and a person who is its expert and its gate.

A rollout of `hw1` knows nothing of time: it asks for an action and makes a step. Here the step returns only at the next
tick, so the next action is what the person does then.
"""

import threading
import time
from collections.abc import Callable

import numpy as np
from gymnasium.vector import VectorEnv, VectorWrapper
from jaxtyping import Bool, Float

from hw1.envs import fork, lane
from hw1.envs.road import WHEELBASE

REACH = 0.4  # seconds in which a car that is dragged reaches the hand
MAX_ANGLE = 0.5  # radians to the road, at most, while a car is dragged


class Stopped(Exception):
    """The person has left, or wants to end what runs."""


class Clock:
    """Ticks in real time, and can be paused, stopped and made faster from another thread."""

    def __init__(self, seconds: float):
        self.seconds, self.factor = seconds, 1.0
        self.changed = threading.Condition()
        self.paused = self.stopped = False
        self.due = self.stood = 0.0

    def begin(self) -> None:
        """An episode begins now."""
        with self.changed:
            self.stopped = False
            self.due = time.monotonic() + self.seconds / self.factor

    def change(self, **what: object) -> None:
        with self.changed:
            for name, value in what.items():
                setattr(self, name, value)
            self.changed.notify_all()

    def now(self) -> float:
        """Seconds that pass, of which pauses are no part; for the thread that calls `tick`."""
        return time.monotonic() - self.stood

    def tick(self, through_pauses: bool = True) -> float:
        """Wait for the next tick, which a pause postpones; returns how many seconds late it is.

        Once stopped, it never waits. `through_pauses=False` does not wait for the end of a pause, either.
        """
        with self.changed:
            while not self.stopped:
                if self.paused and not through_pauses:
                    return 0.0
                if self.paused:
                    begin = time.monotonic()
                    self.changed.wait()
                    self.stood += time.monotonic() - begin
                    self.due = time.monotonic() + self.seconds / self.factor
                    continue
                left = self.due - time.monotonic()
                if left <= 0:
                    break
                self.changed.wait(left)
            late = max(time.monotonic() - self.due, 0.0)
            # A tick that is far too late, on a machine that was asleep, is not made up for by many fast ones.
            self.due = self.due + self.seconds / self.factor if late < self.seconds else time.monotonic()
            return late


class PacedEnv(VectorWrapper):
    """An environment in real time, which tells what happens in it. If its clock is stopped, its episodes are truncated,
    and the rest of the rollout takes no time: steps after the end of an episode do not count."""

    def __init__(self, env: VectorEnv, clock: Clock, tell: Callable[[np.ndarray, np.ndarray, np.ndarray, float], None]):
        """`tell(obs, action, reward, late)` is called after every step, and after a reset with actions of zero."""
        super().__init__(env)
        self.clock, self.tell, self.late = clock, tell, 0.0

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple:
        obs, info = self.env.reset(seed=seed, options=options)
        self.clock.begin()
        self.tell(obs, np.zeros(self.action_space.shape), np.zeros(self.num_envs), 0.0)
        self.late = self.clock.tick()
        return obs, info

    def step(self, actions: np.ndarray) -> tuple:
        obs, reward, terminated, truncated, info = self.env.step(actions)
        if self.clock.stopped:
            truncated = np.ones_like(truncated)
        else:
            self.tell(obs, np.asarray(actions), reward, self.late)
            self.late = self.clock.tick()
        return obs, reward, terminated, truncated, info


class Person:
    """What the person's hands do now, set by the session: an expert for a rollout, and a gate.

    The person takes the wheel by touching a control and keeps it until they hand it back.
    """

    def __init__(self, world: str):
        self.world = world
        self.release()

    def release(self) -> None:
        """Hands off: what an episode begins with."""
        self.steer = self.accel = 0.0
        self.target: float | None = None
        """Metres left of the centre line where a hand drags the car."""
        self.driving = False
        self.car = 0
        """The car of a fleet that the person has turned to."""

    def hold(self, steer: float, accel: float, touch: bool) -> None:
        self.steer, self.accel, self.target = steer, accel, None
        self.driving = self.driving or touch

    def drag(self, e: float, touch: bool) -> None:
        self.target = e if touch else None
        self.driving = self.driving or touch

    def __call__(self, state: Float[np.ndarray, "N S"]) -> Float[np.ndarray, "N A"]:
        """The actions. Where a hand drags the car, those that bring it there: inverse dynamics."""
        steer = np.full(len(state), self.steer)
        if self.target is not None:
            steer = steering_to(self.target, state, self.world)
        columns = [steer] if self.world == "lane" else [steer, np.full(len(state), self.accel)]
        return np.stack(columns, axis=1).astype(np.float32)

    def gate(self, num_envs: int) -> Bool[np.ndarray, " N"]:
        """Where the person drives."""
        drives = np.zeros(num_envs, dtype=bool)
        drives[self.car] = self.driving
        return drives


def steering_to(target: float, state: Float[np.ndarray, "N S"], world: str) -> Float[np.ndarray, " N"]:
    """Inverse dynamics of the kinematic bicycle: the steering that moves a car to `target`, in metres left of the
    centre line, within REACH seconds: first the heading that leads there, then the wheel angle that turns to it."""
    e, psi = state[:, 0], state[:, 1]
    v, curvature = (state[:, 2], state[:, 3]) if world == "fork" else (np.full(len(state), lane.SPEED), state[:, 2])
    v = np.maximum(v, 1.0)
    heading = np.arcsin(np.clip((target - e) / (v * REACH), -np.sin(MAX_ANGLE), np.sin(MAX_ANGLE)))
    wheel = np.arctan(WHEELBASE * (curvature + (heading - psi) / (v * REACH / 2)))
    return np.clip(wheel / (fork.MAX_STEER if world == "fork" else lane.MAX_STEER), -1.0, 1.0)
