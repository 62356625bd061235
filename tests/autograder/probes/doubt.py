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
    answer = gate(obs.copy(), state.copy(), expert_drives.copy())
    return forms.array(answer, "UncertaintyGate.__call__", "N", len(obs))


# --- doubt -----------------------------------------------------------------------------------------------------------
def draw_ensemble(rng: np.random.Generator, E: int, N: int, A: int) -> Arrays:
    """Linear members; doubt is small in some states and large in others, each time in another dimension."""
    obs = rng.normal(size=(N, 6)) * rng.permutation(np.geomspace(0.1, 10, N))[:, None]
    return {"weights": rng.normal(size=(E, 6, A)) + rng.normal(size=(1, 6, A)), "obs": obs.astype(np.float32)}


def draw_several(rng: np.random.Generator) -> Arrays:
    E, N, A = rng.permutation([3, 4, 5, 7, 9])[:3].tolist()
    return draw_ensemble(rng, E, N, A)


def linear_doubt(hw1: Homework, inputs: Arrays) -> np.ndarray:
    members = [lambda obs, w=w: (obs @ w).astype(np.float32) for w in inputs["weights"]]
    return doubt(gate_of(hw1, members, 0.5), inputs["obs"])


@probe(
    "E.4.1",
    "doubt: the standard deviation over the members",
    points=1.5,
    draw=draw_several,
    axes={"weights": "E O A"},
    asked="Standard deviation of the members' actions, the largest over the action dimensions.",
)
def doubt_of_several(hw1: Homework, inputs: Arrays) -> dict:
    return {"doubt": linear_doubt(hw1, inputs)}


@probe(
    "E.4.2",
    "doubt of few members, in one state, in one dimension",
    points=0.75,
    draw=lambda rng: drawn(rng, draw_ensemble, E=4, N=5, A=4),
    asked="take the standard deviation over members (the population's: divide by E), then the maximum.",
)
def doubt_of_few(hw1: Homework, inputs: Arrays) -> dict:
    return {f"doubt{case}": linear_doubt(hw1, own) for case, own in cases(inputs)}


# --- the gate --------------------------------------------------------------------------------------------------------
def draw_threshold(rng: np.random.Generator) -> Arrays:
    """Doubt is the size of the largest coordinate, in steps of a quarter; sometimes it is exactly the threshold.

    The members disagree in one dimension, or equally in all: no multiple of the mean over dimensions is right for both
    kinds of states.
    """
    threshold = rng.choice([0.75, 1.25, 1.75])  # not 1, which is its own square
    size = np.repeat(threshold + np.array([-0.5, -0.25, 0.0, 0.25, 0.5]), 4)
    size = np.concatenate([size, size[: rng.integers(1, 9)]])
    order, dims = rng.permutation(len(size)), int(rng.integers(2, 5))
    in_all, expert_drives = np.arange(len(size)) % 4 > 1, np.arange(len(size)) % 2
    obs = size[:, None] * np.where(in_all[:, None], 1, rng.permuted(np.tile(np.eye(dims)[0], (len(size), 1)), axis=1))
    obs = (obs * rng.choice([-1, 1], obs.shape))[order]
    return {
        "obs": obs.astype(np.float32),
        "state": 4 * rng.permutation(obs).astype(np.float32),
        "expert_drives": expert_drives[order],
        "threshold": np.array(threshold),
        "pairs": np.array(rng.choice([1, 2, 4])),
    }


@probe(
    "E.4.3",
    "the gate calls the expert where doubt exceeds the threshold",
    points=1.25,
    draw=draw_threshold,
    asked="True where doubt exceeds the threshold.",
)
def calls(hw1: Homework, inputs: Arrays) -> dict:
    pair = [lambda obs: 0.5 + obs, lambda obs: 0.5 - obs]
    gate = gate_of(hw1, pair * int(inputs["pairs"]), float(inputs["threshold"]))
    answer = decisions(gate, inputs["obs"], inputs["state"], inputs["expert_drives"] != 0)
    return {"the expert is called": answer}


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


def draw_steps(rng: np.random.Generator) -> Arrays:
    """Doubt is never close to the threshold."""
    (num, dims), steps = rng.permutation([4, 5, 6])[:2], rng.integers(8, 12)
    return {
        "obs": (0.5 * rng.integers(0, 4, (steps, num, dims))).astype(np.float32),
        "threshold": np.array(rng.choice([1.875, 2.125, 2.375])),
        "seed": np.array(rng.integers(1, 2**31)),
    }


@probe(
    "E.4.4",
    "every member is asked once at every step",
    points=0.75,
    draw=draw_steps,
    asked="Each member is asked once, about all N observations: it may remember them for the next step.",
)
def over_time(hw1: Homework, inputs: Arrays) -> dict:
    """The gate's decisions in one rollout, then the doubt in the next."""
    gate = gate_of(hw1, [Member(1), Member(-1)], float(inputs["threshold"]))
    nobody = np.zeros(inputs["obs"].shape[1], dtype=bool)
    gate.reset(int(inputs["seed"]))
    called = [decisions(gate, obs, obs[::-1], nobody) for obs in inputs["obs"]]
    gate.reset(int(inputs["seed"]) + 1)
    return {"the expert is called": np.stack(called), "doubt": np.stack([doubt(gate, obs) for obs in inputs["obs"]])}


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
