"""Probes of part 3: disagreement in the policy's own states, cost against the horizon, the tightrope."""

from contextlib import suppress

import numpy as np
from gymnasium import spaces
from gymnasium.vector import VectorEnv
from gymnasium.vector.utils import batch_space

from hw1.envs import BatchedEnv, Lane, Tightrope
from hw1.experts import LaneExpert
from hw1.rollout import rollout
from tests.autograder import forms
from tests.autograder.probes.actors import actor, draw_actor
from tests.autograder.probes.base import Arrays, Close, Homework, probe
from tests.autograder.probes.sizes import cases


# --- 3.1 -------------------------------------------------------------------------------------------------------------
# The policy is the expert, shifted by a vector that depends on its past. The shifts are clearly within or beyond the
# tolerance, so rounding decides nothing.
class Gusts(BatchedEnv):
    """A point that actions and gusts move. The observation is the state in other units. Terminates beyond `edge`."""

    UNITS, ORIGIN = 10.0, 3.0

    def __init__(self, num_envs: int, dims: int, edge: float = np.inf):
        box = spaces.Box(-np.inf, np.inf, (dims,), np.float32)
        super().__init__(num_envs, box, box)
        self.edge = edge
        self.position = np.zeros((num_envs, dims))

    def _reset_rows(self, rows):
        self.position[rows] = self.np_random.uniform(-1.0, 1.0, (len(rows), self.position.shape[1]))

    def _advance(self, actions):
        moved = self.position + actions + self.np_random.uniform(-0.3, 0.3, self.position.shape)
        self.position = np.where(self.terminated[:, None], self.position, moved)
        self.terminated = np.abs(self.position).max(axis=1) > self.edge
        return np.zeros(self.num_envs)

    def _observe(self):
        return (self.UNITS * self.position + self.ORIGIN).astype(np.float32)

    def _info(self):
        return {"state": self.position.astype(np.float32)}


class Wanderer:
    """A policy that remembers: its shift is one of `shifts [kinds, A]`, chosen by the present and the previous
    observation and by random numbers that begin anew at each reset. No environment begins where it is farther than 1.
    """

    def __init__(self, gain: float, shifts: np.ndarray):
        self.gain, self.shifts = gain, shifts
        self.reset(-1)

    def reset(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed + 1)
        self.before: np.ndarray | None = None

    def __call__(self, obs):
        before = obs if self.before is None or self.before.shape != obs.shape else self.before
        self.before = np.array(obs)
        centred = (np.asarray(obs, dtype=np.float64) - Gusts.ORIGIN) / Gusts.UNITS
        seen = (centred[:, 0] > 0) + 2 * (before[:, -1] > Gusts.ORIGIN) + 4 * (np.abs(centred[:, 0]) > 1)
        kind = (seen + self.rng.integers(len(self.shifts), size=len(obs))) % len(self.shifts)
        return (-self.gain * centred + self.shifts[kind]).astype(np.float32)


def disagreement(hw1: Homework, inputs: Arrays) -> np.ndarray:
    """The answer for a policy that has driven before in the same environment, `[T, N]`."""
    horizon, num_envs, dims = int(inputs["horizon"]), int(inputs["envs"]), inputs["shifts"].shape[1]
    gain, tolerance = inputs["gain"], float(inputs["tolerance"])
    policy, env = Wanderer(gain, inputs["shifts"]), Gusts(num_envs, dims, float(inputs["edge"]))
    policy(env.reset(seed=1)[0])
    result = hw1.compounding.disagreement(
        env,
        policy,
        lambda state: (-gain * np.asarray(state)).astype(np.float32),
        horizon,
        tolerance,
        seed=int(inputs["seed"]),
    )
    return forms.array(result, "disagreement", "T N", horizon, num_envs)


def draw_sizes(rng: np.random.Generator) -> dict[str, int]:
    """Time steps, environments and numbers in an action: all different, and enough that every shift occurs."""
    return {"horizon": int(rng.integers(9, 14)), "envs": int(rng.integers(15, 25)), "dims": int(rng.integers(3, 6))}


