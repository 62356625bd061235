"""Several learners side by side: training seeds that share one batch, each with its own environments, data and network.

Of N environments the first N / L belong to learner 0, the next N / L to learner 1, and so on. Only this module knows
this rule. If you train one seed, L is 1 and you can skip this module.
"""

from typing import TypeVar

import numpy as np
from jaxtyping import Int, Shaped

Values = TypeVar("Values")


def learner_of(num_envs: int, learners: int) -> Int[np.ndarray, " N"]:
    """The learner that each of `num_envs` environments belongs to.

    Raises ValueError if the environments cannot be shared evenly.
    """
    _check(num_envs, learners)
    return np.repeat(np.arange(learners), num_envs // learners)


def by_learner(values: Shaped[Values, "..."], learners: int, axis: int = 0) -> Shaped[Values, "L ..."]:
    """Splits the axis of the environments: `[N, ...] -> [L, N / L, ...]`, or `[T, N, ...] -> [L, T, N / L, ...]`.

    Args:
        values: an array or a tensor.
        axis: the axis of the environments, 0 or 1.

    Raises ValueError if the environments cannot be shared evenly.
    """
    shape = values.shape
    _check(shape[axis], learners)
    return values.reshape(*shape[:axis], learners, shape[axis] // learners, *shape[axis + 1 :]).swapaxes(0, axis)


def _check(num_envs: int, learners: int) -> None:
    if learners < 1 or num_envs % learners:
        raise ValueError(f"{num_envs} environments cannot be shared evenly by {learners} learners")
