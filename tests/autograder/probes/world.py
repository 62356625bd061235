"""Worlds that are simple to replay: probes return the seed and the actions, the judge finds out what was visited.

Everything in a `World` can be identified: an observation holds the number of its environment and of its step.
"""

from collections.abc import Callable

import numpy as np
from gymnasium import spaces

from hw1.envs import BatchedEnv
from tests.autograder.probes.base import Arrays

LONGEST = 256  # steps; the judge replays no longer rollout


class Recording(BatchedEnv):
    """An environment that records how it was used. A reset without a seed draws one, so that it can be replayed."""

    def __init__(
        self, num_envs: int, obs_dim: int, action_space: spaces.Space, learners: int, limit: int | None = None
    ):
        observations = spaces.Box(-np.inf, np.inf, (obs_dim,), np.float32)
        super().__init__(num_envs, observations, action_space, limit, learners=learners)
        self.seeds: list[int] = []
        self.rollouts: list[list[np.ndarray]] = []
        """The actions since each reset."""

    def reset(self, *, seed=None, options=None):
        seed = int(np.random.default_rng().integers(2**31)) if seed is None else seed
        self.seeds.append(seed)
        self.rollouts.append([])
        return super().reset(seed=seed, options=options)

    def step(self, actions):
        if self.closed:
            raise RuntimeError("the environment was closed, but a later rollout uses it again")
        result = super().step(actions)
        if self.rollouts:
            self.rollouts[-1].append(np.array(actions))
        return result

    def record(self) -> dict:
        """Seed and actions `[T, N, ...]` of the last rollout; no actions if there was none. A new record begins."""
        rollouts = [(seed, actions) for seed, actions in zip(self.seeds, self.rollouts, strict=True) if actions]
        if not rollouts:
            return {"seed": 0, "actions": np.zeros((0, *self.action_space.shape)), "rollouts": 0}
        self.seeds, self.rollouts = [], []
        seed, actions = rollouts[-1]
        return {"seed": seed, "actions": np.stack(actions), "rollouts": len(rollouts)}


class Plane(Recording):
    """A point in the plane that the action moves; the observation is the state in other units.

    Cost: the l1 distance from the origin. Terminates beyond `edge`.
    """

    UNITS = 10.0

    def __init__(self, num_envs: int = 1, edge: float = np.inf, learners: int = 1):
        super().__init__(num_envs, 2, spaces.Box(-1.0, 1.0, (2,), np.float32), learners)
        self.edge = edge
        self.position = np.zeros((num_envs, 2))

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


# --- a world of any size ---------------------------------------------------------------------------------------------
UNITS = 10.0
ROUND = 97  # positions of a world with discrete actions
CHOICES = 20  # actions of each driver there: the expert's are even, the policy's odd
LARGEST = 4.0  # continuous actions; the smallest one is 0.006


