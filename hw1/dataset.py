"""Datasets D = {(o_1, a_1, ..., o_T)} in memory: the samples of all episodes, one after the other.

Shapes: M samples, O numbers in an observation, A in an action, T time steps, N parallel environments, W observations of
history, H actions in a chunk.
"""

from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Bool, Float32, Int, Int64, Shaped

from hw1.rollout import Rollout


@dataclass(frozen=True)
class Dataset:
    """Samples (observation, action), and where they come from. The samples of an episode are consecutive, in order."""

    obs: Float32[np.ndarray, "M O"]
    action: Float32[np.ndarray, "M A"] | Int64[np.ndarray, " M"]
    """Discrete actions are integers, numbered as in the environment, and have no second axis."""
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

        Steps after the end of an episode are never kept. A gap in `keep` begins a new episode.
        """
        keep = steps.running if keep is None else keep & steps.running
        length, num = keep.shape
        kept = keep.T.reshape(-1)  # (N * T), one environment after the other
        begins = np.concatenate([[True], ~kept[:-1]]) | (np.arange(length * num) % length == 0)
        return cls(
            # Pictures are large: those that are kept are copied once.
            obs=np.swapaxes(steps.obs, 0, 1)[keep.T].astype(np.float32, copy=False),
            action=as_actions(_by_env(np.asarray(action)))[kept],
            episode=(np.cumsum(begins & kept) - 1)[kept],
            learner=np.repeat(steps.learner, length)[kept],
            driver=_by_env(np.broadcast_to(driver, (length, num)))[kept].astype(np.int64),
        )

    def subset(self, keep: Bool[np.ndarray, " M"]) -> "Dataset":
        """The samples where `keep` is True. What comes after a gap is an episode of its own, with a new number.

        Raises ValueError if `keep` is no mask.
        """
        if keep.dtype != bool or keep.shape != (len(self),):
            raise ValueError(f"keep must be {len(self)} bools, got {keep.dtype} of shape {list(keep.shape)}")
        kept = np.flatnonzero(keep)
        data = {field.name: getattr(self, field.name)[kept] for field in fields(self)}
        episode = data["episode"]
        gap = np.r_[False, (np.diff(episode) == 0) & (np.diff(kept) > 1)]
        new = np.r_[False, np.diff(episode) != 0] | gap
        first = np.maximum.accumulate(np.where(new, np.arange(len(kept)), 0))  # of the part that a sample belongs to
        later = gap[first] if len(kept) else gap  # parts that come after a gap
        return Dataset(**data | {"episode": np.where(later, episode.max(initial=0) + np.cumsum(gap), episode)})

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


def as_actions(values: np.ndarray) -> np.ndarray:
    """`[M, ...]` as a Dataset holds actions: integers `[M]`, or numbers, flattened to `[M, A]`."""
    if np.issubdtype(values.dtype, np.integer) and values.ndim == 1:
        return values.astype(np.int64)
    return values.reshape(len(values), -1).astype(np.float32)


def _by_env(values: np.ndarray) -> np.ndarray:
    """`[T, N, ...] -> [N * T, ...]`, one environment after the other."""
    return np.swapaxes(values, 0, 1).reshape(-1, *values.shape[2:])
