"""The leaderboard shows what the student's DAgger collected, and nothing but DAgger is worth anything there."""

import numpy as np
import pytest

from hw1.exercises import ROOT
from hw1.experts import LaneExpert
from tests.autograder.oracle import draw
from tests.autograder.probes import Homework
from tests.autograder.runner import Answer, InProcess
from tests.autograder.staff import bank
from tests.autograder.staff.probes import leaderboard
from tests.autograder.staff.probes.leaderboard import PROBE, ROUNDS, chosen, samples, score

SEED = "leaderboard"
ROUND = leaderboard.CARS * leaderboard.LENGTH  # samples
EVERYTHING = ROUND * (ROUNDS + 1)
REFERENCE = (ROOT / "hw1/dagger.py").read_text()


class Fixed:
    """A worker that always answers with the same arrays."""

    def __init__(self, **arrays):
        self.arrays = arrays

    def ask(self, probe, inputs):
        return Answer("ok", self.arrays)


def student(overlay: str) -> InProcess:
    """The reference's file with an overlay appended."""
    return InProcess(bank.homework("hw1/dagger.py", f"{REFERENCE}\n\n{overlay}"), ROOT)


def kept(runner: InProcess) -> np.ndarray:
    """`[EVERYTHING]`: whether the last policy is fitted to each of the judge's samples."""
    answer = runner.ask(PROBE, draw(PROBE, SEED))
    assert answer.status == "ok", answer.detail
    return chosen(answer.arrays, EVERYTHING)


# --- right and wrong -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", [name for name, each in bank.alternatives().items() if each.file == "hw1/dagger.py"])
def test_every_right_solution_shares_the_first_place(name):
    own = InProcess(bank.homework("hw1/dagger.py", bank.alternatives()[name].source), ROOT)
    assert kept(own).all()


def test_the_samples_are_the_expert_s_labels_of_what_the_judge_s_cars_saw():
    tape = draw(PROBE, SEED)
    data = samples(tape)
    assert len(data) == EVERYTHING == len({obs.tobytes() for obs in data.obs})
    np.testing.assert_array_equal(data.action, LaneExpert()(tape["state"]).reshape(-1, 1))
    np.testing.assert_array_equal(data.action[:ROUND], tape["action"][0].reshape(-1, 1))  # the expert drove
    assert np.abs(data.action[ROUND:] - tape["action"][1:].reshape(-1, 1)).mean() > 0.01  # a policy drove


@pytest.mark.parametrize(
    "name",
    ["relabel-policy", "relabel-expert-drives", "loop-overwrites", "loop-fits-demonstrations", "aggregate-drops-new"],
)
def test_a_mistake_costs_more_than_luck(name):
    best = score(InProcess(Homework(), ROOT), SEED)
    assert best > 0.95
    assert score(InProcess(bank.mutant(bank.bugs()[name]), ROOT), SEED) < best - 0.05


def test_as_many_demonstrations_without_dagger_are_worse():
    tape = draw(PROBE, SEED)
    cars = leaderboard.lane(leaderboard.CARS * (ROUNDS + 1))
    shown = leaderboard.rollout(cars, None, leaderboard.LENGTH, 0, expert=LaneExpert())
    demonstrations = samples(leaderboard.taped([shown]))
    assert len(demonstrations) == EVERYTHING
    assert leaderboard.success(demonstrations, 1) < leaderboard.success(samples(tape), 1) - 0.15


