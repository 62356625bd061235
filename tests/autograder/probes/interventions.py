"""Probes of exercise 4.4: who drives, and which states are kept, when a gate decides."""

import numpy as np

from tests.autograder.probes.base import Arrays, Homework, probe
from tests.autograder.probes.datasets import (
    DTYPES,
    Samples,
    as_arrays,
    contents,
    owner_facts,
    prefixed,
    without_prefix,
)
from tests.autograder.probes.world import Plane, Replay, draw_drivers, drivers

LENGTH, ENVS = 10, 6


class Schedule:
    """A gate that lets the expert drive at fixed steps, `table [T, N]`, and records what it is told."""

    def __init__(self, table: np.ndarray):
        self.table = table != 0
        self.told: list[tuple] = []
        self.ready = False

    def reset(self, seed):
        self.ready = not self.told

    def __call__(self, obs, state, expert_drives):
        self.told.append((np.array(obs), np.array(state), np.array(expert_drives) != 0))
        return self.table[min(len(self.told), len(self.table)) - 1].copy()

    def record(self) -> dict:
        columns = zip(*self.told, strict=True)
        names = ("gate's obs", "gate's state", "gate's expert_drives")
        return {name: np.stack(column) for name, column in zip(names, columns, strict=True)} | {"reset": self.ready}


def draw_schedule(rng: np.random.Generator) -> Arrays:
    """In every environment: an intervention, a pause, another intervention; at the last step the policy drives."""
    table = np.zeros((LENGTH, ENVS), dtype=np.int64)
    for n in range(ENVS):
        first, second = rng.integers(1, 4), rng.integers(6, 8)
        table[first : rng.integers(first + 1, 5), n] = table[second : rng.integers(second + 1, 9), n] = 1
    return draw_drivers(rng) | {"table": table, "seed": rng.integers(1, 2**31)}


def intervene(hw1: Homework, inputs: Arrays, **world) -> dict:
    """Seed, actions and dataset of one rollout, and what the gate was told. `world`: options of the Plane."""
    expert, policy = drivers(inputs)
    env, gate = Plane(ENVS, **world), Schedule(inputs["table"])
    data = hw1.dagger.intervention_rollout(env, policy, expert, gate, LENGTH, int(inputs["seed"]))
    return env.record() | contents(data) | gate.record()


# --- what is kept ----------------------------------------------------------------------------------------------------
def kept_facts(inputs: Arrays, answer: Arrays) -> Arrays:
    replay = Replay(inputs, answer, ENVS)
    samples, drove = Samples(replay, answer), inputs["table"] != 0
    kept = {
        "exactly the states where the expert drove are kept": samples.hold(drove),
        "all states are kept": samples.hold(np.ones_like(drove)),
        "the states where the policy drove are kept": samples.hold(~drove),
        "all states from the first intervention on are kept": samples.hold(np.maximum.accumulate(drove)),
        "the states one step after those where the expert drove are kept": samples.hold(np.roll(drove, 1, axis=0)),
    }
    return as_arrays(kept | samples.labels())


@probe(
    "4.4.1",
    "the states where the expert drove, labelled with its actions",
    points=1.5,
    draw=draw_schedule,
    facts=kept_facts,
)
def kept_states(hw1: Homework, inputs: Arrays) -> dict:
    return intervene(hw1, inputs)


# --- the gate --------------------------------------------------------------------------------------------------------
def gate_facts(inputs: Arrays, answer: Arrays) -> Arrays:
    replay, table = Replay(inputs, answer, ENVS), inputs["table"] != 0
    before = np.concatenate([np.zeros((1, ENVS), dtype=bool), table[:-1]])
    told = {name: answer[f"gate's {name}"] for name in ("obs", "state", "expert_drives")}

    def same(left, right):
        return left.shape == right.shape and np.allclose(left, right, atol=1e-4)

    return as_arrays(
        {
            "seed of the reset": answer["seed"].astype(np.int64),
            "the expert drives where the gate decides so": same(replay.by_expert, table),
            "the policy drives everywhere else": same(replay.by_policy, ~table),
            "the gate is told the observation": same(told["obs"], replay.obs),
            "the gate is told the state": same(told["state"], replay.state),
            "the gate is told who drove one step ago": same(told["expert_drives"], before),
            "the gate is reset before the first step": answer["reset"] != 0,
        }
    )


@probe(
    "4.4.2", "the gate is called at every step and decides who drives", points=1, draw=draw_schedule, facts=gate_facts
)
def gate_control(hw1: Homework, inputs: Arrays) -> dict:
    return intervene(hw1, inputs)


# --- edges -----------------------------------------------------------------------------------------------------------
def never_and_always_facts(inputs: Arrays, answer: Arrays) -> Arrays:
    never, always = without_prefix("never ", answer), without_prefix("always ", answer)
    samples = Samples(Replay(inputs, always, ENVS), always)
    return as_arrays(
        {
            "samples if the expert never intervenes": len(never["obs"]),
            "obs if the expert never intervenes": never["obs"][:0],
            "every state is kept if the expert always drives": samples.hold(samples.replay.running),
        }
    )


@probe(
    "4.4.3",
    "no intervention; intervention at every step",
    points=0.5,
    draw=draw_schedule,
    facts=never_and_always_facts,
    guessable=True,
)
def never_and_always(hw1: Homework, inputs: Arrays) -> dict:
    answer = {}
    for name, on in (("never ", 0), ("always ", 1)):
        answer |= prefixed(name, intervene(hw1, inputs | {"table": np.full_like(inputs["table"], on)}))
    return answer


def draw_late(rng: np.random.Generator) -> Arrays:
    """The expert drives from the fourth step to the end, in the first environment with a pause of one step."""
    table = np.repeat(np.arange(LENGTH)[:, None] >= 3, ENVS, axis=1).astype(np.int64)
    table[rng.integers(5, 9), 0] = 0
    return draw_drivers(rng) | {"table": table, "seed": rng.integers(1, 2**31)}


def intervention_owner_facts(inputs: Arrays, answer: Arrays) -> Arrays:
    near = without_prefix("edge ", answer)
    replay = Replay(inputs, near, ENVS, edge=1.5)
    times = Samples(replay, near).times
    kept = {"states after a termination are kept": (times[~replay.running] > 0).any()}
    return owner_facts(inputs, answer) | as_arrays(kept)


@probe(
    "4.4.4",
    "learners, episodes, terminations",
    points=1,
    draw=draw_late,
    rules=DTYPES,
    facts=intervention_owner_facts,
    guessable=True,
)
def owners(hw1: Homework, inputs: Arrays) -> dict:
    """For three learners, in a world without an edge and in one with an edge."""
    near = intervene(hw1, inputs, learners=3, edge=1.5)
    return intervene(hw1, inputs, learners=3) | prefixed("edge ", near)
