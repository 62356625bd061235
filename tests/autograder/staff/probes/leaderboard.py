"""The leaderboard: the success of the policy that the student's DAgger ends with, cloned by the judge.

What exercise 4.3 leaves to the student. Nothing, if we read it strictly: each round drives with the newest policy, adds
all states with the expert's labels to everything collected before, and fits anew. So all right solutions share the
first place, whichever seeds they draw, and the place of a wrong one shows what its mistake costs. Better data by other
means is not the exercise: another driver than the newest policy (noise, planned swerves, the expert), chosen roads or
seeds, longer or more rollouts, other labels, the luckiest of several attempts.

How the judge makes sure. It does DAgger itself, once for the whole class: it clones, drives and labels. The student's
`dagger` then runs in the sandbox on a recording of these drives. `fit` returns a policy that repeats the judge's
actions, and the environment repeats what the judge's cars saw, as long as the cars are driven in the same way. A car
that is driven otherwise has left the recording and sees nothing more. So the student's code can only decide which
of the judge's samples each policy is fitted to: the answer is a list of their numbers. The judge clones a policy from
these samples and tests it on roads that the student's code never sees.

A part of the samples may do better than all of them, by luck. That is no merit: nobody gets more than all of them give.
"""

import hashlib
from functools import cache

import numpy as np

from hw1.demos import Dataset
from hw1.envs.lane import Lane
from hw1.experts import LaneExpert
from hw1.rollout import Policy, Rollout, rollout
from tests.autograder.oracle import draw
from tests.autograder.probes.base import Arrays, Homework, Probe
from tests.autograder.runner import Runner

CARS, LENGTH, ROUNDS = 10, 60, 4
COLLECTING, FINAL = 100, 600  # gradient steps of a policy that collects, and of the one that is tested
ROADS, STEPS = 80, 400  # of the test
EXPERT = LaneExpert()
_measured: dict[bytes, float] = {}  # successes by a digest of data and roads


def lane(cars: int) -> Lane:
    """Sharper bends than the demo's, under fewer gusts: corrections are rare there, and losing some costs much."""
    return Lane(cars, pixel_noise=0.3, gust_probability=0.1, curvature=0.025)


# --- the judge's DAgger ----------------------------------------------------------------------------------------------
@cache
def recording(seed: int) -> Arrays:
    """What the cars saw and did, `[ROUNDS + 1, CARS, LENGTH, ...]`. Round 0 is the expert's."""
    drives = [rollout(lane(CARS), None, LENGTH, seed, expert=EXPERT)]
    for number in range(1, ROUNDS + 1):
        policy = clone(samples(taped(drives)), COLLECTING, seed)
        drives.append(rollout(lane(CARS), policy, LENGTH, seed + number))
    return taped(drives)


def taped(drives: list[Rollout]) -> Arrays:
    """The rounds of a recording, with each car's steps together."""
    return {
        name: np.stack([getattr(drive, name).swapaxes(0, 1) for drive in drives]) for name in ("obs", "state", "action")
    }


def samples(tape: Arrays) -> Dataset:
    """All states of a recording with the expert's labels, one car after the other."""
    rounds, cars, length, _ = tape["obs"].shape
    number = rounds * cars * length
    nobody = np.zeros(number, dtype=np.int64)
    return Dataset(
        obs=tape["obs"].reshape(number, -1),
        action=EXPERT(tape["state"]).reshape(number, -1),
        episode=np.repeat(np.arange(rounds * cars), length),
        learner=nobody,
        driver=nobody,
    )


def clone(data: Dataset, gradient_steps: int, seed: int) -> Policy:
    hw1 = Homework()  # imported only here: in the sandbox these modules need the student's files
    network = hw1.policy.PolicyConfig(head="l2", observation_scale="none")
    options = hw1.bc.TrainConfig(steps=gradient_steps, learning_rate=2e-3, seed=seed)
    return hw1.bc.fit(data, network, options, deterministic=True).policy


