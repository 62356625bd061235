"""Minari datasets: demonstrations on disk, in the format of the Farama Foundation (minari.farama.org).

Shapes: T time steps, N parallel environments.
"""

import copy
import os
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.vector import VectorEnv
from jaxtyping import Int

from hw1.dataset import Dataset, as_actions
from hw1.rollout import Rollout

ALGORITHM = "hw1.demos"
"""Marks our own datasets, whose infos hold the driver and the learner of every step."""
OURS = (ALGORITHM, "hw1.demos.collect")
"""This mark, and the one of older versions."""
OF_VECTORS = ("num_envs", "learners", "vectorization_mode", "vector_kwargs", "wrappers")


class DatasetError(ValueError):
    """A dataset on disk cannot be used; the message names the dataset and explains what to do."""


@contextmanager
def _minari(root: Path) -> Iterator:
    """Minari, looking for its datasets in `root`."""
    import minari  # slow to import, and only needed here

    before = os.environ.get("MINARI_DATASETS_PATH")
    os.environ["MINARI_DATASETS_PATH"] = str(Path(root).resolve())
    try:
        yield minari
    finally:
        if before is None:
            del os.environ["MINARI_DATASETS_PATH"]
        else:
            os.environ["MINARI_DATASETS_PATH"] = before


# --- writing ---------------------------------------------------------------------------------------------------------
def check_name(name: str, root: Path) -> Path:
    """The folder of the dataset `name`. Raises DatasetError if no dataset can be written there."""
    from minari.dataset.minari_dataset import DATASET_ID_RE

    match = DATASET_ID_RE.fullmatch(name)
    if not match or match["version"] is None:
        raise DatasetError(f"{name!r} cannot be the name of a dataset; write NAMESPACE/NAME-v0, such as lane/mine-v0")
    place = Path(root) / name
    if place.exists() and not (place / "data").is_dir():
        raise DatasetError(f"{place} exists, but is no dataset; choose another name than {name!r}")
    for above in [Path(root), *(Path(root) / part for part in Path(name).parents)]:
        if above.exists() and (not above.is_dir() or (above / "data" / "metadata.json").exists()):
            raise DatasetError(f"{above} is no folder of datasets; choose another name than {name!r} or another folder")
    return place


def save(
    data: Rollout | Dataset,
    name: str,
    root: Path,
    *,
    seed: int,
    env: VectorEnv,
    driver: Int[np.ndarray, "T N"] | int = 0,
) -> Path:
    """Store demonstrations as the Minari dataset `name` (such as "lane/expert-v0") in the folder `root`.

    A rollout is stored with its true rewards and ends; `driver` says who drove. A Dataset knows neither: its rewards
    are nan, and its episodes are truncated. The driver and the learner are in the infos of every step, the seed in
    every episode. Replaces a dataset of the same name, once the new one is complete. Returns the dataset's folder.

    Raises DatasetError, before anything is written, if no dataset can have this name.
    """
    place = check_name(name, root)
    episodes = _of_rollout(data, driver) if isinstance(data, Rollout) else _of_dataset(data)
    buffers = [_buffer(number, seed, **episode) for number, episode in enumerate(episodes)]
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".unfinished-", dir=root) as folder:
        with _minari(Path(folder)) as minari, warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # Minari asks for an author, a licence and so on
            minari.create_dataset_from_buffers(
                name,
                buffers,
                env=_spec(env),
                observation_space=_flat_space(env.single_observation_space),
                action_space=_action_space(env),
                algorithm_name=ALGORITHM,
                description=f"Demonstrations for HW1, collected with seed {seed}.",
            )
        _replace(Path(folder) / name, place)
        for above in Path(name).parents[:-1]:  # what Minari writes into namespaces
            for file in (Path(folder) / above).glob("*.json"):
                if not (Path(root) / above / file.name).exists():
                    file.rename(Path(root) / above / file.name)
    return place


def _replace(new: Path, place: Path) -> None:
    if place.exists():
        place.rename(new.with_name("replaced"))  # it is removed together with the temporary folder
    new.rename(place)


def _of_rollout(steps: Rollout, driver: Int[np.ndarray, "T N"] | int) -> Iterator[dict]:
    driver = np.broadcast_to(driver, steps.running.shape)
    for row, length in enumerate(steps.running.sum(axis=0)):
        own = np.s_[:length, row]
        yield {
            "obs": np.concatenate([steps.obs[own], steps.final_obs[[row]]]),
            "action": as_actions(steps.action[own]),
            "reward": steps.reward[own],
            "terminated": steps.terminated[row],
            "driver": driver[own],
            "learner": np.full(length, steps.learner[row]),
        }


