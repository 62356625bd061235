"""Probes of exercise E.4: the disagreement of an ensemble, and the gate that it opens."""

import numpy as np

from hw1.envs import Lane
from hw1.experts import LaneExpert
from hw1.rollout import rollout
from tests.autograder import forms
from tests.autograder.probes.actors import actor, draw_actor
from tests.autograder.probes.base import Arrays, Homework, probe
from tests.autograder.probes.sizes import cases, drawn


def gate_of(hw1: Homework, members, threshold):
    return hw1.dagger.uncertainty_gate(members, threshold)


def doubt(gate, obs: np.ndarray) -> np.ndarray:
    """`[N]`"""
    return forms.array(gate.doubt(obs.copy()), "UncertaintyGate.doubt", "N", len(obs)).astype(np.float64)


def decisions(gate, obs: np.ndarray, state: np.ndarray, expert_drives: np.ndarray) -> np.ndarray:
    """`[N]`"""
    answer = gate(obs, state.copy(), expert_drives.copy())
    return forms.array(answer, "UncertaintyGate.__call__", "N", len(obs))


# --- doubt -----------------------------------------------------------------------------------------------------------
class Linear:
    """A member whose action is a linear function. For the same observations it returns the same array again."""

    def __init__(self, weights: np.ndarray, offset: float):
        self.weights, self.offset = weights, offset
        self.kept: dict[bytes, np.ndarray] = {}

    def __call__(self, obs):
        return self.kept.setdefault(obs.tobytes(), (obs @ self.weights + self.offset).astype(np.float32))


def draw_ensemble(rng: np.random.Generator, E: int, N: int, A: int, offset: float = 0.0, scale: float = 1.0) -> Arrays:
    """Linear members; doubt is small in some states and large in others, each time in another dimension."""
    obs = rng.normal(size=(N, 6)) * rng.permutation(np.geomspace(0.1, 10, N))[:, None]
    weights = scale * (rng.normal(size=(E, 6, A)) + rng.normal(size=(1, 6, A)))
    return {"weights": weights, "obs": obs.astype(np.float32), "offset": np.array(offset)}


def draw_several(rng: np.random.Generator) -> Arrays:
    E, N, A = rng.permutation([3, 4, 5, 7, 9])[:3].tolist()
    return draw_ensemble(rng, E, N, A)


def members(inputs: Arrays) -> list[Linear]:
    return [Linear(weights, float(inputs["offset"])) for weights in inputs["weights"]]


@probe(
    "E.4.1",
    "doubt: the standard deviation over the members",
    points=1.5,
    draw=draw_several,
    axes={"weights": "E O A"},
    asked="Standard deviation of the members' actions, the largest over the action dimensions.",
)
def doubt_of_several(hw1: Homework, inputs: Arrays) -> dict:
    """Of two batches of observations and of the first one again. The answers are read after all calls."""
    gate = gate_of(hw1, members(inputs), 0.5)
    obs = inputs["obs"]
    asked = [obs.copy(), -20 * obs[::-1], obs.copy()]
    found = [forms.array(gate.doubt(batch), "UncertaintyGate.doubt", "N", len(obs)) for batch in asked]
    names = ("doubt", "doubt about other observations", "doubt when asked again")
    return {name: values.astype(np.float64) for name, values in zip(names, found, strict=True)}


def draw_ensembles(rng: np.random.Generator) -> Arrays:
    """Each size 1; many members; all actions far from 0, or doubt large; equal members."""
    twice = draw_ensemble(rng, 2, 3, 2)
    more = {
        "there are many members": draw_ensemble(rng, int(rng.integers(12, 20)), 3, 2),
        "all actions are near 1000": draw_ensemble(rng, 4, 3, 2, offset=1000.0),
        "doubt is large": draw_ensemble(rng, 3, 4, 2, scale=1e4),
        "a member comes twice": twice | {"weights": twice["weights"][[0, 0, 1]]},
    }
    usual = drawn(rng, draw_ensemble, E=4, N=5, A=4)
    return usual | {f"{name} if {case}": array for case, own in more.items() for name, array in own.items()}


