"""Probes of exercise E.4: the disagreement of an ensemble, and the gate that it opens."""

from functools import partial

import numpy as np

from tests.autograder.probes.base import Arrays, Homework, probe
from tests.autograder.probes.world import linear


def draw_ensemble(rng: np.random.Generator, members: int = 4, num: int = 7) -> Arrays:
    """Members that disagree more in the first dimension of the action than in the second."""
    weights = rng.normal(size=(members, 3, 2)) * np.array([1.0, 0.6])
    return {"members": weights, "obs": rng.normal(size=(num, 2)).astype(np.float32)}


@probe("E.4.1", "doubt: the standard deviation over the members", points=2, draw=draw_ensemble)
def doubt(hw1: Homework, inputs: Arrays) -> dict:
    gate = hw1.dagger.uncertainty_gate([linear(weights) for weights in inputs["members"]], 0.5)
    return {"doubt": gate.doubt(inputs["obs"].copy())}


@probe(
    "E.4.2",
    "doubt of a small ensemble, in one state",
    points=1,
    draw=partial(draw_ensemble, members=2, num=1),
)
def doubt_of_few(hw1: Homework, inputs: Arrays) -> dict:
    """One state: two members, one member who cannot disagree, two with an action of one dimension."""
    both = [linear(weights) for weights in inputs["members"]]
    narrow = [lambda obs, member=member: member(obs)[:, 1:] for member in both]
    ensembles = {"two": both, "one": both[:1], "one-dimensional": narrow}
    gates = {name: hw1.dagger.uncertainty_gate(members, 0.5) for name, members in ensembles.items()}
    return {f"doubt, {name}": gate.doubt(inputs["obs"].copy()) for name, gate in gates.items()}


def draw_threshold(rng: np.random.Generator) -> Arrays:
    """Doubt is the size of the largest coordinate, in steps of a quarter; sometimes it is exactly the threshold.

    The members disagree in one dimension, or equally in both: no multiple of the mean over dimensions is right for both
    kinds of states.
    """
    threshold = rng.choice([1.25, 1.5, 1.75])  # not 1, which is its own square
    order = rng.permutation(20)
    size = np.repeat(threshold + np.array([-0.5, -0.25, 0.0, 0.25, 0.5]), 4)[order]
    in_both, expert_drives = np.tile([0, 0, 1, 1], 5)[order], np.tile([0, 1], 10)[order]
    obs = np.stack([size, in_both * size], axis=1) * rng.choice([-1, 1], (len(size), 2))
    return {
        "obs": obs.astype(np.float32),
        "state": obs[::-1].astype(np.float32) + 1.0,
        "expert_drives": expert_drives,
        "threshold": np.array(threshold),
    }


@probe("E.4.3", "the gate calls the expert where doubt exceeds the threshold", points=2, draw=draw_threshold)
def calls(hw1: Homework, inputs: Arrays) -> dict:
    gate = hw1.dagger.uncertainty_gate([lambda obs: obs, lambda obs: -obs], float(inputs["threshold"]))
    answer = gate(inputs["obs"].copy(), inputs["state"].copy(), inputs["expert_drives"] != 0)
    return {"the expert is called": answer}
