"""What is driven: one of our own tasks, or any environment of Gymnasium with anybody's expert.

Shapes: N parallel environments, S numbers in a state (or in an observation), A in an action.
"""

import importlib
import json
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.vector import VectorEnv, VectorWrapper
from jaxtyping import Float, Shaped

from hw1.learners import learner_of
from hw1.policy import PolicyConfig
from hw1.tasks import TASKS, Recipe, Task


@dataclass(frozen=True)
class AnyTask(Task):
    """A task in any registered environment."""

    def env(self, num_envs: int, learners: int = 1, **options) -> VectorEnv:
        """`num_envs` ordinary environments, with all their wrappers, one after the other."""
        env = gym.make_vec(self.env_id, num_envs=num_envs, vectorization_mode="sync", **options)
        env.learner = learner_of(num_envs, learners)  # where hw1.rollout looks for it
        return Named(env, self.env_id)


class Named(VectorWrapper):
    """Somebody's environments: what fails in them is told in one line, as a ValueError that names the environment."""

    def __init__(self, env: VectorEnv, env_id: str):
        super().__init__(env)
        self.env_id = env_id

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple:
        """See `gymnasium.vector.VectorEnv.reset`."""
        return self._call("reset", seed=seed, options=options)

    def step(self, actions: Shaped[np.ndarray, "N ..."]) -> tuple:
        """See `gymnasium.vector.VectorEnv.step`."""
        return self._call("step", actions)

    def _call(self, name: str, *arguments, **options) -> tuple:
        try:
            return getattr(self.env, name)(*arguments, **options)
        except (Exception, SystemExit) as error:  # an environment may raise anything
            raise ValueError(
                f"--env {self.env_id}: its {name} failed ({_where(error)}); correct the environment, "
                "whose spaces must be those of its observations and actions"
            ) from error


@cache
def any_task(env_id: str, expert: str = "") -> Task:
    """The task in the environment `env_id`, "ID" or "module:ID", demonstrated by `expert`, a "module:function".

    Raises ValueError, which names the option, if there is no such environment or it cannot be learned here.
    """
    spec, obs_space, action_space = _inspect(env_id)
    if not isinstance(action_space, spaces.Box | spaces.Discrete):
        raise ValueError(
            f"--env {env_id}: its actions are {action_space}, but a policy needs Box or Discrete actions; "
            "write a gymnasium.ActionWrapper that converts them, and register the wrapped environment"
        )
    if not obs_space.is_np_flattenable:
        raise ValueError(
            f"--env {env_id}: its observations {obs_space} cannot be flattened to numbers; "
            "write a gymnasium.ObservationWrapper, and register the wrapped environment"
        )
    function = load_expert(expert) if expert else None

    def make(env: VectorEnv, rng: np.random.Generator) -> Checked:
        return Checked(expert, function, env.single_action_space)

    own = next((task for task in TASKS.values() if task.env_id == spec.id), None)
    if own is not None:
        return replace(own, expert=make, one_expert=True) if expert else own
    return AnyTask(spec.id, make, plain_recipes(isinstance(action_space, spaces.Discrete)))


def plain_recipes(discrete: bool) -> dict[str, Recipe]:
    """The recipes where no other are known."""
    head = "categorical" if discrete else "l2"
    return {head: Recipe(PolicyConfig(head))}


def _inspect(env_id: str) -> tuple[gym.envs.registration.EnvSpec, spaces.Space, spaces.Space]:
    """Registration, observation space and action space of an environment."""
    advice = "give the id of a registered environment, or module:ID where importing the module registers it"
    if env_id.count(":") > 1:
        raise ValueError(f"--env {env_id}: more than one colon; {advice}")
    try:
        env = gym.make(env_id)
    except (gym.error.UnregisteredEnv, ImportError) as error:
        raise ValueError(f"--env {env_id}: {error} {advice[0].upper()}{advice[1:]}.") from error
    except (Exception, SystemExit) as error:  # an environment may raise anything
        raise ValueError(
            f"--env {env_id}: cannot be made ({_where(error)}); first make gymnasium.make({env_id!r}) work"
        ) from error
    with env:
        return env.unwrapped.spec or env.spec, env.observation_space, env.action_space


def stored_in(name: str, root: Path) -> tuple[str, bool]:
    """The id of the environment of a Minari dataset, and whether its actions are discrete: ("", False) if unknown.

    Only a guess for defaults, which reads no data: `hw1.demos.load` judges the dataset.
    """
    about = _metadata(name, root)
    try:
        spec = about.get("env_spec") or "{}"
        return json.loads(spec)["id"], '"Discrete"' in about["action_space"]
    except (ValueError, KeyError, TypeError):
        return "", '"Discrete"' in str(about.get("action_space"))


