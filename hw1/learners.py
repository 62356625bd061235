"""Several learners side by side: training seeds that share one batch, each with its own environments, data and network.

Of N environments the first N / L belong to learner 0, the next N / L to learner 1, and so on. This module alone knows
that rule. Whoever is interested in one run only need not look at it: then L is 1.
"""

from typing import TypeVar

import numpy as np
from jaxtyping import Int

Values = TypeVar("Values")  # an array or a tensor


def learner_of(num_envs: int, learners: int) -> Int[np.ndarray, " N"]:
    """The learner that each of `num_envs` environments belongs to.

    Raises ValueError if the learners cannot have equally many.
    """
    _check(num_envs, learners)
    return np.repeat(np.arange(learners), num_envs // learners)


def by_learner(values: Values, learners: int, axis: int = 0) -> Values:
    """Splits the axis of the environments: `[N, ...] -> [L, N / L, ...]`, or `[T, N, ...] -> [L, T, N / L, ...]`.

    Args:
        axis: the axis of the environments, 0 or 1.

    Raises ValueError if the learners cannot have equally many.
    """
    shape = values.shape
    _check(shape[axis], learners)
    return values.reshape(*shape[:axis], learners, shape[axis] // learners, *shape[axis + 1 :]).swapaxes(0, axis)


def _check(num_envs: int, learners: int) -> None:
    if learners < 1 or num_envs % learners:
        raise ValueError(f"{num_envs} environments cannot be shared evenly by {learners} learners")
