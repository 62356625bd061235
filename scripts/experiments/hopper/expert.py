"""The expert of Hopper: a linear policy, found by augmented random search (Mania et al. 2018, arXiv:1803.07055).

Shapes: O = 11 numbers in an observation, A = 3 torques in an action. "..." stands for any axes in front, such as time.
"""

import numpy as np
from jaxtyping import Float, Float32

WEIGHTS = np.array(
    [
        [0.7372, -1.6618, -0.1791, -0.2147, 0.0530, 0.0063, -0.0937, -0.1904, -0.1071, -0.0386, -0.0053],
        [0.1142, -0.6070, -0.3286, -0.7881, 0.1129, 0.0187, -0.0449, 0.0666, 0.0976, -0.1508, -0.0037],
        [1.9609, -2.3540, 0.4792, -0.6646, -0.3492, -0.1455, -0.1352, -0.0181, 0.0827, 0.0843, 0.0431],
    ]
)
OFFSET = np.array([-1.0824, -0.3999, -2.0207])


def expert(obs: Float[np.ndarray, "... O"]) -> Float32[np.ndarray, "... A"]:
    """Hops forward as fast as it can. It reads the observation, which holds all that moves."""
    return np.clip(obs @ WEIGHTS.T + OFFSET, -1.0, 1.0).astype(np.float32)