def draw_walk(
    rng: np.random.Generator,
    horizon: int,
    envs: int,
    dims: int,
    gain: float = 0.5,
    edge: float = np.inf,
    tolerance: tuple[float, float] = (-3.0, 1.0),
) -> Arrays:
    """Shifts in one dimension alone, to either side, or in several; some beyond the tolerance, some only in the norm.

    tolerance: bounds of its logarithm.
    """
    one = np.concatenate([np.eye(dims), -np.eye(dims)])
    alone = rng.uniform(1.1, 1.4, (2 * dims, 1)) * one + rng.uniform(-0.3, 0.3, one.shape) * (one == 0)
    others = np.tile([[0.1], [0.4], [0.8], [1.2], [1.2], [0.1], [0.1]], dims)
    others[-3:, 0] = 0.1, 1.1 * dims**0.5, 1.5 * dims  # all but one; one, also in the root mean square, in the mean
    others *= rng.choice([-1, 1], others.shape) * rng.uniform(0.95, 1.05, others.shape)
    shifts = np.concatenate([alone, rng.permuted(others, axis=1)])
    return _walk(rng, horizon, envs, shifts, np.exp(rng.uniform(*tolerance)), gain, edge)


def _walk(rng, horizon, envs, shifts, tolerance, gain, edge=np.inf) -> Arrays:
    return {
        "horizon": np.array(horizon),
        "envs": np.array(envs),
        "shifts": shifts * tolerance,
        "tolerance": np.array(tolerance),
        "gain": np.array(gain),
        "edge": np.array(edge),
        "seed": rng.integers(1, 2**31),
    }


@probe(
    "3.1.1",
    "on the policy's own states, from the given seed",
    points=1.5,
    draw=lambda rng: draw_walk(rng, **draw_sizes(rng), tolerance=(0.2, 1.2)),
    asked="In the states that the policy itself visits: does it act differently from the expert?",
)
def own_states(hw1: Homework, inputs: Arrays) -> dict:
    return {"disagreement": disagreement(hw1, inputs) != 0}


def draw_exact(rng: np.random.Generator) -> Arrays:
    """Differences of exactly the tolerance, or half of it more or less, in one dimension or in all."""
    sizes = draw_sizes(rng)
    one = np.eye(sizes["dims"])
    times = [one * size for size in (-1.5, -1.0, 1.0, 1.5)] + [[np.full(sizes["dims"], size)] for size in (0.5, -1.0)]
    return _walk(
        rng, sizes["horizon"], sizes["envs"], np.concatenate(times), rng.choice([0.25, 0.5, 1.0, 2.0]), gain=0.0
    )


@probe(
    "3.1.2",
    "any dimension, to either side, by more than the tolerance",
    points=1,
    draw=draw_exact,
    asked="True where any dimension of the action differs from the expert's by more than `tolerance`.",
)
def at_the_tolerance(hw1: Homework, inputs: Arrays) -> dict:
    return {"disagreement": disagreement(hw1, inputs) != 0}


def draw_ones(rng: np.random.Generator) -> Arrays:
    """One time step, one environment, or one number in an action."""
    drawn = {}
    for name in ("horizon", "envs", "dims"):
        own = draw_walk(rng, **draw_sizes(rng) | {name: 1})
        drawn |= {f"{key} if {name} = 1": array for key, array in own.items()}
    return drawn


@probe(
    "3.1.3",
    "one time step, one environment, one dimension; shape and dtype",
    points=0.75,
    draw=draw_ones,
    asked="True where any dimension of the action differs from the expert's by more than `tolerance`.",
)
def one_of_each(hw1: Homework, inputs: Arrays) -> dict:
    return {f"disagreement{case}": disagreement(hw1, own) for case, own in cases(inputs)}


def draw_ending(rng: np.random.Generator) -> Arrays:
    """The expert drives away from the origin, so that all environments soon terminate; a small tolerance."""
    return draw_walk(rng, **draw_sizes(rng), gain=-0.7, edge=rng.uniform(1.1, 1.5), tolerance=(-7.0, -6.0))