def _of_dataset(data: Dataset) -> Iterator[dict]:
    for episode in np.unique(data.episode):
        own = data.subset(data.episode == episode)
        yield {
            "obs": np.concatenate([own.obs, own.obs[-1:]]),  # what followed the last action is not known
            "action": own.action,
            "reward": np.full(len(own), np.nan),
            "terminated": False,
            "driver": own.driver,
            "learner": own.learner,
        }


def _buffer(
    number: int, seed: int, *, obs: np.ndarray, action: np.ndarray, reward: np.ndarray, terminated: bool, **infos
) -> Any:
    """One episode as Minari wants it: with the observation after the last action, which is not a sample."""
    from minari.data_collector import EpisodeBuffer

    last = np.arange(len(action)) == len(action) - 1
    return EpisodeBuffer(
        id=number,
        seed=seed,
        observations=obs,
        actions=action,
        rewards=reward,
        terminations=last & terminated,
        truncations=last & ~np.bool_(terminated),
        infos={name: np.append(values, values[-1]) for name, values in infos.items()},
    )


def _spec(env: VectorEnv) -> gym.envs.registration.EnvSpec | None:
    """How to make the single environment again; None if Gymnasium does not know."""
    if env.spec is None:
        return None
    try:
        spec = copy.deepcopy(gym.spec(env.spec.id))
    except gym.error.Error:  # it was never registered, or no longer is
        return None
    spec.kwargs.update({name: value for name, value in env.spec.kwargs.items() if name not in OF_VECTORS})
    try:
        spec.to_json()
    except (ValueError, TypeError):  # it is made by a function without a name
        return None
    return spec


def _flat_space(space: spaces.Space) -> spaces.Space:
    """The space of flattened values; discrete ones become one-hot."""
    flat = spaces.utils.flatten_space(space)
    return spaces.Box(flat.low.astype(np.float32), flat.high.astype(np.float32), dtype=np.float32)


def _action_space(env: VectorEnv) -> spaces.Space:
    space = env.single_action_space
    return space if isinstance(space, spaces.Discrete) else _flat_space(space)


# --- reading ---------------------------------------------------------------------------------------------------------
def load(name: str, root: Path, *, env: VectorEnv | None = None) -> Dataset:
    """Read the Minari dataset `name` in the folder `root`: any whose observations can be flattened, with Box or
    Discrete actions, in any of Minari's formats.

    If `env` is given, its spaces must fit. Raises DatasetError if the dataset is missing, cannot be read, is empty or
    does not fit.
    """
    where = f"dataset {name!r} in {root}"
    stored, episodes = _read(where, name, root)
    obs_space, action_space = stored.observation_space, stored.action_space
    if not obs_space.is_np_flattenable or not isinstance(action_space, spaces.Box | spaces.Discrete):
        raise DatasetError(
            f"{where}: needs observations that can be flattened and Box or Discrete actions, has {obs_space} and "
            f"{action_space}"
        )
    if not any(len(episode) for episode in episodes):
        raise DatasetError(f"{where}: holds no steps; collect it again")
    if env is not None:
        _check_spaces(where, env, obs_space, action_space)
        if _same_structure(obs_space, env.single_observation_space):
            obs_space = env.single_observation_space  # Minari sorts the names of a Dict; environments need not
    ours = stored.storage.metadata.get("algorithm_name") in OURS
    return _concatenate(where, episodes, obs_space, action_space, ours)


def _read(where: str, name: str, root: Path) -> tuple[Any, list]:
    with _minari(root) as minari:
        try:
            stored = minari.load_dataset(name)
            return stored, list(stored.iterate_episodes())
        except FileNotFoundError as error:
            raise DatasetError(
                f"{where}: not found; collect it with `python -m scripts.train --save-demos {name}`"
            ) from error
        except ImportError as error:
            raise DatasetError(
                f"{where}: a package that its format needs is missing ({error}); install it with "
                "`pip install pyarrow`, or store the dataset as hdf5"
            ) from error
        except Exception as error:  # HDF5, JSON and Minari each have their own
            raise DatasetError(
                f"{where}: cannot be read ({error}). It is damaged, or was written by another version of Minari than "
                f"{minari.__version__}; collect it again under another name"
            ) from error