# --- cheats ----------------------------------------------------------------------------------------------------------
# Each is a `dagger` for the arguments (env, expert, fit, demos, rounds, horizon, rng). `loop` is DAgger with changed
# parts: who drives, and what the policies are fitted to.
LOOP = """
from types import SimpleNamespace
from hw1.envs.lane import Lane

def loop(env, expert, fit, demos, rounds, horizon, rng, driver=lambda policy, t: policy, change=lambda data: data):
    history = [Round(demos, fit(change(demos)))]
    for _ in range(rounds):
        obs, info = env.reset(seed=int(rng.integers(2**31)))
        parts, newest = [], history[-1].policy
        for t in range(horizon):
            parts.append((obs, expert(info["state"])))
            obs, *_, info = env.step(driver(newest, t)(obs))
        new = made(*map(np.concatenate, zip(*parts)))
        data = aggregate(history[-1].dataset, new)
        history.append(Round(data, fit(change(data))))
    return history

def made(obs, action):
    nobody = np.zeros(len(obs), dtype=np.int64)
    return Dataset(np.float32(obs), np.float32(action), nobody, nobody, nobody)

def dagger(env, expert, fit, demos, rounds, horizon, rng, beta=None, collect=None):
    given = (env, expert, fit, demos, rounds, horizon, rng)
"""
DRIVERS = {
    "small darts": "lambda policy, t: lambda obs: policy(obs) + 0.01 * rng.standard_normal((len(obs), 1))",
    "large darts": "lambda policy, t: lambda obs: policy(obs) + 0.5 * rng.standard_normal((len(obs), 1))",
    "one swerve": "lambda policy, t: policy if t % 30 else lambda obs: np.ones((len(obs), 1))",
    "planned zigzag": "lambda policy, t: lambda obs: np.full((len(obs), 1), 0.3 * np.sin(t / 5))",
    "noise alone": "lambda policy, t: lambda obs: rng.uniform(-1, 1, (len(obs), 1))",
    "coins": "lambda policy, t: policy if rng.random() < 0.5 else lambda obs: -policy(obs)",
    "the first policy": "lambda policy, t: first(policy)",
}
CHANGES = {
    "far states only": "lambda data: data.subset(np.abs(data.action[:, 0] - data.action.mean()) > 0.05)",
    "no demonstrations": "lambda data: data.subset(np.arange(len(data)) >= len(demos) * (len(data) > len(demos)))",
    "repeated far states": "lambda data: aggregate(data, data.subset(np.abs(data.action[:, 0]) > 0.1))",
    "mirrored": "lambda data: aggregate(data, made(data.obs.reshape(-1, 16)[:, ::-1].reshape(-1, 128), -data.action))",
    "edited labels": "lambda data: made(data.obs, 1.2 * data.action)",
    "other roads": "lambda data: aggregate(data, elsewhere(Lane(40), expert, rng))",
    "copied test roads": "lambda data: aggregate(data, elsewhere(Lane(80), expert, rng))",
    "poor first policies": "lambda data: data.subset(np.arange(len(data)) < len(data) ** (len(data) > 4 * len(demos)))",
}
OTHERS = {
    "the expert with noise": """
    noisy = lambda state: np.clip(expert(state) + 0.2 * rng.standard_normal((len(state), 1)), -1, 1).astype(np.float32)
    parts = [demos]
    for _ in range(rounds):
        steps = rollout(env, None, horizon, 0, expert=noisy)
        parts.append(Dataset.from_rollout(steps, expert(steps.state)))
    data = made(np.concatenate([p.obs for p in parts]), np.concatenate([p.action for p in parts]))
    return [Round(data, fit(data))]
""",
    "long rollouts": "    return loop(env, expert, fit, demos, rounds, 5 * horizon, rng)\n",
    "many short rollouts": "    return loop(env, expert, fit, demos, 10 * rounds, 10, rng)\n",
    "chosen starts": "    return loop(*given[:-1], SimpleNamespace(integers=lambda high: 7))\n",
    "many fits": "    [fit(demos) for _ in range(20)]\n    return loop(*given)\n",
    "other environments": "    return loop(type(env).__mro__[1](env.num_envs), *given[1:])\n",
    "the best of dry runs": """
    runs = [loop(*given) for _ in range(5)]
    return max(runs, key=lambda history: len(history[-1].policy.rows))
""",
    "peeking at later rounds": """
    tape = env.tape
    data = made(tape["obs"].reshape(-1, 128), expert(tape["state"]).reshape(-1, 1))
    return [Round(data, fit(data))]
""",
    "an answer by hand": """
    return [SimpleNamespace(policy=SimpleNamespace(rows=np.repeat(np.arange(-9, 10**4), 20)))]
""",
    "a larger dataset than it returns": """
    history = loop(*given)
    more = aggregate(history[-1].dataset, elsewhere(Lane(80), expert, rng))
    return [*history[:-1], Round(history[-1].dataset, fit(more))]
""",
}
HELP = """
def elsewhere(env, expert, rng):
    noisy = lambda state: np.clip(expert(state) + 0.2 * rng.standard_normal((len(state), 1)), -1, 1).astype(np.float32)
    steps = rollout(env, None, 40, 1, expert=noisy)
    return Dataset.from_rollout(steps, expert(steps.state))

def first(policy, kept=[]):
    kept.append(policy)
    return kept[0]
"""
CHEATS = (
    {name: f"    return loop(*given, driver={driver})\n" for name, driver in DRIVERS.items()}
    | {name: f"    return loop(*given, change={change})\n" for name, change in CHANGES.items()}
    | OTHERS
)