@probe(
    "3.1.4",
    "after a termination, too",
    points=0.75,
    draw=draw_ending,
    asked="Every step counts, also those after an environment has terminated.",
)
def terminations(hw1: Homework, inputs: Arrays) -> dict:
    return {"disagreement": disagreement(hw1, inputs) != 0}


def draw_lane(rng: np.random.Generator) -> Arrays:
    sizes = {"horizon": rng.integers(9, 14), "envs": rng.integers(3, 7), "tolerance": rng.uniform(0.15, 0.3)}
    return {name: np.array(x) for name, x in (sizes | draw_actor(rng) | {"seed": rng.integers(1, 2**31)}).items()}


# Actions are continuous here, so rounding may decide one of some 50 comparisons, but hardly ever two.
@probe(
    "3.1.5",
    "in use: a policy with a history drives on Lane",
    points=1,
    draw=draw_lane,
    rules={"disagreements so far": Close(rtol=0, atol=1.01)},
    asked="Policies and gates that remember something between steps have a method `reset(seed)`",
)
def on_lane(hw1: Homework, inputs: Arrays) -> dict:
    horizon, env = int(inputs["horizon"]), Lane(int(inputs["envs"]))
    policy = actor(hw1, inputs, *env.single_observation_space.shape, *env.single_action_space.shape)
    policy(env.reset(seed=1)[0])
    result = hw1.compounding.disagreement(
        env, policy, LaneExpert(), horizon, float(inputs["tolerance"]), seed=int(inputs["seed"])
    )
    table = forms.array(result, "disagreement", "T N", horizon, env.num_envs)
    return {"disagreements so far": table.astype(np.float64).cumsum(axis=0)}


class Conveyor(VectorEnv):
    """Moves its rows by itself, whatever the actions are. The observation is the state in other units, unless `hidden`:
    then there is no privileged state.
    """

    def __init__(self, num_envs: int, dims: int, bound: float, hidden: bool):
        self.num_envs, self.hidden = num_envs, hidden
        self.single_action_space = spaces.Box(-bound, bound, (dims,), np.float32)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.single_observation_space = spaces.Box(-np.inf, np.inf, (dims,), np.float32)
        self.nothing, self.nowhere = np.zeros(num_envs), np.zeros(num_envs, dtype=bool)

    def reset(self, *, seed=None, options=None):
        rng = np.random.default_rng(1 if seed is None else seed)
        dims = self.single_action_space.shape
        self.position, self.speed = (rng.uniform(-1, 1, (self.num_envs, *dims)).astype(np.float32) for _ in range(2))
        return self.seen()

    def step(self, actions):
        self.position = self.position + 0.1 * self.speed
        obs, info = self.seen()
        return obs, self.nothing, self.nowhere, self.nowhere, info

    def seen(self):
        return (self.position, {}) if self.hidden else (3 * self.position, {"state": self.position})


def draw_others(rng: np.random.Generator) -> Arrays:
    """The same sizes and seed in all cases but two. In the first two cases the policies disagree in other states."""
    horizon, envs, dims = int(rng.integers(6, 9)), int(rng.integers(9, 12)), int(rng.integers(2, 4))
    times = rng.choice([-1, 1], (4, dims)) * rng.uniform(0.2, 0.8, (4, dims))
    times[:2, 0] = rng.permutation([-1.5, 1.5])
    usual = _walk(rng, horizon, envs, times, rng.uniform(0.25, 0.35), gain=0.5)
    usual |= {"bound": np.array(np.inf), "hidden": np.array(False), "rows": np.zeros((envs, dims))}
    usual |= {"constant": np.array(False)}
    beyond = rng.choice([-1, 1], dims) * rng.uniform(2.5, 3.0)
    tiny = np.array([[0.0], [0.0], [1e-4], [1e-9]]) * rng.choice([-1, 1], (4, dims))
    cases = {
        "the policy is a function": {},
        "actions leave their bounds": {
            "bound": np.array(2.0),
            "rows": np.tile(beyond, (envs, 1)),
            "shifts": usual["shifts"][::-1],
        },
        "there is no privileged state": {"hidden": np.array(True)},
        "the expert knows the environments": {"rows": np.round(rng.normal(size=(envs, dims)), 1)},
        "the policy always returns the same array": {"constant": np.array(True)},
        "the tolerance is 0": {"tolerance": np.array(0.0), "shifts": tiny, "gain": np.array(0.0)},
        "actions are large": {
            "rows": np.full((envs, dims), 1024.0),
            "tolerance": np.array(0.008),
            "shifts": 0.008 * times,
        },
        "no seed is given": {"seed": np.array(-1)},
        "the rollout is long": {"horizon": rng.integers(201, 210), "envs": np.array(2)},
    }
    return named({case: usual | own for case, own in cases.items()})


