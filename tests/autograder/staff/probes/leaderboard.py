"""The leaderboard: the success of a policy that is cloned from the data that the student's DAgger collected.

The student's `dagger` runs in the sandbox and returns its aggregated dataset and every action that it executed. Only
what can be verified counts: the judge replays the actions on its own Lane, removes every sample that was not visited or
not labelled by the expert, keeps at most the label budget, clones a policy from the rest and tests it on other roads.
So the leaderboard compares the data that DAgger collected, for equal numbers of labels.
"""

import hashlib

import numpy as np

from hw1.demos import Dataset, collect
from hw1.envs.lane import Lane
from hw1.experts import LaneExpert
from hw1.rollout import Policy, rollout
from tests.autograder.oracle import draw
from tests.autograder.probes.base import Arrays, Homework, Probe
from tests.autograder.runner import Runner

CARS, LENGTH, ROUNDS = 2, 60, 4
BUDGET = CARS * LENGTH * (ROUNDS + 1)  # expert labels, including the demonstrations
MOST = 10 * BUDGET  # samples that are read
EPISODES, STEPS = 100, 400  # of the test
EXPERT = LaneExpert()
_measured: dict[bytes, float] = {}  # successes by a digest of data and seed


class Recorded(Lane):
    """Lane that remembers the seeds of its resets and the actions of its steps."""

    def __init__(self, *args, **options):
        self.seeds: list[int] = []
        self.actions: list[np.ndarray] = []
        self.begins: list[int] = []  # steps made before each reset
        super().__init__(*args, **options)

    def reset(self, *, seed=None, options=None):
        self.seeds.append(-1 if seed is None else seed)
        self.begins.append(len(self.actions))
        return super().reset(seed=seed, options=options)

    def step(self, actions):
        self.actions.append(np.array(actions))
        return super().step(actions)


def demonstrations(seed: int) -> Dataset:
    return collect(Lane(CARS), EXPERT, LENGTH, seed)


def clone(hw1: Homework, dataset: Dataset, gradient_steps: int, seed: int) -> Policy:
    network = hw1.policy.PolicyConfig(head="l2", observation_scale="none")
    options = hw1.bc.TrainConfig(steps=gradient_steps, seed=seed)
    return hw1.bc.fit(dataset, network, options, deterministic=True).policy


def run(hw1: Homework, inputs: Arrays) -> dict:
    """The student's DAgger, in the sandbox."""
    seed = int(inputs["seed"])
    env = Recorded(CARS)
    history = hw1.dagger.dagger(
        env,
        EXPERT,
        lambda dataset: clone(hw1, dataset, 150, seed),
        demonstrations(seed),
        ROUNDS,
        LENGTH,
        np.random.default_rng(seed),
    )
    data = history[-1].dataset
    return {
        "obs": data.obs,
        "action": data.action,
        "seeds": np.array(env.seeds, dtype=np.int64),
        "begins": np.array(env.begins, dtype=np.int64),
        "executed": np.array(env.actions).reshape(-1, CARS, 1),
    }


PROBE = Probe(
    "L.1",
    "success of DAgger's policy at a fixed number of labels",
    0.0,
    lambda rng: {"seed": rng.integers(2**31)},
    run,
    seconds=60.0,
)


def score(runner: Runner, seed: str) -> float | None:
    """Share of held-out episodes in which the car never left the lane; None if DAgger returned no usable data.

    `seed`: the same for the whole class, so that ranks do not depend on luck.
    """
    inputs = draw(PROBE, seed)
    answer = runner.ask(PROBE, inputs)
    if answer.status != "ok":
        return None
    try:
        known = replayed(answer.arrays) | labels(demonstrations(int(inputs["seed"])))
        data = verified(answer.arrays["obs"], answer.arrays["action"], known)
    except (KeyError, TypeError, ValueError, IndexError):
        return None
    roads = int(draw(PROBE, f"{seed}/roads")["seed"])  # unknown to the student's code, which could train on them
    return success(data, roads) if len(data) else None


def labels(data: Dataset) -> dict[bytes, np.ndarray]:
    """The expert's action by observation; the camera's noise makes every observation unique."""
    return {obs.tobytes(): action for obs, action in zip(data.obs, data.action, strict=True)}


def replayed(answer: Arrays) -> dict[bytes, np.ndarray]:
    """The labels of the states that the recorded actions visit on the judge's Lane. Raises ValueError if impossible."""
    seeds, actions = answer["seeds"].astype(np.int64), answer["executed"].astype(np.float32)
    begins = answer["begins"].astype(np.int64)
    if actions.ndim != 3 or len(actions) > 2 * LENGTH * ROUNDS or len(seeds) > 2 * ROUNDS or seeds.min(initial=0) < 0:
        raise ValueError("more steps than the budget allows, or resets without a seed")
    if begins.shape != seeds.shape or (np.diff(begins, prepend=0, append=len(actions)) < 0).any():
        raise ValueError("overlapping rollouts: the same steps would count several times")
    found = {}
    parts = np.split(actions, begins[1:]) if len(seeds) else []
    for seed, steps in zip(seeds, parts, strict=True):
        script = iter(steps)
        if len(steps):
            made = rollout(Lane(CARS), lambda obs, script=script: next(script), len(steps), int(seed))
            found |= labels(Dataset.from_rollout(made, EXPERT(made.state)))
    return found


def verified(obs: np.ndarray, action: np.ndarray, known: dict[bytes, np.ndarray]) -> Dataset:
    """The first `BUDGET` different observations that were really seen and have the expert's label."""
    if obs.ndim != 2 or len(obs) > MOST:
        raise ValueError(f"the dataset has the shape {obs.shape}")
    chosen: dict[bytes, int] = {}
    for i, (seen, label) in enumerate(zip(obs, action, strict=True)):
        if np.array_equal(known.get(seen.tobytes()), label):
            chosen.setdefault(seen.tobytes(), i)
    rows = np.array(list(chosen.values())[:BUDGET], dtype=np.int64)
    nobody = np.zeros(len(rows), dtype=np.int64)
    return Dataset(obs=obs[rows], action=action[rows], episode=np.arange(len(rows)), learner=nobody, driver=nobody)


def success(data: Dataset, seed: int) -> float:
    """The success of a policy that is cloned from the data, on new roads.

    Many students collect the same data; its success is measured only once.
    """
    key = hashlib.sha256(data.obs.tobytes() + data.action.tobytes() + str(seed).encode()).digest()
    if key not in _measured:
        driven = rollout(Lane(EPISODES), clone(Homework(), data, 600, seed), STEPS, seed)
        _measured[key] = float((driven.cost == 0).all(axis=0).mean())
    return _measured[key]