# --- the student's DAgger, in the sandbox ----------------------------------------------------------------------------
class Replay(Lane):
    """Lane that shows what the judge's cars saw, to cars that are driven in the same way; to any others, nothing."""

    def __init__(self, tape: Arrays):
        super().__init__(CARS)
        self.tape = tape
        self.fits = 0
        """Policies fitted so far. The newest one drives, so this is the number of the round, too."""

    def _reset_rows(self, rows):
        self.number, self.time = min(self.fits, ROUNDS), 0
        self.follows = np.isin(np.arange(CARS), rows) & (self.fits <= ROUNDS)

    def _advance(self, actions):
        driven = np.clip(self._now("action"), -1.0, 1.0)
        self.time += 1
        same = np.isclose(np.clip(actions, -1.0, 1.0), driven, atol=1e-5).all(axis=1)
        self.follows = self.follows & same & (self.time < LENGTH)
        return np.zeros(CARS)

    def _observe(self):
        return self.follows[:, None] * self._now("obs")

    def _info(self):
        return {"state": self.follows[:, None] * self._now("state")}

    def _now(self, name: str) -> np.ndarray:
        return self.tape[name][self.number, :, min(self.time, LENGTH - 1)]


class Fit:
    """What the student's code calls to fit a policy: notes which of the judge's samples are in the dataset."""

    def __init__(self, env: Replay):
        self.env, self.every = env, samples(env.tape)
        self.number = {obs.tobytes(): row for row, obs in enumerate(self.every.obs)}

    def __call__(self, dataset: Dataset) -> "Repeats":
        self.env.fits += 1
        rows = np.array([self.number.get(obs.tobytes(), -1) for obs in np.float32(dataset.obs)], dtype=np.int64)
        labelled = np.isclose(dataset.action, self.every.action[rows], atol=1e-4).all(axis=1)
        return Repeats(rows[labelled & (rows >= 0)], self.env.tape, self.env.fits)


class Repeats:
    """A policy that does what the judge's policy did, in the states where that one drove."""

    def __init__(self, rows: np.ndarray, tape: Arrays, number: int):
        """`rows`: the samples that it is fitted to; `number`: of the round in which it drives."""
        self.rows = rows
        seen = [part.reshape(-1, part.shape[-1]) for name in ("obs", "action") for part in tape[name][number:][:1]]
        self.actions = {obs.tobytes(): action for obs, action in zip(*seen, strict=True)} if seen else {}

    def __call__(self, obs: np.ndarray) -> np.ndarray:
        unknown = np.zeros(1, dtype=np.float32)
        return np.stack([self.actions.get(row.tobytes(), unknown) for row in np.float32(obs)])


def run(hw1: Homework, inputs: Arrays) -> dict:
    """The numbers of the samples that the last policy is fitted to."""
    env = Replay(inputs)
    demos = samples({name: part[:1] for name, part in inputs.items()})
    history = hw1.dagger.dagger(env, EXPERT, Fit(env), demos, ROUNDS, LENGTH, np.random.default_rng(0))
    return {"rows": history[-1].policy.rows}


PROBE = Probe(
    "L.1",
    "success of the policy that DAgger ends with",
    0.0,
    lambda rng: recording(int(rng.integers(2**31))),
    run,
    seconds=60.0,
)


# --- the place on the leaderboard ------------------------------------------------------------------------------------
def score(runner: Runner, seed: str) -> float | None:
    """Share of episodes on other roads in which the car never left the lane; None if there is nothing to clone.

    `seed`: the same for the whole class, so that ranks do not depend on luck.
    """
    tape = draw(PROBE, seed)
    answer = runner.ask(PROBE, tape)
    if answer.status != "ok":
        return None
    every = samples(tape)
    kept = chosen(answer.arrays, len(every))
    if not kept.any():
        return None
    digest = hashlib.sha256(f"{seed}/roads".encode()).digest()  # unknown to the student's code
    roads = int(np.random.default_rng(list(digest)).integers(2**31))
    return min(success(every.subset(kept), roads), success(every, roads))


def chosen(answer: Arrays, number: int) -> np.ndarray:
    """`[number]`: whether each sample is in the answer, which may hold anything. How often makes no difference."""
    rows = answer.get("rows", np.zeros(0))
    return np.isin(np.arange(number), rows[rows >= 0] if rows.dtype.kind == "i" else [])


def success(data: Dataset, seed: int) -> float:
    """The success of a policy that is cloned from the data.

    Most students have the same data; its success is measured only once.
    """
    key = hashlib.sha256(data.obs.tobytes() + str(seed).encode()).digest()
    if key not in _measured:
        driven = rollout(lane(ROADS), clone(data, FINAL, seed), STEPS, seed)
        _measured[key] = float((driven.cost == 0).all(axis=0).mean())
    return _measured[key]