def on_conveyor(hw1: Homework, inputs: Arrays) -> np.ndarray:
    """The answer for a policy without memory that is a plain function; `rows` are added to its actions."""
    horizon, num_envs, shifts = int(inputs["horizon"]), int(inputs["envs"]), inputs["shifts"]
    hidden, rows, gain = bool(inputs["hidden"]), inputs["rows"][:num_envs], float(inputs["gain"])

    same = np.resize(shifts, rows.shape).astype(np.float32)

    def policy(obs):
        if inputs["constant"]:
            return same
        state = obs if hidden else obs / np.float32(3)
        kind = np.floor(9 * state[:, 0]).astype(int) % len(shifts)
        return (rows - gain * state + shifts[kind]).astype(np.float32)

    result = hw1.compounding.disagreement(
        Conveyor(num_envs, shifts.shape[1], float(inputs["bound"]), hidden),
        policy,
        lambda state: (rows - gain * np.asarray(state)).astype(np.float32),
        horizon,
        float(inputs["tolerance"]),
        **{"seed": int(inputs["seed"])} if inputs["seed"] >= 0 else {},
    )
    return forms.array(result, "disagreement", "T N", horizon, num_envs)


@probe(
    "3.1.6",
    "other policies, experts, environments, tolerances; a long rollout",
    points=1,
    draw=draw_others,
    asked="In an environment without a privileged state the expert reads the observations.",
)
def other_worlds(hw1: Homework, inputs: Arrays) -> dict:
    """In the last steps of each rollout."""
    return {f"disagreement{case}": on_conveyor(hw1, own)[-20:] != 0 for case, own in cases(inputs)}


# --- 3.2 -------------------------------------------------------------------------------------------------------------
def cost_by_horizon(hw1: Homework, inputs: Arrays) -> np.ndarray:
    result = hw1.compounding.cost_by_horizon(inputs["costs"], inputs["horizons"])
    return forms.array(result, "cost_by_horizon", "horizons", len(inputs["horizons"])).astype(np.float64, copy=False)


def growth_exponent(hw1: Homework, inputs: Arrays) -> float | np.ndarray:
    """A pair of numbers is let through, because it is a known mistake."""
    slope = hw1.compounding.growth_exponent(inputs["horizons"], inputs["cost"])
    pair = isinstance(slope, np.ndarray) and slope.shape == (2,)
    return slope if pair else forms.number(slope, "growth_exponent")


def named(made: dict[str, Arrays]) -> Arrays:
    """The inputs of several cases."""
    return {f"{name} if {case}": array for case, own in made.items() for name, array in own.items()}


def draw_costs(rng: np.random.Generator, steps: int = 0, envs: int = 0) -> Arrays:
    """Costs of either sign that differ between steps and environments; unordered horizons, one of them twice.

    steps, envs: 0 for a random number above 1.
    """
    steps, envs = steps or int(rng.integers(30, 60)), envs or int(rng.integers(3, 6))
    costs = rng.normal(1.0, 1.0, (steps, envs)) * np.linspace(1, 3, steps)[:, None] * np.arange(1, envs + 1)
    horizons = rng.integers(1, steps + 1, rng.integers(2, 6))
    return {"costs": costs, "horizons": rng.permutation(np.r_[1, steps, horizons, horizons[:1]])}


