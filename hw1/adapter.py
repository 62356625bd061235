"""Any Gymnasium environment as `hw1.rollout` needs it: arrays for observations and actions, and one rule for ends.

Observations of any space are flattened to `[N, O]`. Actions are those of the environment: integers `[N]` where they are
discrete, else numbers, which may be flat, `[N, A]`, whatever the shape of the Box. An episode ends with its first
termination or truncation, in any of Gymnasium's three autoreset modes; what comes later in that environment does not
count.

Shapes: N parallel environments, O numbers in an observation, S in a state, A in an action.
"""

from math import prod
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import iterate
from jaxtyping import Bool, Float, Float32, Shaped

from hw1.envs.base import BatchedEnv

FINAL = ("final_obs", "final_info")
"""What the info holds of an episode that ended, where the next one began in the same step."""
Seen = tuple[Float32[np.ndarray, "N O"], Float[np.ndarray, "N S"]]


class Adapter:
    """One episode of each environment."""

    def __init__(self, env: VectorEnv):
        """Raises ValueError, which names the space, if no policy can drive this environment."""
        if not hasattr(env, "single_observation_space"):
            raise ValueError(f"{env} is no vector environment; make it with gymnasium.make_vec, or put it into one")
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
        self._ended: dict[str, Any] = {}  # infos at the end of the episodes that have ended
        self._newest: dict[str, Any] = {}
        self._state: Float[np.ndarray, "N S"] | None = None

    @property
    def info(self) -> dict[str, Any]:
        """Each environment's newest info, or the one at the end of its episode; nested as the environment's own."""
        return _take(self._ended, self._newest, self.running)

    def reset(self, seed: int) -> Seen:
        """Observations, and what experts read: the privileged states, or the observations if there are none."""
        obs, info = self.env.reset(seed=seed)
        obs = flatten(self.env, obs)
        self._state = _state(_checked(info), self.running)
        return obs, obs if self._state is None else self._state

    def step(self, action: Shaped[np.ndarray, "N ..."]) -> tuple[*Seen, Float[np.ndarray, " N"]]:
        """Observations, states, and rewards, which are 0 after the end of an episode."""
        obs, reward, terminated, truncated, info = self.env.step(fitting(self.env, action))
        for name, each in (("rewards", reward), ("terminations", terminated), ("truncations", truncated)):
            if np.shape(each) != self.running.shape:
                raise ValueError(f"the environment's {name} must have the shape [N], got {list(np.shape(each))}")
        obs, reward = flatten(self.env, obs), np.where(self.running, reward, 0.0)
        done = terminated | truncated
        ended = self.running & done
        self._note(obs, _checked(info), ended)
        self.terminated = self.terminated | (ended & terminated)
        self.running = self.running & ~ended
        if done.any() and self.mode == AutoresetMode.DISABLED and not self.ours:
            # As Gymnasium demands before the next step. Its wrappers would reset their statistics everywhere.
            self.env.unwrapped.reset(options={"reset_mask": done})
        return obs, self._next_state(info, obs), reward

    def _note(self, obs: Float32[np.ndarray, "N O"], info: dict[str, Any], ended: Bool[np.ndarray, " N"]) -> None:
        """Keep the last observation and info of each episode.

        With autoreset in the same step, they are in `final_obs` and `final_info`.
        """
        self._newest = {name: value for name, value in info.items() if name.lstrip("_") not in FINAL}
        if ended.any():
            last = self._newest | _checked(info.get("final_info", {}))
            self._ended = _take(self._ended, last, ended)
        if "final_obs" in info and ended.any():
            obs, final = obs.copy(), info["final_obs"]
            whole = isinstance(final, dict | tuple)  # else one observation for each environment, or None
            final = list(iterate(self.env.observation_space, final)) if whole else final
            for row in np.flatnonzero(ended):
                obs[row] = spaces.utils.flatten(self.env.single_observation_space, final[row])
        self.obs = obs if self.running.all() else np.where(self.running[:, None], obs, self.obs)

    def _next_state(self, info: dict[str, Any], obs: Float32[np.ndarray, "N O"]) -> Float[np.ndarray, "N S"]:
        """Raises ValueError unless every step gives the states that the reset gave."""
        state, before = _state(info, self.running), self._state
        if not self.running.any() and before is not None and (state is None or state.shape != before.shape):
            return before  # nobody looks at it any more
        if self.running.any() and np.shape(state) != np.shape(before):
            shapes = ["no numbers" if each is None else f"the shape {list(each.shape)}" for each in (before, state)]
            raise ValueError(
                f'info["state"] must be the same numbers in every info, but a reset gave {shapes[0]} and a step '
                f"{shapes[1]}; give the expert's state at every reset and step, or never"
            )
        return obs if before is None else state


