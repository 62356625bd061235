"""What the page draws: the cars, the road around them and what the policy sees, as plain numbers.

Units: metres, radians, metres per second. Commands and pictures as in `hw1.envs`.
"""

from typing import Any

import numpy as np
from gymnasium.vector import VectorEnv

from hw1.envs import fork, lane
from hw1.tasks import TASKS

BEHIND, AHEAD = 15, 60  # metres of road around a car
WORLDS: dict[str, dict[str, Any]] = {
    "lane": {
        "dt": lane.DT,
        "half_width": lane.HALF_WIDTH,
        "actions": 1,
        "camera": [len(lane.AHEAD), lane.COLUMNS],
        "max_steer": lane.MAX_STEER,
        "max_accel": 0.0,
    },
    "fork": {
        "dt": fork.DT,
        "half_width": fork.HALF_WIDTH,
        "actions": 2,
        "trees": 4,
        "tree_half_width": fork.TREE_HALF_WIDTH,
        "verge": fork.VERGE,
        "max_steer": fork.MAX_STEER,
        "max_accel": fork.MAX_ACCEL,
    },
}
for _name, _world in WORLDS.items():
    _world["horizon"] = TASKS[_name].horizon


def car(env: VectorEnv, i: int, obs: np.ndarray, action: np.ndarray, cost: float) -> dict[str, Any]:
    """Car number `i`, after `action` `[N, A]` led to `obs` `[N, O]`; nothing is known of a doubt."""
    inner = env.unwrapped
    cars, seen = inner.cars, road(inner, i)
    at = (float(cars.s[i]) - seen["s0"]) / seen["ds"]
    knots = np.arange(len(seen["x"]))
    told = {name: _short(getattr(cars, name)[i]) for name in ("s", "e", "psi", "v")}
    x, y, angle = (float(np.interp(at, knots, seen[name])) for name in ("x", "y", "heading"))
    told |= {
        "x": _short(x - told["e"] * np.sin(angle)),
        "y": _short(y + told["e"] * np.cos(angle)),
        "heading": _short(angle + told["psi"]),
        "steer": _short(action[i, 0]),
        "accel": _short(action[i, 1]) if action.shape[1] > 1 else 0.0,
        "ended": bool(inner.terminated[i]),
        "cost": cost,
        "doubt": None,
        "threshold": None,
        "road": seen,
    }
    if isinstance(inner, lane.Lane):
        told["camera"] = np.rint(255 * obs[i]).astype(int).tolist()
    else:
        told["trees"] = [_short(s) for s in inner.tree_s[i]]
    return told


def road(env: VectorEnv, i: int) -> dict[str, Any]:
    """The centre line around a car, a point every metre."""
    road, here = env.cars.road, float(env.cars.s[i])
    along = np.arange(max(np.floor(here) - BEHIND, 0.0), np.floor(here) + AHEAD + 1)
    x, y = road.points(i, along).T
    heading = np.cos(along[:, None] * road.frequency[i] + road.phase[i]) @ road.amplitude[i]
    shape = {"x": x, "y": y, "heading": heading}
    return {"s0": float(along[0]), "ds": 1.0} | {name: np.round(values, 3).tolist() for name, values in shape.items()}


def _short(value: float) -> float:
    return round(float(value), 4)