class World(Recording):
    """Points that the action moves around. The episode of environment n ends after `lives[n]` steps: by a truncation in
    every third environment, else by a termination. Every other environment has no rewards.

    state `[N, D + 1]`: the position, and the number of steps since the reset. obs `[N, D + 2]`: the position in other
    units, the number of the environment, the number of steps. Actions are `[N, D]`, or discrete `[N]`.
    """

    def __init__(self, inputs: Arrays):
        """`inputs`: lives `[N]`, dims D (0 for discrete actions), learners, horizon. Optional flags: "ordinary", an
        environment without `info["state"]` and without learners; "blind", where all observations are equal."""
        self.lives, self.dims = inputs["lives"], int(inputs["dims"])
        self.ordinary, self.blind = "ordinary" in inputs, "blind" in inputs
        discrete, width = self.dims == 0, max(self.dims, 1)
        space = spaces.Discrete(2 * CHOICES) if discrete else spaces.Box(-LARGEST, LARGEST, (width,), np.float32)
        super().__init__(len(self.lives), width + 2, space, int(inputs["learners"]))
        if self.ordinary:
            del self.learner
        self.position = np.zeros((self.num_envs, width))

    def _reset_rows(self, rows):
        shape = (len(rows), self.position.shape[1])
        free = self.np_random.uniform(-3.0, 3.0, shape)
        self.position[rows] = free if self.dims else self.np_random.integers(ROUND, size=shape)

    def _advance(self, actions):
        if self.dims:
            moved = (self.position + actions + 3.0) % 6.0 - 3.0
        else:
            moved = (self.position + np.asarray(actions)[:, None] + 1) % ROUND
        self.position = np.where(self.terminated[:, None], self.position, moved)
        self.terminated = (self.elapsed + 1 >= self.lives) & ~is_truncated(self.num_envs)
        return -np.abs(self.position).sum(axis=1) * (np.arange(self.num_envs) % 2)

    def step(self, actions):
        obs, reward, terminated, _, info = super().step(actions)
        return obs, reward, terminated, self.ended & is_truncated(self.num_envs), info

    @property
    def ended(self) -> np.ndarray:
        """Whether each environment's episode has ended, `[N]`."""
        return self.elapsed >= self.lives

    def _state(self):
        state = np.empty((self.num_envs, self.position.shape[1] + 1), dtype=np.float32)
        state[:, :-1], state[:, -1] = self.position, self.elapsed
        return state

    def _observe(self):
        obs = observed(self._state())
        return np.zeros_like(obs) if self.blind else obs

    def _info(self):
        return {} if self.ordinary else {"state": self._state()}


def is_truncated(envs: int) -> np.ndarray:
    """Whether the episode of each environment ends by a truncation, `[N]`."""
    return np.arange(envs) % 3 == 2


def observed(state: np.ndarray) -> np.ndarray:
    """What is observed `[N, D + 2]` in the states `[N, D + 1]` of all environments."""
    obs = np.empty((len(state), state.shape[1] + 1), dtype=np.float32)
    obs[:, :-2], obs[:, -2], obs[:, -1] = UNITS * state[:, :-1], np.arange(len(state)), state[:, -1]
    return obs


