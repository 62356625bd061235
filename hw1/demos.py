"""Demonstrations: D = {(o_1, a_1, ..., o_T)}, collected from an expert, stored as a Minari dataset.

Shapes: M samples (the steps of all episodes, one after the other), O numbers in an observation, A in an action,
T time steps, N parallel environments, W observations of history, H actions in a chunk.
"""

import os
import shutil
import warnings
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from gymnasium import spaces
from gymnasium.vector import VectorEnv
from jaxtyping import Bool, Float32, Int, Int64, Shaped

from hw1.rollout import Expert, Rollout, rollout


@dataclass(frozen=True)
class Dataset:
    """Samples (observation, action), and where they come from. The samples of an episode are consecutive, in order."""

    obs: Float32[np.ndarray, "M O"]
    action: Float32[np.ndarray, "M A"] | Int64[np.ndarray, " M"]
    """Discrete actions are integers and have no second axis."""
    episode: Int64[np.ndarray, " M"]
    """The number of the episode; used to look back (history) and ahead (chunks) without leaving it."""
    learner: Int64[np.ndarray, " M"]
    """The learner that the sample belongs to, if several training seeds run side by side (`hw1.learners`)."""
    driver: Int64[np.ndarray, " M"]
    """The driver who demonstrated: 1 left, -1 right, 0 any other."""

    def __post_init__(self):
        sizes = {field.name: len(getattr(self, field.name)) for field in fields(self)}
        if len(set(sizes.values())) != 1:
            raise ValueError(f"all arrays of a Dataset must have the same length, got {sizes}")

    def __len__(self) -> int:
        return len(self.obs)

    @classmethod
    def from_rollout(
        cls,
        steps: Rollout,
        action: Shaped[np.ndarray, "T N ..."],
        keep: Bool[np.ndarray, "T N"] | None = None,
        driver: Int[np.ndarray, "T N"] | int = 0,
    ) -> "Dataset":
        """The observations of a rollout, labelled with `action`: those where `keep` is True, or all of them.

        Steps after a termination are never kept. A gap in `keep` begins a new episode.
        """
        keep = steps.running if keep is None else keep & steps.running
        length, num = keep.shape
        kept = keep.T.reshape(-1)  # (N * T), one environment after the other
        begins = np.concatenate([[True], ~kept[:-1]]) | (np.arange(length * num) % length == 0)
        return cls(
            obs=_by_env(steps.obs)[kept],
            action=_by_env(action)[kept],
            episode=(np.cumsum(begins & kept) - 1)[kept],
            learner=np.repeat(steps.learner, length)[kept],
            driver=_by_env(np.broadcast_to(driver, (length, num)))[kept].astype(np.int64),
        )

    def subset(self, keep: Bool[np.ndarray, " M"]) -> "Dataset":
        """The samples where `keep` is True."""
        return Dataset(**{field.name: getattr(self, field.name)[keep] for field in fields(self)})

    def windows(self, history: int, chunk: int) -> tuple[Int64[np.ndarray, "M W"], Int64[np.ndarray, "M H"]]:
        """The indices of every sample's observation history and of its action chunk.

        Before the first step of an episode the first observation is repeated, after the last step the last action:

            an episode with t = 0, 1, 2, 3; history 2, chunk 3
            history of t = 0: observations 0, 0        chunk of t = 2: actions 2, 3, 3
        """
        first = np.r_[True, self.episode[1:] != self.episode[:-1]]
        starts = np.flatnonzero(first)
        which = np.cumsum(first) - 1
        start, end = starts[which], np.r_[starts[1:], len(self)][which] - 1
        here = np.arange(len(self))
        back = np.maximum(here[:, None] + np.arange(1 - history, 1), start[:, None])
        ahead = np.minimum(here[:, None] + np.arange(chunk), end[:, None])
        return back, ahead


def _by_env(values: np.ndarray) -> np.ndarray:
    """`[T, N, ...] -> [N * T, ...]`, one environment after the other."""
    return np.swapaxes(values, 0, 1).reshape(-1, *values.shape[2:])


def collect(
    env: VectorEnv,
    driver: Expert,
    horizon: int,
    seed: int,
    *,
    noise: float = 0.0,
    latency: int = 0,
) -> Dataset:
    """One episode of each environment, driven by `driver`; the recorded actions are those that were carried out.

    Args:
        noise: standard deviation of a human-like wobble that is added to continuous actions: a first-order
            autoregressive process with a memory of about five steps.
        latency: steps between what the driver sees and the driver's reaction to it (a slow remote control).
    """
    rng = np.random.default_rng([seed, 1])
    human = _Human(driver, noise, latency, rng)
    steps = rollout(env, None, horizon, seed, expert=human)
    side = driver.side_at(steps.state) if hasattr(driver, "side_at") else 0
    return Dataset.from_rollout(steps, steps.action, driver=side)


class _Human:
    """An expert with human hands: reacts to what it saw `latency` steps ago, with a slow random wobble."""

    def __init__(self, driver: Expert, noise: float, latency: int, rng: np.random.Generator):
        if noise < 0 or latency < 0:
            raise ValueError(f"noise and latency must not be negative, got {noise} and {latency}")
        self.driver, self.noise, self.rng = driver, noise, rng
        self.seen: deque[np.ndarray] = deque(maxlen=latency + 1)
        self.wobble: np.ndarray | float = 0.0

    def __call__(self, state: np.ndarray) -> np.ndarray:
        self.seen.append(state)
        action = self.driver(self.seen[0])
        if self.noise == 0.0:
            return action
        fresh = self.noise * np.sqrt(1 - 0.8**2) * self.rng.standard_normal(action.shape)
        self.wobble = 0.8 * self.wobble + fresh
        return np.clip(action + self.wobble, -1.0, 1.0).astype(np.float32)


