"""A world that is simple to replay: probes return the seed and the actions, the judge finds out what was visited."""

from collections.abc import Callable

import numpy as np
from gymnasium import spaces

from hw1.envs import BatchedEnv
from tests.autograder.probes.base import Arrays

LONGEST = 64  # steps; the judge replays no longer rollout


class Plane(BatchedEnv):
    """A point in the plane that the action moves; the observation is the state in other units.

    Cost: the l1 distance from the origin. Terminates beyond `edge`. It records how it was used. A reset without a seed
    draws one, so that such a rollout can be replayed, too.
    """

    UNITS = 10.0

    def __init__(self, num_envs: int = 1, edge: float = np.inf, learners: int = 1):
        action_space = spaces.Box(-1.0, 1.0, (2,), np.float32)
        super().__init__(num_envs, spaces.Box(-np.inf, np.inf, (2,), np.float32), action_space, learners=learners)
        self.edge = edge
        self.position = np.zeros((num_envs, 2))
        self.seeds: list[int] = []
        self.rollouts: list[list[np.ndarray]] = []
        """The actions since each reset."""

    def reset(self, *, seed=None, options=None):
        seed = int(np.random.default_rng().integers(2**31)) if seed is None else seed
        self.seeds.append(seed)
        self.rollouts.append([])
        return super().reset(seed=seed, options=options)

    def step(self, actions):
        result = super().step(actions)
        if self.rollouts:
            self.rollouts[-1].append(np.array(actions))
        return result

    def record(self) -> dict:
        """Seed and actions `[T, N, 2]` of the last rollout; no actions if there was none."""
        rollouts = [(seed, actions) for seed, actions in zip(self.seeds, self.rollouts, strict=True) if actions]
        if not rollouts:
            return {"seed": 0, "actions": np.zeros((0, self.num_envs, 2))}
        seed, actions = rollouts[-1]
        return {"seed": seed, "actions": np.stack(actions)}

    def _reset_rows(self, rows):
        self.position[rows] = self.np_random.uniform(-1.0, 1.0, (len(rows), 2))

    def _advance(self, actions):
        self.position = np.where(self.terminated[:, None], self.position, self.position + actions)
        self.terminated = np.abs(self.position).max(axis=1) > self.edge
        return -np.abs(self.position).sum(axis=1)

    def _observe(self):
        return (self.UNITS * self.position).astype(np.float32)

    def _info(self):
        return {"state": self.position.astype(np.float32)}


# --- who drives ------------------------------------------------------------------------------------------------------
def linear(weights: np.ndarray, units: float = 1.0) -> Callable[[np.ndarray], np.ndarray]:
    """x `[..., 2]` -> x W + b `[..., 2]`, for weights `[3, 2]`; `units`: the units of x."""
    return lambda x: (np.asarray(x) / units @ weights[:2] + weights[2]).astype(np.float32)


def draw_circle(rng: np.random.Generator, way: int) -> np.ndarray:
    """Weights of a driver who circles around a point near (2, 2), `way` 1 to the left or -1 to the right.

    The driver never comes to rest, so all states in a rollout of a dozen steps differ.
    """
    angle = way * rng.uniform(0.25, 0.4)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]) - np.eye(2)
    return np.concatenate([turn, -rng.uniform(1.8, 2.2, (1, 2)) @ turn])


def draw_drivers(rng: np.random.Generator) -> Arrays:
    """An expert and a policy whose actions always differ."""
    return {"expert": draw_circle(rng, 1), "policy": draw_circle(rng, -1)}


def drivers(inputs: Arrays) -> tuple[Callable, Callable]:
    """The expert, who reads the state, and the policy, which reads the observation."""
    return linear(inputs["expert"]), linear(inputs["policy"], Plane.UNITS)


# --- for the judge ---------------------------------------------------------------------------------------------------
class Replay:
    """A recorded rollout, replayed: what was visited at each step, and who drove. Raises ValueError for a bad record.

    obs, state, next_state, action `[T, N, 2]`; running `[T, N]`, False once the environment had terminated before the
    step; by_expert, by_policy `[T, N]`, whether the action is the expert's (the policy's) in that state.
    """

    def __init__(self, inputs: Arrays, record: Arrays, num_envs: int, edge: float = np.inf):
        seed, self.action = record["seed"], record["actions"]
        if self.action.ndim != 3 or self.action.shape[1:] != (num_envs, 2) or self.action.dtype.kind not in "fi":
            raise ValueError(f"the actions have dtype {self.action.dtype} and shape {self.action.shape}")
        if not 0 < len(self.action) <= LONGEST:
            raise ValueError(f"the environment was stepped {len(self.action)} times")
        if seed.shape != () or seed.dtype.kind not in "iu" or seed < 0:
            raise ValueError("the seed of the reset is not a valid number")
        self.expert, self.policy = drivers(inputs)
        self.obs, self.state, self.running, self.next_state = self._visited(Plane(num_envs, edge), int(seed))
        self.by_expert = equal(self.action, self.expert(self.state))
        self.by_policy = equal(self.action, self.policy(self.obs))

    def _visited(self, env: Plane, seed: int) -> tuple[np.ndarray, ...]:
        obs, info = env.reset(seed=seed)
        steps = []
        for action in self.action:
            before, running = (obs, info["state"]), ~env.terminated
            obs, *_, info = env.step(action)
            steps.append((*before, running, info["state"]))
        return tuple(np.stack(column) for column in zip(*steps, strict=True))


def equal(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Whether vectors (in the last dimension) are equal except for rounding."""
    return (np.abs(left - right) < 1e-4).all(axis=-1)