def _check_spaces(where: str, env: VectorEnv, obs_space: spaces.Space, action_space: spaces.Space) -> None:
    wanted = (env.single_observation_space, env.single_action_space)
    for what, has, needs in zip(("observations", "actions"), (obs_space, action_space), wanted, strict=True):
        same = _same_structure(has, needs)
        if what == "observations" or not isinstance(needs, spaces.Discrete):
            same |= _flat_alike(has, needs)
        if not same:
            raise DatasetError(
                f"{where}: its {what} are {has}, the environment's are {needs}; "
                "choose the environment that it was collected in, or collect it again"
            )


def _same_structure(has: spaces.Space, needs: spaces.Space) -> bool:
    """Whether values of both spaces have the same parts, of the same names and shapes, whatever the numbers' bounds."""
    if type(has) is not type(needs):
        return False
    if isinstance(has, spaces.Dict):
        return has.keys() == needs.keys() and all(_same_structure(has[name], needs[name]) for name in has)
    if isinstance(has, spaces.Tuple | spaces.OneOf):
        return len(has) == len(needs) and all(map(_same_structure, has, needs))
    same = (np.array_equal(getattr(has, name, 0), getattr(needs, name, 0)) for name in ("shape", "n", "nvec", "start"))
    return all(same) and spaces.utils.flatdim(has) == spaces.utils.flatdim(needs)


def _flat_alike(has: spaces.Space, needs: spaces.Space) -> bool:
    """Whether one of both is the other, flattened."""
    if not (has.is_np_flattenable and needs.is_np_flattenable):
        return False
    flat = any(isinstance(each, spaces.Box) and len(each.shape) == 1 for each in (has, needs))
    return flat and spaces.utils.flatdim(has) == spaces.utils.flatdim(needs)


def _concatenate(
    where: str, episodes: list, obs_space: spaces.Space, action_space: spaces.Space, ours: bool
) -> Dataset:
    steps = [len(episode) for episode in episodes]

    def info(key: str) -> np.ndarray:
        """A number for each step from the infos; 0 in datasets of others, where it may mean anything."""
        if not ours:
            return np.zeros(sum(steps), dtype=np.int64)
        return np.concatenate([e.infos[key][:n] for e, n in zip(episodes, steps, strict=True)]).astype(np.int64)

    try:
        obs = np.concatenate([_flat(obs_space, e.observations, n) for e, n in zip(episodes, steps, strict=True)])
        action = np.concatenate([np.asarray(e.actions)[:n] for e, n in zip(episodes, steps, strict=True)])
        action = action.reshape(len(action), *[-1] * (not isinstance(action_space, spaces.Discrete)))
        action = action.astype(np.int64) if action.ndim == 1 else action
        learner, driver = info("learner"), info("driver")
    except (IndexError, KeyError, TypeError, ValueError) as error:
        raise DatasetError(
            f"{where}: its steps are not what its spaces {obs_space} and {action_space} promise, or lack what "
            f"{ALGORITHM} stores ({type(error).__name__}: {error}); collect it again under another name"
        ) from error
    with np.errstate(over="ignore"):  # told below
        obs, action = obs.astype(np.float32), as_actions(action)
    for what, values in (("observations", obs), ("actions", action)):
        if not np.isfinite(values).all():
            row, *dimension = np.argwhere(~np.isfinite(values))[0]
            raise DatasetError(
                f"{where}: its {what} are not finite 32-bit numbers, first at step {row} in dimension "
                f"{int(dimension[0]) if dimension else 0}; remove or scale them"
            )
    episode = np.repeat(np.arange(len(episodes)), steps)
    return Dataset(obs=obs, action=action, episode=episode, learner=learner, driver=driver)


def _flat(space: spaces.Space, values: Any, length: int) -> np.ndarray:
    """The first `length` of the values of a space, each flattened."""
    if isinstance(space, spaces.Box):
        return np.asarray(values)[:length].reshape(length, spaces.utils.flatdim(space))
    return (
        np.stack([spaces.utils.flatten(space, _at(values, t)) for t in range(length)])
        if length
        else np.zeros((0, spaces.utils.flatdim(space)))
    )


def _at(values: Any, t: int) -> Any:
    """What a structure of dicts and tuples of arrays holds at step t."""
    if isinstance(values, dict):
        return {name: _at(value, t) for name, value in values.items()}
    if isinstance(values, tuple):
        return tuple(_at(value, t) for value in values)
    return values[t]
