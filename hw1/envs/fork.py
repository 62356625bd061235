"""Fork: an avenue with a tree every fifty metres, and two drivers who pass it on different sides.

The left side is the lane of oncoming traffic: a driver who passes there must be fast. The right side is gravel: there a
driver must be slow. So steering and acceleration are bimodal *jointly*: left belongs with fast, right with slow, and
neither the average of the two nor the wrong pair gets past the tree.
"""

import numpy as np
from gymnasium import spaces

from hw1.envs.base import BatchedEnv, require_number, require_whole
from hw1.envs.road import Cars, Road

DT = 0.2  # seconds in a step
MAX_STEER = 0.3  # radians of wheel angle at a steering command of 1
MAX_ACCEL = 2.0  # metres per second squared at an acceleration command of 1
CRUISE = 10.0  # metres per second between the trees
SPACING = 50.0  # metres from tree to tree
TREE_HALF_WIDTH = 1.2  # metres; a car that is closer to the centre line than this at a tree hits it
HALF_WIDTH = 3.0  # metres from the centre line to the painted edge; only drawn
VERGE = 5.0  # metres from the centre line to the ditch
LEFT_MINIMUM, RIGHT_MAXIMUM = 10.5, 9.5  # metres per second at a tree
BEHIND = 8.0  # metres behind the car at which a tree no longer matters
VISIBLE = 30.0  # metres ahead at which a tree becomes visible


class Fork(BatchedEnv):
    """Observation: `[5]` e/3, psi, (v - 10)/3, 20 x curvature, (distance to the tree - 10) / 10.
    Action: `[2]` steering and acceleration in [-1, 1]. State: `[6]` e, psi, v, curvature and distance to the tree in SI
    units, and the number of that tree (from 0).
    Reward: 1 for each tree passed without a crash. Terminates on a crash (tree, ditch, wrong speed for the side).
    `info["success"]`: past all trees without a crash, and back behind the last one.
    """

    SCALE = np.array([1 / 3.0, 1.0, 1 / 3.0, 20.0, 1 / 10.0])
    OFFSET = np.array([0.0, 0.0, -CRUISE, 0.0, -10.0])

    def __init__(
        self,
        num_envs: int = 1,
        *,
        trees: int = 4,
        gust_probability: float = 0.02,
        gust_heading: float = 0.05,
        curvature: float = 0.003,
        **options,
    ):
        require_whole(trees=trees)
        require_number(gust_heading=gust_heading, curvature=curvature)
        require_number(1.0, gust_probability=gust_probability)
        super().__init__(
            num_envs, spaces.Box(-10.0, 10.0, (5,), np.float32), spaces.Box(-1.0, 1.0, (2,), np.float32), **options
        )
        self.trees, self.gust_probability, self.gust_heading = trees, gust_probability, gust_heading
        self.cars = Cars(num_envs, Road(num_envs, curvature), MAX_STEER, MAX_ACCEL)
        self.tree_s = np.zeros((num_envs, trees))
        self.passed = np.zeros(num_envs, dtype=np.int64)
        self.rows = np.arange(num_envs)

    def _reset_rows(self, rows):
        rng, cars = self.np_random, self.cars
        cars.road.redraw(rows, rng)
        jitter = rng.uniform(-5.0, 5.0, (len(rows), self.trees))
        self.tree_s[rows] = SPACING * (1 + np.arange(self.trees)) + jitter
        self.passed[rows] = 0
        cars.s[rows] = 0.0
        cars.e[rows] = rng.normal(0.0, 0.3, len(rows))
        cars.psi[rows] = rng.normal(0.0, 0.03, len(rows))
        cars.v[rows] = rng.normal(CRUISE, 0.3, len(rows))

    def _advance(self, actions):
        cars, running = self.cars, ~self.terminated
        tree_s = self.tree_s[self.rows, np.minimum(self.passed, self.trees - 1)]  # (N,) position of the next tree
        before_s, before_e = cars.s, cars.e
        actions = np.where(running[:, None], np.clip(actions, -1.0, 1.0), 0.0)  # a crashed car stays where it is
        cars.step(actions[:, 0], actions[:, 1], cars.curvature(), DT)
        cars.gust(self.gust_probability, self.gust_heading, self.np_random, running)

        beside = running & (self.passed < self.trees) & (before_s < tree_s) & (cars.s >= tree_s)
        share = (tree_s - before_s) / np.maximum(cars.s - before_s, 1e-6)
        e = before_e + np.clip(share, 0.0, 1.0) * (cars.e - before_e)  # where the car was at the tree
        hit = np.abs(e) < TREE_HALF_WIDTH
        wrong_speed = np.where(e > 0, cars.v < LEFT_MINIMUM, cars.v > RIGHT_MAXIMUM)
        unharmed = beside & ~hit & ~wrong_speed
        self.passed += unharmed
        self.terminated = self.terminated | (beside & ~unharmed) | (np.abs(cars.e) > VERGE)
        cars.v = np.where(self.terminated, 0.0, cars.v)
        return unharmed.astype(np.float64)

    def _state(self) -> np.ndarray:
        # A tree that was just passed still matters: the car has to return to the lane first.
        last = np.maximum(self.passed - 1, 0)
        since = self.tree_s[self.rows, last] - self.cars.s
        matters = (self.passed > 0) & (since > -BEHIND)
        tree = np.where(matters, last, np.minimum(self.passed, self.trees - 1))
        distance = np.where(matters | (self.passed < self.trees), self.tree_s[self.rows, tree] - self.cars.s, VISIBLE)
        distance = np.clip(distance, -BEHIND, VISIBLE)
        cars = self.cars
        return np.stack([cars.e, cars.psi, cars.v, cars.curvature(), distance, tree], axis=-1)

    def _observe(self):
        return ((self._state()[:, :5] + self.OFFSET) * self.SCALE).astype(np.float32)

    def _info(self):
        cars = self.cars
        past = (self.passed == self.trees) & (cars.s > self.tree_s[:, -1] + BEHIND)
        success = past & ~self.terminated & (np.abs(cars.e) < TREE_HALF_WIDTH)
        return {"state": self._state().astype(np.float32), "success": success, "passed": self.passed.copy()}

    def draw(self, figure, row=0):
        from hw1.envs.render import draw_scene

        draw_scene(figure.add_axes((0, 0, 1, 1)), self.cars, row, HALF_WIDTH, self.tree_s[row])
