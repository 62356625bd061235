"""The scripted expert for Pendulum-v1 that both arms of the DAgger benchmark imitate.

Needs NumPy only: it is imported in this project's environment and in the peer's.
"""

import numpy as np

GRAVITY = 15.0  # 3 g / (2 l) of Pendulum-v1: the angular acceleration when the rod is level
MAX_TORQUE = 2.0
UPRIGHT = 0.85  # cosine of the angle above which the expert balances


def pendulum_expert(obs: np.ndarray) -> np.ndarray:
    """Swings up by pumping energy, then balances: `[..., 3]` (cos, sin, speed) -> torque `[..., 1]`.

    A pure function of the observation. The angle is 0 upright. Its mean return is about -150.
    """
    cos, sin, speed = np.moveaxis(np.asarray(obs, dtype=np.float64), -1, 0)
    # Energy shaping (Astrom & Furuta 2000): push along the motion until the energy is that of standing upright.
    missing_energy = GRAVITY - (speed**2 / 2 + GRAVITY * cos)
    swing_up = missing_energy * np.tanh(speed)
    balance = -12.0 * np.arctan2(sin, cos) - 3.0 * speed
    torque = np.where(cos > UPRIGHT, balance, swing_up)
    return np.clip(torque, -MAX_TORQUE, MAX_TORQUE)[..., None].astype(np.float32)