# --- Minari ----------------------------------------------------------------------------------------------------------
class DatasetError(ValueError):
    """A dataset on disk cannot be used; the message names the dataset and explains what to do."""


@contextmanager
def _minari(root: Path):
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


def save(dataset: Dataset, name: str, root: Path, *, seed: int, env: VectorEnv) -> Path:
    """Store `dataset` as the Minari dataset `name` (such as "lane/expert-v0") in the folder `root`.

    The driver and the learner are stored in the infos of every step, the seed in every episode. Replaces a dataset of
    the same name.
    """
    from minari.data_collector import EpisodeBuffer

    Path(root).mkdir(parents=True, exist_ok=True)
    buffers = []
    for number, episode in enumerate(np.unique(dataset.episode)):
        own = dataset.episode == episode
        obs, action, steps = dataset.obs[own], dataset.action[own], int(own.sum())
        buffers.append(
            EpisodeBuffer(
                id=number,
                seed=seed,
                # Minari stores the observation after the last action too; it is not a sample.
                observations=np.concatenate([obs, obs[-1:]]),
                actions=action,
                rewards=np.zeros(steps),
                terminations=np.zeros(steps, dtype=bool),
                truncations=np.arange(steps) == steps - 1,
                infos={
                    k: np.append(getattr(dataset, k)[own], getattr(dataset, k)[own][-1]) for k in ("driver", "learner")
                },
            )
        )
    with _minari(root) as minari, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # Minari asks for an author, a licence and so on
        shutil.rmtree(Path(root) / name, ignore_errors=True)
        minari.create_dataset_from_buffers(
            name,
            buffers,
            observation_space=env.single_observation_space,
            action_space=env.single_action_space,
            algorithm_name="hw1.demos.collect",
            description=f"Demonstrations for HW1, collected with seed {seed}.",
        )
    return Path(root) / name


def load(name: str, root: Path, *, env: VectorEnv | None = None) -> Dataset:
    """Read the Minari dataset `name` in the folder `root`: any with Box observations and Box or Discrete actions.

    If `env` is given, its spaces must fit. Raises DatasetError if the dataset is missing, damaged, empty or does not
    fit.
    """
    where = f"dataset {name!r} in {root}"
    with _minari(root) as minari:
        try:
            stored = minari.load_dataset(name)
            episodes = list(stored.iterate_episodes())
        except FileNotFoundError as error:
            raise DatasetError(
                f"{where}: not found; collect it with `python -m scripts.train --save-demos {name}`"
            ) from error
        except Exception as error:  # HDF5, JSON and Minari each have their own
            raise DatasetError(f"{where}: damaged ({error}); delete the folder and collect it again") from error
    obs_space, action_space = stored.observation_space, stored.action_space
    if not isinstance(obs_space, spaces.Box) or not isinstance(action_space, spaces.Box | spaces.Discrete):
        raise DatasetError(
            f"{where}: needs Box observations and Box or Discrete actions, has {obs_space} and {action_space}"
        )
    if not episodes or not any(len(episode) for episode in episodes):
        raise DatasetError(f"{where}: holds no steps; collect it again")
    if env is not None:
        _check_spaces(where, env, obs_space, action_space)
    return _concatenate(where, episodes, action_space)


def _check_spaces(where: str, env: VectorEnv, obs_space: spaces.Box, action_space: spaces.Space) -> None:
    wanted = (env.single_observation_space, env.single_action_space)
    for what, has, needs in zip(("observations", "actions"), (obs_space, action_space), wanted, strict=True):
        if type(has) is not type(needs) or has.shape != needs.shape:
            raise DatasetError(
                f"{where}: its {what} are {has}, the environment's are {needs}; "
                "choose the environment that it was collected in, or collect it again"
            )


def _concatenate(where: str, episodes: list, action_space: spaces.Space) -> Dataset:
    steps = [len(episode) for episode in episodes]

    def info(key: str) -> np.ndarray:
        """A number for each step from the infos; 0 where the dataset has none."""
        return np.concatenate(
            [np.asarray((e.infos or {}).get(key, np.zeros(n)))[:n] for e, n in zip(episodes, steps, strict=True)]
        ).astype(np.int64)

    obs = np.concatenate([np.asarray(e.observations)[:n] for e, n in zip(episodes, steps, strict=True)])
    action = np.concatenate([np.asarray(e.actions)[:n] for e, n in zip(episodes, steps, strict=True)])
    if not np.isfinite(obs).all() or not np.isfinite(action).all():
        raise DatasetError(f"{where}: holds numbers that are not finite; collect it again")
    if isinstance(action_space, spaces.Discrete):
        action = action.astype(np.int64) - action_space.start  # classes count from 0
    else:
        action = action.reshape(len(action), -1).astype(np.float32)
    return Dataset(
        obs=obs.reshape(len(obs), -1).astype(np.float32),
        action=action,
        episode=np.repeat(np.arange(len(episodes)), steps),
        learner=info("learner"),
        driver=info("driver"),
    )
