"""The experts: linear policies, found by augmented random search (Mania et al. 2018, arXiv:1803.07055).

Shapes: O numbers in an observation, A torques in an action. "..." stands for any axes in front, such as time.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32


@dataclass(frozen=True)
class Linear:
    """Moves forward as fast as it can. It reads the observation, which holds all that moves."""

    numbers: Float[np.ndarray, "O+1 A"]
    """The weights of each number in the observation; in the last row what is added."""

    def __call__(self, obs: Float[np.ndarray, "... O"]) -> Float32[np.ndarray, "... A"]:
        return np.clip(obs @ self.numbers[:-1] + self.numbers[-1], -1.0, 1.0).astype(np.float32)


EXPERTS = {
    "Hopper-v5": Linear(
        np.array(
            [
                [0.8113, 0.2159, 1.8175],
                [-1.6815, -0.4093, -2.6839],
                [-0.8471, -0.3282, 0.4025],
                [-0.5793, -0.7390, -0.8536],
                [-0.0281, 0.2989, -0.3038],
                [0.0616, 0.0024, -0.3117],
                [-0.0282, -0.0423, -0.1567],
                [-0.2298, 0.0783, 0.0500],
                [-0.2440, 0.1650, 0.0466],
                [-0.0558, -0.1254, 0.1142],
                [-0.0105, 0.0100, 0.0093],
                [-1.5375, -0.5262, -1.7474],
            ]
        )
    ),
}
"""By the id of the task in Gymnasium."""
