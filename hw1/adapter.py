"""Any Gymnasium environment as `hw1.rollout` needs it: arrays for observations and actions, and one rule for ends.

Observations of any space are flattened to `[N, O]`. Actions are those of the environment: integers `[N]` where they are
discrete, else numbers, which may be flat, `[N, A]`, whatever the shape of the Box. An episode ends with its first
termination or truncation, in any of Gymnasium's three autoreset modes; what comes later in that environment does not
count.

Shapes: N parallel environments, O numbers in an observation, S in a state, A in an action.
"""

from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import iterate
from jaxtyping import Bool, Float, Float32, Shaped

from hw1.envs.base import BatchedEnv

Seen = tuple[Float32[np.ndarray, "N O"], Float[np.ndarray, "N S"]]


class Adapter:
    """One episode of each environment."""

    def __init__(self, env: VectorEnv):
        """Raises ValueError, which names the space, if no policy can drive this environment."""
        if not env.single_observation_space.is_np_flattenable:
            raise ValueError(f"the observations are {env.single_observation_space}: no flat list of numbers")
        if not isinstance(env.single_action_space, spaces.Box | spaces.Discrete):
            raise ValueError(f"the actions are {env.single_action_space}: a policy needs Box or Discrete actions")
        self.env, self.ours = env, isinstance(env.unwrapped, BatchedEnv)
        self.mode = env.metadata.get("autoreset_mode")
        self.running: Bool[np.ndarray, " N"] = np.ones(env.num_envs, dtype=bool)
        """False once the episode has ended."""
        self.terminated: Bool[np.ndarray, " N"] = np.zeros(env.num_envs, dtype=bool)
        """Whether it ended by a termination."""
        self.obs: Float32[np.ndarray, "N O"] | None = None
        """The newest observation, or the one at the end of the episode."""
        self.info: dict[str, Any] = {}
        """The same of the info."""

    def reset(self, seed: int) -> Seen:
        """Observations, and what experts read: the privileged states, or the observations if there are none."""
        obs, info = self.env.reset(seed=seed)
        obs = flatten(self.env, obs)
        return obs, _state(info, obs)

    def step(self, action: Shaped[np.ndarray, "N ..."]) -> tuple[*Seen, Float[np.ndarray, " N"]]:
        """Observations, states, and rewards, which are 0 after the end of an episode."""
        obs, reward, terminated, truncated, info = self.env.step(fitting(self.env, action))
        obs, reward = flatten(self.env, obs), np.where(self.running, reward, 0.0)
        done = terminated | truncated
        ended = self.running & done
        self._note(obs, info, ended)
        self.terminated = self.terminated | (ended & terminated)
        self.running = self.running & ~ended
        if done.any() and self.mode == AutoresetMode.DISABLED and not self.ours:
            self.env.reset(options={"reset_mask": done})  # as Gymnasium demands before the next step
        return obs, _state(info, obs), reward

    def _note(self, obs: Float32[np.ndarray, "N O"], info: dict[str, Any], ended: Bool[np.ndarray, " N"]) -> None:
        """Keep the last observation and info of each episode.

        With autoreset in the same step, they are in `final_obs` and `final_info`.
        """
        last = {name: value for name, value in info.items() if name not in ("final_obs", "final_info")}
        if ended.any():
            last |= info.get("final_info", {})
        if "final_obs" in info:
            single, obs = self.env.single_observation_space, obs.copy()
            for row in np.flatnonzero(ended):
                obs[row] = spaces.utils.flatten(single, info["final_obs"][row])
        self.obs = _update(self.obs, obs, self.running)
        self.info |= {name: _update(self.info.get(name), value, self.running) for name, value in last.items()}


def flatten(env: VectorEnv, obs: Any) -> Float32[np.ndarray, "N O"]:
    """A copy of the observations, each of them flattened by `gymnasium.spaces.utils.flatten`."""
    single = env.single_observation_space
    with np.errstate(over="ignore"):  # numbers beyond 32 bits become infinite; training tells where
        if isinstance(single, spaces.Box):
            return np.array(obs, dtype=np.float32).reshape(env.num_envs, -1)
        rows = [spaces.utils.flatten(single, each) for each in iterate(env.observation_space, obs)]
        return np.stack(rows).astype(np.float32)


def fitting(env: VectorEnv, action: Shaped[np.ndarray, "N ..."]) -> Shaped[np.ndarray, "N ..."]:
    """Actions in the shape that the environment expects, clipped to its Box. Raises ValueError if they do not fit."""
    if isinstance(env.unwrapped, BatchedEnv):  # it clips and checks by itself
        return action
    single, action = env.single_action_space, np.asarray(action)
    if isinstance(single, spaces.Discrete):
        first, last = int(single.start), int(single.start + single.n - 1)
        fits = action.shape == (env.num_envs,) and action.dtype.kind in "iu"
        wrong = action[(action < first) | (action > last)] if fits else action
        what = f"integers from {first} to {last}, one for each of {env.num_envs} environments"
    else:
        fits = action.shape[:1] == (env.num_envs,) and action.size == np.prod(env.action_space.shape)
        wrong = action[~np.isfinite(action)] if fits else action
        what = f"finite numbers of the shape {list(single.shape)}, for each of {env.num_envs} environments"
    if not fits or wrong.size:
        raise ValueError(f"actions must be {what}; got the shape {list(action.shape)}, for example {wrong.ravel()[:1]}")
    if isinstance(single, spaces.Box):
        action = np.clip(action.reshape(env.action_space.shape), single.low, single.high)
    return action.astype(single.dtype)


def _state(info: dict[str, Any], obs: Float32[np.ndarray, "N O"]) -> Float[np.ndarray, "N S"]:
    state = info.get("state")
    has_rows = isinstance(state, np.ndarray) and state.dtype != object and state.shape[:1] == obs.shape[:1]
    return np.array(state) if has_rows else obs


def _update(old: Any, new: Any, rows: Bool[np.ndarray, " N"]) -> Any:
    """`new` in these rows, `old` in the others; just `new` if they are not arrays of one shape."""
    alike = isinstance(old, np.ndarray) and isinstance(new, np.ndarray) and old.shape == new.shape
    if rows.all() or not alike or new.shape[:1] != rows.shape:
        return new
    return np.where(rows.reshape(-1, *[1] * (new.ndim - 1)), new, old)