@probe(
    "3.2.1",
    "cost summed over time, averaged over environments",
    points=1.5,
    draw=draw_costs,
    axes={"costs": "T N"},
    asked="the cost summed over the first T steps, averaged over environments, for each T in `horizons`.",
)
def several_environments(hw1: Homework, inputs: Arrays) -> dict:
    """Also after the numbers in the same array have changed. Both answers are read at the end."""
    first = cost_by_horizon(hw1, inputs)
    inputs["costs"] *= -2
    second = cost_by_horizon(hw1, inputs)
    return {"cost": first.copy(), "cost of other numbers": second.copy()}


def draw_other_costs(rng: np.random.Generator) -> Arrays:
    """A long rollout of one environment, many environments, one step, one horizon; integers whose sums need more than
    16 bits, and bools as `disagreement` gives; huge costs after small ones.
    """
    whole, long = draw_costs(rng), draw_costs(rng, steps=int(rng.integers(2100, 2500)), envs=1)
    counted = draw_costs(rng, steps=int(rng.integers(400, 500)))
    shape = counted["costs"].shape
    early = counted["horizons"][counted["horizons"] < len(counted["costs"])]
    huge = whole | {"costs": whole["costs"].copy(), "horizons": np.r_[whole["horizons"], 2, 3]}
    huge["costs"][-3:] *= 1e18
    made = {
        "N = 1": long | {"costs": long["costs"].astype(np.float32)},
        "N is large": draw_costs(rng, steps=4, envs=int(rng.integers(1025, 1100))),
        "T = 1": draw_costs(rng, steps=1),
        "there is one horizon": whole | {"horizons": rng.integers(2, len(whole["costs"]), 1)},
        "costs are integers": {"costs": rng.integers(-400, 900, shape), "horizons": early},
        "costs are small integers": counted | {"costs": rng.integers(-900, 9000, shape).astype(np.int16)},
        "costs are bools": counted | {"costs": rng.random(shape) < rng.uniform(0.8, 0.9)},
        "the last costs are huge": huge,
    }
    return named(made)


@probe(
    "3.2.2",
    "cost of one environment, one step, one horizon; of integers and bools",
    points=1,
    draw=draw_other_costs,
    asked="the cost of every step, any numbers; bools count as 0 and 1.",
)
def other_costs(hw1: Homework, inputs: Arrays) -> dict:
    """The costs lie in memory one environment after the other, as in a transposed array."""
    given = {case: own | {"costs": np.array(own["costs"], order="F")} for case, own in cases(inputs)}
    return {f"cost{case}": cost_by_horizon(hw1, own).copy() for case, own in given.items()}


def draw_scattered(rng: np.random.Generator) -> Arrays:
    """Costs scattered widely around a power law, in any order; unevenly spaced horizons."""
    points = int(rng.integers(5, 10))
    horizons = np.round(np.cumprod(rng.uniform(1.4, 3.5, points)) * rng.uniform(2, 4))
    scatter = rng.normal(0.0, 0.4, points)
    scatter[1:4] += rng.permutation([-1.0, 1.2, -0.8])
    cost = np.exp(rng.uniform(1, 3) + scatter) * horizons ** rng.uniform(0.5, 2.2)
    order = rng.permutation(points)
    return {"horizons": horizons.astype(np.int64)[order], "cost": cost[order]}


@probe(
    "3.2.3",
    "the slope through scattered points",
    points=1.5,
    draw=draw_scattered,
    asked="the least-squares slope of log cost against log T.",
)
def scattered_points(hw1: Homework, inputs: Arrays) -> dict:
    return {"exponent": growth_exponent(hw1, inputs)}