@probe(
    "E.4.2",
    "doubt of few members, of many, in one state, in one dimension, of large actions",
    points=0.75,
    draw=draw_ensembles,
    asked="take the standard deviation over members (the population's: divide by E), then the maximum.",
)
def doubt_of_few(hw1: Homework, inputs: Arrays) -> dict:
    """A member that comes twice is one object."""
    answers = {}
    for case, own in cases(inputs):
        ensemble = members(own)
        if len(ensemble) > 1 and np.array_equal(ensemble[0].weights, ensemble[1].weights):
            ensemble[1] = ensemble[0]
        answers[f"doubt{case}"] = doubt(gate_of(hw1, ensemble, 0.5), own["obs"])
    return answers


# --- the gate --------------------------------------------------------------------------------------------------------
def draw_doubts(rng: np.random.Generator, threshold: np.ndarray, drives: np.ndarray | None = None) -> Arrays:
    """Doubt is the size of the largest coordinate, a quarter or a half above or below the threshold `[N]`, or 0.

    It is exactly the threshold only where both are 0, which no rounding changes: all members then give the same number.
    If all thresholds are 0, doubt is 0 or tiny. The members disagree in one dimension, or equally in all: no multiple
    of the mean over dimensions is right for both kinds of states.
    """
    rows, dims = len(threshold), int(rng.integers(2, 5))
    size = threshold + np.resize([-0.5, -0.25, 0.25, 0.5], rows)
    tiny = rows > 1 and not threshold.any()
    size = np.where(threshold > 0, size, (2.0**-30 if tiny else 0.25) * (np.cumsum(threshold == 0) % 2 == 0))
    one = rng.permuted(np.tile(np.eye(dims)[0], (rows, 1)), axis=1)
    obs = size[:, None] * np.where((np.arange(rows) // 4 % 2)[:, None], 1, one) * rng.choice([-1, 1], (rows, dims))
    drives = np.arange(rows) // 8 % 2 == 1 if drives is None else drives
    order = rng.permutation(rows)
    return {
        "obs": obs[order].astype(np.float32),
        "state": 4 * rng.permutation(obs).astype(np.float32),
        "expert_drives": drives[order],
        "threshold": threshold[order],
        "pairs": np.array(rng.choice([1, 2, 4])),
        "centre": np.array(0.0 if tiny else 0.5),
    }


def draw_thresholds(rng: np.random.Generator) -> Arrays:
    """One threshold, different ones, and 0; the expert drives nowhere, in some states, or everywhere."""
    rows = int(rng.integers(17, 25))
    one = np.full(rows, rng.choice([0.75, 1.25, 1.75]))  # not 1, which is its own square
    several = rng.permutation(0.25 * np.arange(rows))
    made = {
        "there is one threshold": draw_doubts(rng, one),
        "the expert drives everywhere": draw_doubts(rng, one, drives=np.ones(rows, dtype=bool)),
        "the thresholds differ": draw_doubts(rng, several + 0.5 * (several > 0)),
        "the threshold is 0": draw_doubts(rng, np.zeros(rows)),
        "N = 1": draw_doubts(rng, np.zeros(1), drives=np.ones(1, dtype=bool)),
    }
    return {f"{name} if {case}": array for case, own in made.items() for name, array in own.items()}


@probe(
    "E.4.3",
    "the gate calls the expert where doubt exceeds the threshold",
    points=1.25,
    draw=draw_thresholds,
    asked="True where doubt exceeds the threshold, whoever drives now.",
)
def calls(hw1: Homework, inputs: Arrays) -> dict:
    answers = {}
    for case, own in cases(inputs):
        centre = np.float32(own["centre"])
        pair = [lambda obs, centre=centre: centre + obs, lambda obs, centre=centre: centre - obs]
        threshold = own["threshold"].copy()
        same = (threshold == threshold[0]).all()
        gate = gate_of(hw1, pair * int(own["pairs"]), float(threshold[0]) if same else threshold)
        given = {"obs": own["obs"].copy(), "state": own["state"].copy(), "expert_drives": own["expert_drives"] != 0}
        called = [forms.array(gate(*given.values()), "UncertaintyGate.__call__", "N", len(threshold)) for _ in range(2)]
        answers[f"the expert is called{case}"] = np.stack(called)
        answers[f"the arguments are unchanged{case}"] = all(np.array_equal(x, own[name]) for name, x in given.items())
    return answers


class Member:
    """A policy that remembers: its action goes to one `side`, by the present and last observation and the calls so far.

    All sizes are multiples of a quarter.
    """

    def __init__(self, side: int):
        self.side = side
        self.reset(3)

    def reset(self, seed: int) -> None:
        self.calls, self.last = seed % 5, 0.0

    def __call__(self, obs):
        last = self.last if np.shape(self.last) == obs.shape else 1.0
        size = obs + 0.5 * last + 0.5 * (self.calls % 3)
        self.calls, self.last = self.calls + 1, obs.copy()
        return (self.side * size).astype(np.float32)


def draw_steps(rng: np.random.Generator, steps: int, rows: int, threshold: float) -> Arrays:
    """Two observations in a row are equal. The expert drives in some rows, then everywhere, then nowhere, and so on."""
    obs = 0.5 * rng.integers(0, 4, (steps, rows, int(rng.integers(2, 4))))
    obs[2] = obs[1]
    drives = rng.random((steps, rows)) < 0.5
    drives[1::3], drives[2::3] = True, False
    return {
        "obs": obs.astype(np.float32),
        "expert_drives": drives,
        "threshold": np.array(threshold),
        "seed": np.array(rng.integers(1, 2**31)),
    }


def draw_journeys(rng: np.random.Generator) -> Arrays:
    """Doubt is never close to the threshold, except that it may be 0 if the threshold is 0."""
    threshold = rng.choice([1.875, 2.125, 2.375])
    made = {
        "there are few rows": draw_steps(rng, int(rng.integers(8, 12)), int(rng.integers(4, 7)), threshold),
        "there are many rows": draw_steps(rng, 3, int(rng.integers(100, 130)), threshold),
        "the threshold is infinite": draw_steps(rng, 4, 3, np.inf),
        "the threshold is 0": draw_steps(rng, 4, 3, 0.0),
    }
    return {f"{name} if {case}": array for case, own in made.items() for name, array in own.items()}


@probe(
    "E.4.4",
    "every member is asked once at every step",
    points=0.75,
    draw=draw_journeys,
    asked="Each member is asked once, about all N observations: it may remember them for the next step.",
)
def over_time(hw1: Homework, inputs: Arrays) -> dict:
    """Of the last four rows: the gate's decisions in one rollout, the doubt one step later and in the next rollout."""
    answers = {}
    for case, own in cases(inputs):
        gate = gate_of(hw1, [Member(1), Member(-1)], float(own["threshold"]))
        gate.reset(int(own["seed"]))
        called = [
            decisions(gate, obs.copy(), obs[::-1], drives != 0)
            for obs, drives in zip(own["obs"], own["expert_drives"], strict=True)
        ]
        after = [doubt(gate, own["obs"][0])]
        gate.reset(int(own["seed"]) + 1)
        after += [doubt(gate, obs) for obs in own["obs"][:3]]
        answers |= {f"the expert is called{case}": np.stack(called)[:, -4:], f"doubt{case}": np.float32(after)[:, -4:]}
    return answers


def draw_drive(rng: np.random.Generator) -> Arrays:
    """Some environments never call the expert, some always: so rounding decides nothing."""
    envs = int(rng.integers(3, 6))
    sizes = {"members": rng.integers(3, 6), "horizon": rng.integers(6, 9), "seed": rng.integers(1, 2**31)}
    threshold = rng.permutation(np.r_[0.0, np.inf, rng.choice([0.0, np.inf], envs - 2)])
    return {name: np.asarray(x) for name, x in (sizes | draw_actor(rng) | {"threshold": threshold}).items()}


@probe(
    "E.4.5",
    "in use: an ensemble of real policies on Lane, a threshold for each environment",
    points=0.75,
    draw=draw_drive,
    asked="`threshold`: one number, or `[N]`, one for each environment.",
)
def on_lane(hw1: Homework, inputs: Arrays) -> dict:
    env, seed = Lane(len(inputs["threshold"])), int(inputs["seed"])
    dims = (*env.single_observation_space.shape, *env.single_action_space.shape)
    ensemble = actor(hw1, inputs, *dims, members=int(inputs["members"]))
    gate = gate_of(hw1, ensemble.members(), inputs["threshold"].copy())
    steps = rollout(env, ensemble, int(inputs["horizon"]), seed, expert=LaneExpert(), gate=gate)
    gate.reset(seed)
    return {
        "the expert drove": steps.expert_drove,
        "actions": steps.action,
        "doubt at each step": np.stack([doubt(gate, obs) for obs in steps.obs]),
    }