def collector_of(name: str, root: Path) -> str:
    """What collected a Minari dataset, as it says; "" if there is none, "unknown" if it does not say."""
    if not (Path(root) / name).exists():
        return ""
    return str(_metadata(name, root).get("algorithm_name", "unknown"))


def _metadata(name: str, root: Path) -> dict:
    try:
        found = json.loads((Path(root) / name / "data" / "metadata.json").read_text(encoding="utf-8"))
        return found if isinstance(found, dict) else {}
    except (OSError, ValueError):
        return {}


# --- experts ---------------------------------------------------------------------------------------------------------
def load_expert(name: str) -> Callable:
    """The function of "module:function". Raises ValueError, which says what is missing."""
    module_name, _, function = name.partition(":")
    if not module_name or not function.isidentifier():
        raise ValueError(f"--expert {name}: give module:function, such as my_experts:drive")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        advice = "run the command in the folder of the module, or install what it imports"
        if module_name.endswith(".py"):
            advice = f"name the module without .py: {module_name.removesuffix('.py')}:{function}"
        raise ValueError(f"--expert {name}: {error}; {advice}") from error
    except (Exception, SystemExit) as error:  # a module may raise anything
        raise ValueError(f"--expert {name}: importing {module_name} failed ({_where(error)}); correct it") from error
    if not callable(found := getattr(module, function, None)):
        usable = ", ".join(key for key, value in vars(module).items() if callable(value) and key[0] != "_")
        raise ValueError(
            f"--expert {name}: {module_name} has no function {function}; choose one that it has: {usable or 'none'}"
        )
    return found


class Checked:
    """Somebody's expert: its actions are checked, then brought into the form of `hw1.rollout`.

    Raises ValueError, which names the option `--expert`, for actions that the environment does not have.
    """

    def __init__(self, name: str, function: Callable, space: spaces.Box | spaces.Discrete):
        self.name, self.function, self.space = name, function, space
        self.discrete = isinstance(space, spaces.Discrete)

    def __call__(self, state: Float[np.ndarray, "... N S"]) -> Shaped[np.ndarray, "..."]:
        if state.ndim > 2:  # a whole rollout: the function is promised one step
            return np.stack([self(step) for step in state])
        try:
            action = np.asarray(self.function(np.array(state)))  # a copy: the function may change it
        except (Exception, SystemExit) as error:
            raise self._error(f"failed for {len(state)} states ({_where(error)}); correct it") from error
        return self._discrete(action, len(state)) if self.discrete else self._box(action, len(state))

    def _discrete(self, action: np.ndarray, num: int) -> np.ndarray:
        first, last = int(self.space.start), int(self.space.start + self.space.n) - 1
        if action.shape != (num,):
            raise self._error(f"returned the shape {action.shape} for {num} states; return one integer each: ({num},)")
        if action.dtype.kind not in "iub":
            raise self._error(f"returned {action.dtype} for discrete actions; return integers, with .astype(int)")
        action = action.astype(np.int64)
        wrong = (action < first) | (action > last)
        if wrong.any():
            raise self._error(f"returned {action[wrong][0]}, outside {first} to {last}; return only these actions")
        return action

    def _box(self, action: np.ndarray, num: int) -> np.ndarray:
        wanted = (num, *self.space.shape)
        if action.shape not in (wanted, (num, int(np.prod(self.space.shape)))):
            raise self._error(f"returned the shape {action.shape} for {num} states; return {wanted}")
        if action.dtype.kind not in "fiub" or not np.isfinite(action).all():
            raise self._error("returned actions that are not finite numbers; return a number everywhere")
        action = action.reshape(num, -1).astype(np.float32)
        low, high = (bound.reshape(-1).astype(np.float32) for bound in (self.space.low, self.space.high))
        wrong = (action < low) | (action > high)
        if wrong.any():
            row, column = np.argwhere(wrong)[0]
            raise self._error(
                f"returned {action[row, column]:g} as action number {column}, "
                f"outside {low[column]:g} to {high[column]:g}; use np.clip"
            )
        return action

    def _error(self, text: str) -> ValueError:
        return ValueError(f"--expert {self.name}: it {text}")


def _where(error: Exception) -> str:
    """An exception of somebody's code in one line, with the place."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    said = " ".join(str(error).split())
    return f"{type(error).__name__}: {said}, {Path(frame.filename).name}, line {frame.lineno}"


def file_of(expert: str) -> str | None:
    """The file of a "module:function" that is loaded; None if there is none."""
    module = sys.modules.get(expert.partition(":")[0])
    return getattr(module, "__file__", None)