def draw_other_points(rng: np.random.Generator) -> Arrays:
    """Two points, many points, a falling and tiny cost, a steep one, a constant one, integers, the first step, horizons
    that are no integers, horizons that occur several times.
    """
    whole = draw_scattered(rng)
    horizons, cost = whole["horizons"], whole["cost"]
    points = int(rng.integers(20, 30))
    two = np.repeat(np.array([3, 3 + rng.integers(2, 9)]), 3)
    made = {
        "there are two points": {
            "horizons": rng.integers(3, 9) * np.array([1, rng.integers(5, 20)]),
            "cost": rng.uniform(1, 40, 2),
        },
        "the cost is tiny and falls": {"horizons": horizons, "cost": 1e-30 * cost / horizons**3.0},
        "the cost is steep": {"horizons": horizons, "cost": cost * horizons**7.0},
        "the cost is constant": {"horizons": horizons, "cost": np.full(len(cost), rng.uniform(2, 9))},
        "the costs are integers": whole | {"cost": rng.integers(1, 60, len(cost))},
        "T = 1 is a horizon": {"horizons": np.r_[1, horizons], "cost": np.r_[rng.uniform(1, 50), cost]},
        "a horizon comes twice": {"horizons": np.r_[horizons, horizons[:1]], "cost": np.r_[cost, 5 * cost[:1]]},
        "two horizons come three times": {"horizons": rng.permutation(two), "cost": rng.uniform(1, 40, 6)},
        "horizons are no integers": {
            "horizons": rng.permutation(np.geomspace(0.1, 5.5, 6)),
            "cost": rng.integers(1, 60, 6),
        },
        "there are many points": {"horizons": 1 + rng.permutation(points), "cost": rng.uniform(1, 40, points)},
    }
    return named(made)


@probe(
    "3.2.4",
    "the slope through two points, of falling costs, of integers",
    points=1,
    draw=draw_other_points,
    asked="positive numbers in any order, with at least two different horizons.",
)
def other_points(hw1: Homework, inputs: Arrays) -> dict:
    return {f"exponent{case}": growth_exponent(hw1, own) for case, own in cases(inputs)}


def draw_walkers(rng: np.random.Generator) -> Arrays:
    """So many walkers that some have slipped by the first horizon."""
    return {
        "rate": rng.uniform(0.03, 0.06, ()),
        "envs": np.array(rng.integers(70, 100)),
        "horizons": rng.permutation(np.geomspace(10, rng.integers(45, 60), 6).astype(np.int64)),
        "seed": np.array(rng.integers(1, 2**31)),
    }


@probe(
    "3.2.5",
    "in use: the cost of walkers who slip; the inputs do not change",
    points=1,
    draw=draw_walkers,
    asked="No function here changes the arrays that it is given.",
)
def walkers(hw1: Homework, inputs: Arrays) -> dict:
    coin, horizons = np.random.default_rng(int(inputs["seed"])), inputs["horizons"]
    steps = rollout(
        Tightrope(int(inputs["envs"])),
        lambda obs: (coin.random(len(obs)) >= inputs["rate"]).astype(np.int64),
        int(horizons.max()),
        int(inputs["seed"]),
    )
    given = {"costs": steps.cost, "horizons": horizons.copy(), "cost": np.sqrt(horizons)}
    answer = {"cost": cost_by_horizon(hw1, given).copy()}
    growth_exponent(hw1, given)
    before = {"costs": steps.cost, "horizons": horizons, "cost": np.sqrt(horizons)}
    return answer | {f"{name} unchanged": np.array_equal(given[name], array) for name, array in before.items()}


# --- 3.3 -------------------------------------------------------------------------------------------------------------
def tightrope(hw1: Homework, inputs: Arrays, recoverable: bool) -> dict:
    """The cost for each rate and horizon; of permanent slips after that of slips with recovery."""
    costs = []
    for eps, T in zip(inputs["error_rate"].tolist(), inputs["horizon"].tolist(), strict=True):
        with suppress(Exception):
            hw1.compounding.tightrope_cost(eps, T, True)
        costs.append(hw1.compounding.tightrope_cost(eps, T, recoverable))
    return {"cost": np.array([forms.number(cost, "tightrope_cost") for cost in costs])}


