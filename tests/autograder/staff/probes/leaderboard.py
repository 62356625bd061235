"""The leaderboard: how well a car drives that was taught by the data which the student's DAgger chose to learn from.

The student's `dagger` runs in the sandbox with a `fit` that notes every dataset it is given. From this the judge takes
only *which* samples were learnt from: the first demonstration, the tenth step of the second rollout, and so on, if they
have the expert's label. Then the judge runs DAgger itself, with its own demonstrations, roads, starts and policies: in
each round it clones the samples in those places, and the clone drives the next rollout. What counts is how often the
last clone stays in its lane, on other roads.

So only the choice of places is the student's: which rounds are kept, aggregated, forgotten. Who drove in the sandbox,
where, how often and how wildly does not matter, nor do labels or observations from elsewhere, a look at the roads, or
the best of many attempts: none of it reaches the judge's own run. All of it uses the same number of labels.

The value is a mean over several learners, so that it hardly depends on the seed.

Shapes: L learners, K calls of fit, T time steps, N environments.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np

from hw1.demos import Dataset, collect
from hw1.envs.lane import Lane
from hw1.experts import LaneExpert
from hw1.rollout import Policy, Rollout, rollout
from tests.autograder.oracle import draw
from tests.autograder.probes.base import Arrays, Homework, Probe
from tests.autograder.runner import Runner

CARS, LENGTH, ROUNDS = 8, 60, 4
PLACES = CARS * LENGTH  # samples of the demonstrations, and of each rollout
FITS = ROUNDS + 1
MOST = 2 * FITS * FITS * PLACES  # samples that are read, in all calls of fit
LEARNERS, EPISODES, STEPS = 3, 32, 400  # of the judge's own run, and of its test
GRADIENT_STEPS, LAST_GRADIENT_STEPS = 150, 600
ALL = tuple(tuple(range(number * PLACES)) for number in range(1, FITS + 1))  # what a right DAgger learns from
EXPERT = LaneExpert()


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
    """The student's DAgger, in the sandbox: the datasets that it passed to `fit`, and what it did on the road."""
    seed = int(inputs["seed"])
    env = Recorded(CARS)
    datasets: list[Dataset] = []
    made: list[int] = []  # steps before each call of fit

    def fit(dataset: Dataset) -> Policy:
        datasets.append(dataset)
        made.append(len(env.actions))
        return clone(hw1, dataset, GRADIENT_STEPS, seed)

    hw1.dagger.dagger(env, EXPERT, fit, demonstrations(seed), ROUNDS, LENGTH, np.random.default_rng(seed))
    obs, action = (np.concatenate([getattr(dataset, name) for dataset in datasets]) for name in ("obs", "action"))
    numbers: dict[bytes, int] = {}  # of the different samples: most of them are in several datasets
    rows = [numbers.setdefault(o.tobytes() + a.tobytes(), len(numbers)) for o, a in zip(obs, action, strict=True)]
    first = np.unique(rows, return_index=True)[1]
    return {
        "obs": obs[first],
        "action": action[first],
        "rows": np.array(rows, dtype=np.int64),
        "sizes": np.array([len(dataset) for dataset in datasets]),
        "made": np.array(made),
        "seeds": np.array(env.seeds, dtype=np.int64),
        "begins": np.array(env.begins, dtype=np.int64),
        "executed": np.array(env.actions).reshape(-1, CARS, 1),
    }


PROBE = Probe(
    "L.1",
    "how well a clone drives that learns from what DAgger chose",
    0.0,
    lambda rng: {"seed": rng.integers(2**31)},
    run,
    seconds=60.0,
)


def score(runner: Runner, seed: str) -> float | None:
    """The share of episodes in which the car never leaves the lane; None if DAgger learnt from no usable data.

    `seed`: the same for the whole class, so that ranks do not depend on luck.
    """
    inputs = draw(PROBE, seed)
    own_seed = int(draw(PROBE, f"{seed}/judge")["seed"])  # unknown to the student's code
    with ThreadPoolExecutor(1) as pool:
        usual = pool.submit(value, ALL, own_seed)  # meanwhile; most students need it
        answer = runner.ask(PROBE, inputs)
        usual.result()
    if answer.status != "ok":
        return None
    try:
        chosen = places(answer.arrays, int(inputs["seed"]))
    except (KeyError, TypeError, ValueError, IndexError):
        return None
    return value(chosen, own_seed) if all(chosen) else None


