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
    "HalfCheetah-v5": Linear(
        np.array(
            [
                [0.6768, -0.5914, 0.2040, -0.0249, 0.2280, -3.2011],
                [0.0529, -0.1241, 0.0874, 0.0221, 0.1016, -0.2157],
                [-0.2755, -0.5352, -0.1050, -0.0839, 0.4275, 0.1781],
                [0.5546, 0.1307, 0.2708, -0.4853, 0.3686, 0.3171],
                [0.3815, 0.1506, -0.1678, -0.0006, 0.1192, 0.3051],
                [-0.1220, 0.7183, -0.2810, 0.1607, -0.5179, 0.1432],
                [0.3778, -0.1850, 0.3361, -0.1929, 0.0793, -0.7866],
                [-0.0009, -0.1721, -0.6537, 0.1087, -0.0371, -0.0462],
                [0.0090, -0.2165, -0.0175, -0.0469, -0.0354, 0.0284],
                [0.0831, -0.2190, 0.0281, -0.2049, -0.0761, 0.1832],
                [-0.0430, 0.0182, 0.0058, 0.0619, 0.0067, -0.2455],
                [-0.0092, -0.0129, -0.0244, 0.0086, -0.0308, -0.0210],
                [-0.0100, 0.0144, -0.0056, 0.0154, -0.0063, 0.0133],
                [0.0156, -0.0036, 0.0088, -0.0038, 0.0429, 0.0299],
                [-0.0240, -0.0112, 0.0273, 0.0079, 0.0180, 0.0028],
                [0.0130, -0.0165, 0.0086, 0.0285, 0.0009, 0.0004],
                [0.0292, -0.0167, -0.0129, -0.0019, -0.0073, -0.0150],
                [0.1152, -0.0180, -0.0410, 0.0191, -0.0121, -0.4852],
            ]
        )
    ),
}
"""By the id of the task in Gymnasium."""