def between(rng: np.random.Generator, rates: list, horizons: list) -> Arrays:
    """Pairs of a rate and a horizon, each between two bounds, even on a logarithmic scale."""
    rate, horizon = (np.exp(rng.uniform(*np.log(bounds).T)) for bounds in (rates, horizons))
    return {"error_rate": rate, "horizon": np.round(horizon).astype(np.int64)}


# Costs of 1e-6 matter as well, so only the relative error counts: 0.1 %, and a little for rounding.
PRECISE = Close(rtol=1.05e-3, atol=1e-12, beside=("error_rate", "horizon"))


def draw_usual(rng: np.random.Generator) -> Arrays:
    """Some costs of every kind, then every magnitude of eps and T, then eps near 1."""
    rates = [[0.3, 0.95], [0.03, 0.3], [3e-3, 3e-2], [1e-3, 3e-3], *3 * [[1e-6, 1e-4], [1.5e-4, 4.5e-4], [0.01, 0.02]]]
    horizons = [[2, 6], [5, 40], [20, 400], [800, 2000], *3 * [[1, 50]], *3 * [[50, 2e3]], *3 * [[2e4, 4e4]]]
    return between(rng, [*rates, [0.1, 1], [0.955, 0.985]], [*horizons, [50, 2e3], [2, 4]])


def draw_rare(rng: np.random.Generator) -> Arrays:
    """So few slips that a low precision shows; eps T from 1e-6 to 0.2, once where eps T^2 / 2 is just too rough."""
    rates = [[1e-6, 1e-4], [1e-6, 1e-4], [1e-5, 1.5e-5], [1e-6, 2e-6], [4.2e-6, 4.6e-6]]
    return between(rng, rates, [[1, 4], [6, 60], [900, 1300], [6e4, 1e5], [980, 1020]])


def draw_edges(rng: np.random.Generator) -> Arrays:
    """Never a slip, a slip at every step, a single step."""
    rates = np.array([0.0, 1.0, *rng.uniform([0.1, 0.6], [0.4, 0.9]), 0.0, 1.0])
    return {"error_rate": rates, "horizon": np.array([*rng.integers(5, 20, 2), 1, 1, 1, 1])}


def draw_all(rng: np.random.Generator) -> Arrays:
    often = between(rng, [[0.1, 1]], [[3e4, 1e5]])
    parts = draw_usual(rng), draw_edges(rng), draw_rare(rng), often
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


@probe(
    "3.3.1",
    "a permanent slip",
    points=2.5,
    draw=draw_usual,
    rules={"cost": PRECISE},
    asked="If a slip is permanent, all later steps cost 1 as well",
)
def permanent(hw1: Homework, inputs: Arrays) -> dict:
    return tightrope(hw1, inputs, recoverable=False)


@probe(
    "3.3.2",
    "a slip with recovery",
    points=1.5,
    draw=draw_all,
    rules={"cost": PRECISE},
    asked="if it is recoverable, the next step starts on the rope again.",
)
def with_recovery(hw1: Homework, inputs: Arrays) -> dict:
    return tightrope(hw1, inputs, recoverable=True)


@probe(
    "3.3.3",
    "a permanent slip: never, at every step, in a single step",
    points=1,
    draw=draw_edges,
    rules={"cost": PRECISE},
    asked="On the rope the policy slips with probability eps, independently at every step.",
)
def edges(hw1: Homework, inputs: Arrays) -> dict:
    return tightrope(hw1, inputs, recoverable=False)


@probe(
    "3.3.4",
    "a permanent slip: rare, in few and in many steps",
    points=1,
    draw=draw_rare,
    rules={"cost": PRECISE},
    asked="Precise to 0.1 % for eps from 1e-6 to 1 and T from 1 to 100,000.",
)
def rare_slips(hw1: Homework, inputs: Arrays) -> dict:
    return tightrope(hw1, inputs, recoverable=False)