# --- which samples were learnt from -----------------------------------------------------------------------------------
def places(answer: Arrays, seed: int) -> tuple[tuple[int, ...], ...]:
    """The places of the samples in each call of `fit` that the judge's run repeats: number s * PLACES + p is sample p
    of the demonstrations (s = 0) or of rollout s. At most one call for each rollout, and one after the last.

    Raises ValueError if the record is impossible.
    """
    obs, action, rows, sizes, made = (answer[name] for name in ("obs", "action", "rows", "sizes", "made"))
    begins = _begins(answer)
    if obs.ndim != 2 or len(obs) != len(action) or len(rows) > MOST or not 1 <= len(sizes) == len(made) <= 8 * FITS:
        raise ValueError(f"datasets of the shape {obs.shape}")
    if sizes.min() < 0 or sizes.sum() != len(rows) or rows.min(initial=0) < 0 or (np.diff(made) < 0).any():
        raise ValueError("the sizes do not fit the samples")
    known = _known(answer, begins, seed)
    ends = np.cumsum(sizes)
    chosen: list[tuple[int, ...]] = []
    for rollouts in range(min(len(begins), ROUNDS) + 1):
        # The policy of a rollout is the last one that was fitted before it; the last policy of all is tested.
        before = made <= begins[rollouts] if rollouts < min(len(begins), ROUNDS) else np.ones(len(made), dtype=bool)
        if not before.any():
            raise ValueError("a rollout before the first fit")
        last = int(np.flatnonzero(before)[-1])
        found = {}
        for i in rows[ends[last] - sizes[last] : ends[last]]:
            place, label = known.get(obs[i].tobytes(), (-1, None))
            if 0 <= place < (rollouts + 1) * PLACES and np.array_equal(label, action[i]):
                found[place] = True
        chosen.append(tuple(found))
    return tuple(chosen)


def _begins(answer: Arrays) -> np.ndarray:
    """Steps before each rollout that has steps. Raises ValueError if they overlap."""
    begins, steps = answer["begins"].astype(np.int64), len(answer["executed"])
    if begins.shape != answer["seeds"].shape or (np.diff(begins, prepend=0, append=steps) < 0).any():
        raise ValueError("overlapping rollouts")
    return begins[np.diff(begins, append=steps) > 0] if len(begins) else begins


def _known(answer: Arrays, begins: np.ndarray, seed: int) -> dict[bytes, tuple[int, np.ndarray]]:
    """The place and the expert's label by observation, of the demonstrations and of each rollout's states: the judge
    replays the actions. The camera's noise makes every observation unique."""
    seeds, actions = answer["seeds"].astype(np.int64), answer["executed"].astype(np.float32)
    if actions.ndim != 3 or len(actions) > 2 * LENGTH * ROUNDS or seeds.min(initial=0) < 0:
        raise ValueError("more steps than the budget allows, or resets without a seed")
    demos = demonstrations(seed)
    found = {obs.tobytes(): (i, label) for i, (obs, label) in enumerate(zip(demos.obs, demos.action, strict=True))}
    started = dict(zip(answer["begins"].tolist(), seeds.tolist(), strict=True))  # the last reset before the first step
    for number, (begin, end) in enumerate(zip(begins, [*begins[1:], len(actions)], strict=True), 1):
        steps = actions[begin:end][:LENGTH]
        made = rollout(Lane(CARS), _script(steps), len(steps), started[int(begin)])
        label = EXPERT(made.state)
        for t, n in np.ndindex(len(steps), CARS):
            found.setdefault(made.obs[t, n].tobytes(), (number * PLACES + n * LENGTH + t, label[t, n]))
    return found


def _script(steps: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """A policy that carries out recorded actions."""
    remaining = iter(steps)
    return lambda obs: next(remaining)


# --- the judge's own run ----------------------------------------------------------------------------------------------
@cache
def value(chosen: tuple[tuple[int, ...], ...], seed: int) -> float:
    """Run DAgger with the samples in these places, for several learners at once, and test the last clone.

    Many students choose the same samples; their value is measured only once.
    """
    hw1, rng = Homework(), np.random.default_rng(seed)

    def drive(policy: Policy | None, cars: int, steps: int) -> Rollout:
        return rollout(Lane(LEARNERS * cars, learners=LEARNERS), policy, steps, int(rng.integers(2**31)), expert=EXPERT)

    obs, label = _samples(drive(None, CARS, LENGTH))
    for number, rows in enumerate(chosen):
        last = number == len(chosen) - 1
        data = _dataset(obs, label, list(rows))
        policy = clone(hw1, data, LAST_GRADIENT_STEPS if last else GRADIENT_STEPS, int(rng.integers(2**31)))
        if not last:
            new = _samples(drive(policy, CARS, LENGTH))
            obs, label = (np.concatenate(pair, axis=1) for pair in zip((obs, label), new, strict=True))
    cost = drive(policy, EPISODES, STEPS).cost  # (T, N)
    return float((cost == 0).all(axis=0).mean())


def _samples(made: Rollout) -> tuple[np.ndarray, np.ndarray]:
    """Observations and the expert's labels of a rollout, `[L, PLACES, ...]`, one environment after the other."""
    by_learner = (made.by_learner(values).swapaxes(1, 2) for values in (made.obs, EXPERT(made.state)))
    return tuple(values.reshape(LEARNERS, PLACES, -1) for values in by_learner)


def _dataset(obs: np.ndarray, label: np.ndarray, rows: list[int]) -> Dataset:
    """The samples in these places, of every learner."""
    count = LEARNERS * len(rows)
    return Dataset(
        obs=obs[:, rows].reshape(count, -1),
        action=label[:, rows].reshape(count, -1),
        episode=np.arange(count),
        learner=np.repeat(np.arange(LEARNERS), len(rows)),
        driver=np.zeros(count, dtype=np.int64),
    )