def flatten(env: VectorEnv, obs: Any) -> Float32[np.ndarray, "N O"]:
    """A copy of the observations, each of them flattened by `gymnasium.spaces.utils.flatten`."""
    single = env.single_observation_space
    with np.errstate(over="ignore"):  # numbers beyond 32 bits become infinite; training tells where
        if isinstance(single, spaces.Box):
            return np.array(obs, dtype=np.float32).reshape(env.num_envs, -1)
        rows = [spaces.utils.flatten(single, each) for each in iterate(env.observation_space, obs)]
        return np.stack(rows).astype(np.float32)


def fitting(env: VectorEnv, action: Shaped[np.ndarray, "N ..."]) -> Shaped[np.ndarray, "N ..."]:
    """Actions in the environment's own shape and type (`carried_out`). Raises ValueError if they do not fit."""
    if isinstance(env.unwrapped, BatchedEnv):  # it clips and checks by itself
        return action
    single, action, shape = env.single_action_space, np.asarray(action), env.action_space.shape
    if isinstance(single, spaces.Discrete):
        first, last = int(single.start), int(single.start + single.n - 1)
        fits = action.shape == shape and action.dtype.kind in "iu"
        wrong = (action < first) | (action > last) if fits else action
        what = f"integers from {first} to {last}, one for each of {env.num_envs} environments"
    else:
        fits = action.shape[:1] == shape[:1] and action.size == prod(shape) and action.dtype.kind in "biuf"
        wrong = ~np.isfinite(action) if fits else action
        what = f"finite numbers of the shape {list(single.shape)}, for each of {env.num_envs} environments"
    if not fits or wrong.any():
        example = (action[wrong] if fits else action).ravel()[:1]
        raise ValueError(f"actions must be {what}; got the shape {list(action.shape)}, for example {example}")
    return carried_out(single, action.reshape(shape)).astype(single.dtype)


def carried_out(space: spaces.Space, action: Shaped[np.ndarray, "N ..."]) -> Shaped[np.ndarray, "N ..."]:
    """Actions as an environment carries them out: clipped to its Box, and rounded if the Box holds whole numbers."""
    if not isinstance(space, spaces.Box) or action.ndim == 0 or action.size != len(action) * prod(space.shape):
        return action
    low, high = (bound.reshape(-1) for bound in (space.low, space.high))
    action, shape = action.reshape(len(action), -1).clip(low, high), action.shape
    return (np.rint(action) if space.dtype.kind in "iu" else action).reshape(shape)


def flat_actions(env: VectorEnv, action: Any) -> Shaped[np.ndarray, "N ..."]:
    """A copy of actions as a Rollout holds them: at most `[N, A]`, and never `[N]` in a Box of others."""
    action = np.array(action)
    number = isinstance(env.single_action_space, spaces.Box) and not isinstance(env.unwrapped, BatchedEnv)
    return action.reshape(len(action), -1) if action.ndim > 2 or (number and action.ndim == 1) else action


def _checked(info: Any) -> dict[str, Any]:
    if not isinstance(info, dict):
        raise ValueError(
            f"the infos must be one dict for all environments, got a {type(info).__name__}; "
            "leave out the wrapper that changes them, such as DictInfoToList"
        )
    return info


def _state(info: dict[str, Any], running: Bool[np.ndarray, " N"]) -> Float[np.ndarray, "N S"] | None:
    """The privileged states, flattened; None unless each running environment gives numbers."""
    state, given = info.get("state"), info.get("_state", running)
    if not isinstance(state, np.ndarray) or state.shape[:1] != running.shape or (running & ~given).any():
        return None
    if state.dtype == object:  # lists of numbers
        try:
            state = np.array(state.tolist(), dtype=np.float64)
        except (TypeError, ValueError):
            return None
    return np.array(state).reshape(len(state), -1) if state.dtype.kind in "biuf" else None


def _take(old: dict[str, Any], new: dict[str, Any], rows: Bool[np.ndarray, " N"]) -> dict[str, Any]:
    """The infos `old` with these rows of `new`. What an info lacks is 0 or None there, as in Gymnasium's own."""
    taken = {}
    for name in old | new:
        a, b = old.get(name), new.get(name)
        if isinstance(a, dict | None) and isinstance(b, dict | None):
            taken[name] = _take(a or {}, b or {}, rows)
        else:
            taken[name] = _rows(a, b, rows)
    return taken


def _rows(old: Any, new: Any, rows: Bool[np.ndarray, " N"]) -> Any:
    """`new` in these rows, else `old`; the newer of both if they do not hold a value for each environment."""
    old = np.zeros_like(new) if old is None and isinstance(new, np.ndarray) else old
    new = np.zeros_like(old) if new is None and isinstance(old, np.ndarray) else new
    if any(not isinstance(each, np.ndarray) or each.shape[:1] != rows.shape for each in (old, new)):
        return old if new is None else new
    if old.shape != new.shape:
        old, new = _objects(old), _objects(new)
    return np.where(rows.reshape(-1, *[1] * (new.ndim - 1)), new, old)


def _objects(values: np.ndarray) -> np.ndarray:
    """`[N]` objects: the rows of an array."""
    objects = np.empty(len(values), dtype=object)
    objects[:] = list(values)
    return objects