def draw_world(
    rng: np.random.Generator,
    *,
    envs: int,
    steps: int,
    dims: int,
    learners: int = 1,
    mortal: bool = False,
    **flags: bool,
) -> Arrays:
    """A world, a horizon and two drivers. If `mortal`, episodes end at different times: one at the first step, one at
    the last, one never, and one early by a truncation. Flags: see `World` and `drivers`."""
    lives = np.full(envs, steps + 1)
    if mortal:
        lives = rng.integers(2, steps + 1, envs)
        early = rng.permutation(np.flatnonzero(is_truncated(envs)))[:1]
        others = rng.permutation(np.setdiff1d(np.arange(envs), early))[:3]
        lives[others] = np.array([1, steps, steps + 1])[: len(others)]
        lives[early] = rng.integers(2, max(3, steps // 2))
    weights = rng.integers(1, CHOICES, (2, 3)) if dims == 0 else rng.uniform(0.5, 1.5, (2, 3, dims))
    sizes = {"horizon": np.array(steps), "dims": np.array(dims), "learners": np.array(learners)}
    drawn = {"lives": lives, "expert": weights[0], "policy": weights[1], "seed": rng.integers(1, 2**31)}
    own = {"own": rng.permutation(envs) % CHOICES}
    return sizes | drawn | own | {name: np.array(True) for name, on in flags.items() if on}


def draw_sizes(rng: np.random.Generator) -> dict[str, int]:
    """Random sizes, all different and different from the lengths of observations, states and actions."""
    return {"envs": int(rng.integers(6, 9)), "steps": int(rng.integers(9, 13)), "dims": int(rng.integers(2, 4))}


# --- who drives ------------------------------------------------------------------------------------------------------
def linear(weights: np.ndarray, units: float = 1.0) -> Callable[[np.ndarray], np.ndarray]:
    """x `[..., 2]` -> x W + b `[..., 2]`, for weights `[3, 2]`; `units`: the units of x."""
    return lambda x: (np.asarray(x) / units @ weights[:2] + weights[2]).astype(np.float32)


def driver(inputs: Arrays, name: str) -> Callable[..., np.ndarray]:
    """The "expert", who reads states `[..., D + 1]`, or the "policy", which reads observations `[..., D + 2]`.

    The two never choose the same action. `call` changes the action: how often the driver was asked before. An expert
    with numbers `own [N]` acts differently in each environment.
    """
    scale, shift, pace = inputs[name]
    width, odd = max(int(inputs["dims"]), 1), name == "policy"
    units, own = UNITS if odd else 1.0, None if odd else inputs.get("own")

    def act(seen: np.ndarray, call: int = 0) -> np.ndarray:
        if not isinstance(seen, np.ndarray):
            raise TypeError(f"the {name} was asked about an object of type {type(seen).__name__}, not about an array")
        position, time = seen[..., :width] / units, seen[..., -1:] + 5 * call
        if own is not None:
            if seen.shape[-2:-1] != own.shape:
                raise ValueError(
                    f"the expert was asked about states of shape {seen.shape}; ask it about all {len(own)} environments"
                    " at once, [N, S] or [T, N, S]: it may act differently in each of them"
                )
            time = time + own[:, None]
        if int(inputs["dims"]) == 0:
            chosen = (scale * np.rint(position) + shift + pace * time)[..., 0] % CHOICES
            return 2 * chosen.astype(np.int64) + odd
        size = LARGEST * 25.0 ** (np.sin(scale * position + shift + pace * time) - 1)
        return (-size if odd else size).astype(np.float32)

    return act


def drivers(inputs: Arrays) -> tuple[Callable, Callable]:
    """The expert and a policy, both without a memory. With the flag "agree" both always choose the same action."""
    if "agree" in inputs:
        return (lambda seen: np.full((*seen.shape[:-1], int(inputs["dims"])), 0.5, np.float32),) * 2
    expert, policy = driver(inputs, "expert"), driver(inputs, "policy")
    return lambda state: expert(state), lambda obs: policy(obs)


class Watched:
    """A policy that remembers: it records its resets, what it was asked, and what it answered.

    answer(obs, call): the action, where `call` counts the calls since the last reset.
    """

    def __init__(
        self, env: World, answer: Callable[[np.ndarray, int], np.ndarray], reset: Callable = lambda seed: None
    ):
        self.env, self.answer, self.forget = env, answer, reset
        self.clear()

    def clear(self) -> None:
        """Forget the record, not the memory."""
        self.seen: list[np.ndarray] = []
        self.answers: list[np.ndarray] = []
        self.given: list[np.ndarray] = []
        """What was returned; `answers` are copies that nobody could change."""
        self.resets: list[tuple[int, int]] = []  # seed, and the number of calls before

    def reset(self, seed):
        self.resets.append((int(seed), len(self.seen)))
        self.forget(seed)

    def __call__(self, obs):
        obs = np.array(obs, dtype=np.float32)
        since = len(self.seen) - (self.resets[-1][1] if self.resets else 0)
        observed, chosen = self.env.observation_space, self.env.action_space
        whole = obs.shape == observed.shape
        action = np.asarray(self.answer(obs, since)) if whole else np.zeros(chosen.shape, dtype=chosen.dtype)
        self.seen.append(obs if whole else np.full(observed.shape, np.nan, dtype=np.float32))
        self.answers.append(action.copy())
        self.given.append(action)
        return action if whole else action[: len(obs)]

    def record(self) -> dict:
        seen, answers = ([np.zeros((0, *space.shape)), *values] for space, values in self._columns())
        return {
            "policy's seeds": np.array([seed for seed, _ in self.resets], dtype=np.int64),
            "policy's calls before each reset": np.array([calls for _, calls in self.resets], dtype=np.int64),
            "policy's actions are changed": not all(map(np.array_equal, self.given, self.answers)),
            "policy's obs": np.stack(seen[1:]) if seen[1:] else seen[0],
            "policy's actions": np.stack(answers[1:]) if answers[1:] else answers[0],
        }

    def _columns(self):
        return (self.env.observation_space, self.seen), (self.env.action_space, self.answers)


# --- for the judge ---------------------------------------------------------------------------------------------------
class Replay:
    """A recorded rollout, replayed: what was visited at each step, and who drove. Raises ValueError for a bad record.

    obs, next_obs `[T, N, O]`, state, next_state `[T, N, S]`; action `[T, N, ...]`; running `[T, N]`, False once the
    episode had ended before the step; by_expert, by_policy `[T, N]`, whether the action is the expert's (the
    policy's) in that state.
    """

    def __init__(self, inputs: Arrays, record: Arrays):
        env, seed, self.action = World(inputs), record["seed"], record["actions"]
        if (
            self.action.ndim < 2
            or self.action.shape[1:] != env.action_space.shape
            or self.action.dtype.kind not in "fi"
        ):
            raise ValueError(f"the actions have dtype {self.action.dtype} and shape {self.action.shape}")
        if not 0 < len(self.action) <= LONGEST:
            raise ValueError(f"the environment was stepped {len(self.action)} times")
        if record["rollouts"] > 1 and len(self.action) < int(inputs["horizon"]):
            raise ValueError("the environment was reset in the middle of the rollout: a rollout has one reset")
        if seed.shape != () or seed.dtype.kind not in "iu" or seed < 0:
            raise ValueError("the seed of the reset is not a valid number")
        self.discrete, self.horizon = env.dims == 0, int(inputs["horizon"])
        self.expert, self.policy = drivers(inputs)
        self.obs, self.state, self.running, self.next_obs, self.next_state = self._visited(env, int(seed))
        answers = record.get("policy's actions")
        self.by_expert = self.equal(self.action, self.expert(self.state))
        self.by_policy = self.equal(self.action, self.policy(self.obs) if answers is None else self._answers(answers))

    def _visited(self, env: World, seed: int) -> tuple[np.ndarray, ...]:
        obs, info = env.reset(seed=seed)
        steps = []
        for action in self.action:
            before = obs, info.get("state", obs), ~env.ended
            obs, *_, info = env.step(action)
            steps.append((*before, obs, info.get("state", obs)))
        self.running_on = ~env.ended  # after the last step
        return tuple(np.stack(column) for column in zip(*steps, strict=True))

    def _answers(self, answers: np.ndarray) -> np.ndarray:
        """The policy's answer to each step; numbers that nobody chooses where it was not asked."""
        found = np.full(self.action.shape, 1e6)
        length = min(len(answers), len(found))
        found[:length] = answers[:length]
        return found

    def equal(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Whether actions are equal except for rounding."""
        same = np.abs(left - right) < 1e-4
        return same if self.discrete else same.all(axis=-1)

    @property
    def steps(self) -> int:
        """As many as the horizon, also if the rollout ended early because all episodes had ended."""
        early = not self.running_on.any() and len(self.action) < self.horizon
        return self.horizon if early else len(self.action)

    def drove(self) -> dict:
        """Facts: whoever drives, it is the expert or the policy; the horizon."""
        either = self.by_expert | self.by_policy | ~self.running
        return {"steps": self.steps, "every action is the expert's or the policy's": bool(either.all())}


def first_seed(record: Arrays, who: str) -> np.ndarray:
    """The last seed of the "policy" or the "gate" before it was first asked `[1]`, or nothing `[0]`."""
    return record[f"{who}'s seeds"][record[f"{who}'s calls before each reset"] == 0][-1:]


def policy_facts(replay: Replay, record: Arrays) -> dict:
    """How a `Watched` policy was used. What was done wrong is only said if something was."""
    before, seen = record["policy's calls before each reset"], record["policy's obs"]
    length = len(replay.action)
    shown = len(seen) >= length and seen.shape[1:] == replay.obs.shape[1:]
    asked = bool(shown and np.allclose(seen[:length][replay.running], replay.obs[replay.running], atol=1e-4))
    return {
        "the policy is reset before it is first asked": bool((before == 0).any()),
        "the policy is reset during the rollout": bool(((before > 0) & (before < length)).any()),
        "the policy is asked at every step, once, about all environments": asked,
        "the policy is asked about some environments only": not asked and bool(np.isnan(seen).any()),
        "the policy is asked too seldom": not asked and len(seen) < length,
        "the policy is asked too often": not asked and len(seen) > length + 1,
        "what the policy returned is changed in place": bool(record["policy's actions are changed"]),
    }
