"""Tightrope: the chain of Ross & Bagnell (2010) on which the cost of imitation is known in closed form.

At every step the right action is 1 ("take the step"); anything else is a slip. A slip is permanent: all later steps
cost 1, and nothing that the walker does there was ever demonstrated. With `recoverable=True` the walker is back on the
rope one step later.
"""

import numpy as np
from gymnasium import spaces

from hw1.envs.base import BatchedEnv, require_bool


class Tightrope(BatchedEnv):
    """Observation: `[1]`, 1 on the rope and 0 off it. Action: 0 or 1. State: the same number as the observation.
    Reward: -1 for each step that ends off the rope. `hw1.compounding.tightrope_cost` is its closed form.
    """

    def __init__(self, num_envs: int = 1, *, recoverable: bool = False, **options):
        require_bool(recoverable=recoverable)
        super().__init__(num_envs, spaces.Box(0.0, 1.0, (1,), np.float32), spaces.Discrete(2), **options)
        self.recoverable = recoverable
        self.on_rope = np.ones(num_envs, dtype=bool)

    def _reset_rows(self, rows):
        self.on_rope[rows] = True

    def _advance(self, actions):
        stays = actions == 1
        self.on_rope = stays if self.recoverable else self.on_rope & stays
        return -(~self.on_rope).astype(np.float64)

    def _observe(self):
        return self.on_rope[:, None].astype(np.float32)

    def _info(self):
        return {"state": self._observe()}

    def draw(self, figure, row=0):
        from hw1.envs.render import draw_tightrope

        draw_tightrope(figure.add_axes((0, 0, 1, 1)), self.on_rope[row], self.elapsed[row])