@pytest.mark.parametrize("name", CHEATS)
def test_a_cheat_gains_nothing(name):
    runner = student(HELP + LOOP + CHEATS[name])
    assert kept(runner).any()
    assert score(runner, SEED) <= score(Fixed(rows=np.arange(EVERYTHING)), SEED)


@pytest.mark.parametrize("name", DRIVERS)
def test_cars_that_are_driven_otherwise_show_almost_nothing_new(name):
    new = kept(student(HELP + LOOP + CHEATS[name])).reshape(ROUNDS + 1, ROUND)[1 + (name == "the first policy") :]
    assert new.mean() < 0.1


def test_the_bank_s_own_loop_is_right():
    assert kept(student(HELP + LOOP + "    return loop(*given)\n")).all()


def test_a_lucky_part_of_the_samples_gets_no_more_than_all_of_them(monkeypatch):
    monkeypatch.setattr(leaderboard, "success", lambda data, roads: 0.7 if len(data) == EVERYTHING else 0.9)
    assert score(Fixed(rows=np.arange(EVERYTHING - 1)), SEED) == 0.7


# --- answers that may hold anything ----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "arrays",
    [
        {},
        {"rows": np.zeros(0, dtype=np.int64)},
        {"rows": np.zeros((3, 0), dtype=np.int64)},
        {"rows": np.array([-1, -EVERYTHING, EVERYTHING, 2**62, -(2**63)])},
        {"rows": np.array([np.nan, np.inf, 1.0])},
        {"rows": np.array([True, False])},
        {"rows": np.array([2**63], dtype=np.uint64)},
        {"obs": np.zeros(3)},
    ],
)
def test_an_answer_without_samples_gets_no_rank(arrays):
    assert score(Fixed(**arrays), SEED) is None


@pytest.mark.parametrize("rows", [np.array(5), np.array([[5, 5], [5, -3]]), np.array([5, 2**40]), np.int8([5])])
def test_only_numbers_of_samples_are_read(rows):
    assert np.flatnonzero(chosen({"rows": rows}, EVERYTHING)).tolist() == [5]


def test_students_code_does_not_know_the_roads_of_the_test(monkeypatch):
    seeds = []
    monkeypatch.setattr(leaderboard, "success", lambda data, roads: seeds.append(roads) or 0.0)
    score(Fixed(rows=np.arange(9)), SEED)
    assert len(set(seeds)) == 1
    assert not any(np.isin(seeds[0], array) for array in draw(PROBE, SEED).values())


def test_no_answer_gets_no_rank():
    assert score(student("def dagger(*args):\n    raise NotImplementedError('TODO 4.3')\n"), SEED) is None
