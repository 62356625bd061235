"""The expert of Hopper: a linear policy, found by augmented random search (Mania et al. 2018, arXiv:1803.07055).

Shapes: O = 11 numbers in an observation, A = 3 torques in an action. "..." stands for any axes in front, such as time.
"""

import numpy as np
from jaxtyping import Float, Float32

WEIGHTS = np.array(
    [
        [0.8113, -1.6815, -0.8471, -0.5793, -0.0281, 0.0616, -0.0282, -0.2298, -0.2440, -0.0558, -0.0105],
        [0.2159, -0.4093, -0.3282, -0.7390, 0.2989, 0.0024, -0.0423, 0.0783, 0.1650, -0.1254, 0.0100],
        [1.8175, -2.6839, 0.4025, -0.8536, -0.3038, -0.3117, -0.1567, 0.0500, 0.0466, 0.1142, 0.0093],
    ]
)
OFFSET = np.array([-1.5375, -0.5262, -1.7474])


def expert(obs: Float[np.ndarray, "... O"]) -> Float32[np.ndarray, "... A"]:
    """Hops forward as fast as it can. It reads the observation, which holds all that moves."""
    return np.clip(obs @ WEIGHTS.T + OFFSET, -1.0, 1.0).astype(np.float32)
