"""The leaderboard runs DAgger itself; of the student's it takes only which samples were learnt from."""

import numpy as np
import pytest

from hw1.exercises import ROOT
from tests.autograder.oracle import draw
from tests.autograder.probes import Homework
from tests.autograder.runner import Answer, InProcess
from tests.autograder.staff.bank import homework
from tests.autograder.staff.probes import leaderboard
from tests.autograder.staff.probes.leaderboard import ALL, CARS, LENGTH, PLACES, PROBE, ROUNDS, places, score, value

SEED = "a seed of the leaderboard"
INPUT = int(draw(PROBE, SEED)["seed"])
SOURCE = (ROOT / "hw1/dagger.py").read_text()


class Fixed:
    """A worker that always answers with the same arrays."""

    def __init__(self, arrays):
        self.arrays = arrays

    def ask(self, probe, inputs):
        return Answer("ok", self.arrays)


def collected(code: str) -> dict[str, np.ndarray]:
    """What the sandbox reports of a `dagger` that is appended to the reference."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(leaderboard, "GRADIENT_STEPS", 3)  # how well its clones drive does not matter
        answer = InProcess(homework("hw1/dagger.py", f"{SOURCE}\n\n{code}"), ROOT).ask(PROBE, draw(PROBE, SEED))
    assert answer.status == "ok", answer.detail
    return answer.arrays


@pytest.fixture(scope="module")
def honest() -> dict[str, np.ndarray]:
    answer = InProcess(Homework(), ROOT).ask(PROBE, draw(PROBE, SEED))
    assert answer.status == "ok", answer.detail
    return answer.arrays


def test_the_reference_learns_from_everything_that_it_collected(honest):
    assert tuple(tuple(sorted(rows)) for rows in places(honest, INPUT)) == ALL
    assert score(Fixed(honest), SEED) == value(ALL, int(draw(PROBE, f"{SEED}/judge")["seed"]))


def test_the_value_hardly_depends_on_the_seed_and_tells_wrong_ones_apart():
    """The same numbers of labels: demonstrations only, and rounds that forget the earlier ones."""
    values = [value(ALL, seed) for seed in range(2)]
    assert max(values) - min(values) <= 0.1
    forgets = tuple(tuple(range(i * PLACES, (i + 1) * PLACES)) for i in range(ROUNDS + 1))
    assert value((ALL[0],), 0) < min(values) - 0.2
    assert value(forgets, 0) < min(values) - 0.2


# --- attacks ----------------------------------------------------------------------------------------------------------
DARTS = """
def dagger(env, expert, fit, demos, rounds, horizon, rng):
    data = demos
    policy = fit(data)
    for i in range(rounds):
        def driver(obs, noise=np.random.default_rng(i)):
            return DRIVE
        steps = rollout(env, driver, horizon, int(rng.integers(2**31)), expert=expert)
        data = aggregate(data, Dataset.from_rollout(steps, expert(steps.state)))
        policy = fit(data)
"""
DRIVERS = [
    "policy(obs) + noise.normal(0, 0.05, (len(obs), 1))",
    "policy(obs) + noise.normal(0, 0.5, (len(obs), 1))",
    "noise.uniform(-1, 1, (len(obs), 1))",
    "np.sin(noise.uniform(0, 6) + np.arange(len(obs)))[:, None]",
    "expert(env.state) + noise.normal(0, 0.3, (len(obs), 1)) if hasattr(env, 'state') else policy(obs)",
]


@pytest.mark.parametrize("driver", DRIVERS)
def test_darts_gain_nothing(driver):
    """Whatever drives in the sandbox, the judge's own clone drives in the judge's run."""
    found = places(collected(DARTS.replace("DRIVE", driver)), INPUT)
    assert all(set(rows) <= set(every) for rows, every in zip(found, ALL, strict=True))


LOOP = """
def dagger(env, expert, fit, demos, rounds, horizon, rng):
    data = demos
    policy = fit(data)
    for i in range(rounds):
        new = rollout_and_relabel(env, policy, expert, horizon, 0.0, rng)
        CHANGE
        data = aggregate(data, new)
        policy = fit(data)
        AFTER
"""
CHANGES = {
    "labels from elsewhere": ("new = Dataset(**vars(new) | {'action': new.action * 0})", 1),
    "observations from elsewhere": ("new = Dataset(**vars(new) | {'obs': new.obs[::-1].copy() + 0.1})", 1),
    "every sample three times": ("new = aggregate(aggregate(new, new), new)", ROUNDS + 1),
    "more rounds than there are": (
        "new = aggregate(new, rollout_and_relabel(env, policy, expert, horizon, 0.0, rng))",
        ROUNDS + 1,
    ),
    "the expert drives": ("new = rollout_and_relabel(env, policy, expert, horizon, 1.0, rng)", ROUNDS + 1),
    "coins": ("new = rollout_and_relabel(env, policy, expert, horizon, 0.5, rng)", ROUNDS + 1),
    "another road": ("new = rollout_and_relabel(type(env)(8), policy, expert, horizon, 0.0, rng)", 1),
    "a chosen start": (
        "new = rollout_and_relabel(env, policy, expert, horizon, 0.0, np.random.default_rng(7))",
        ROUNDS + 1,
    ),
    "many trials, the best one kept": (
        "new = max((rollout_and_relabel(type(env)(8), policy, expert, horizon, 0.0, rng) for _ in range(5)), "
        "key=lambda d: abs(d.action).sum())",
        1,
    ),
}


@pytest.mark.parametrize(("change", "sources"), CHANGES.values(), ids=CHANGES)
def test_tricks_with_the_data_gain_nothing(change, sources):
    """At most the places of a right DAgger count; other samples are not even found."""
    found = places(collected(LOOP.replace("CHANGE", change).replace("AFTER", "pass")), INPUT)
    assert len(found) <= ROUNDS + 1
    assert all(set(rows) <= set(every) for rows, every in zip(found, ALL, strict=False))
    assert len({place // PLACES for place in found[-1]}) <= sources


def test_more_steps_than_there_are_get_no_rank():
    code = LOOP.replace("CHANGE", "rollout_and_relabel(env, policy, expert, 2 * horizon, 0.0, rng)")
    with pytest.raises(ValueError, match="more steps than the budget allows"):
        places(collected(code.replace("AFTER", "pass")), INPUT)


def test_many_calls_of_fit_gain_nothing():
    found = places(collected(LOOP.replace("CHANGE", "fit(new)").replace("AFTER", "fit(demos); fit(data)")), INPUT)
    assert tuple(tuple(sorted(rows)) for rows in found) == ALL


def test_a_choice_of_samples_is_a_choice_of_places():
    """Who keeps the samples with the largest corrections gets the same places of other rollouts."""
    code = LOOP.replace("CHANGE", "new = new.subset(abs(new.action[:, 0]) > np.median(abs(new.action)))")
    found = places(collected(code.replace("AFTER", "pass")), INPUT)
    assert PLACES < len(found[-1]) < len(ALL[-1])
    assert set(ALL[0]) < set(found[-1])


# --- records ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "change",
    [
        {"seeds": np.array([-1])},
        {"executed": np.zeros((10**5, CARS, 1), np.float32)},
        {"executed": np.full((240, CARS, 1), np.nan, np.float32), "sizes": np.zeros(5)},
        {"executed": np.zeros((240, 7, 1), np.float32)},
        {"obs": np.zeros((3, 2), np.int64)},
        {"rows": np.zeros(0, np.int64), "sizes": np.zeros(5, np.int64)},
        {"begins": np.array([5, 3, 1])},
        {"begins": np.array([0, LENGTH, 0, LENGTH])},
        {"begins": np.array([0, 60, 120, 10**9])},
        {"obs": np.zeros((2**22, 0)), "action": np.zeros((2**22, 0))},  # very many empty rows
        {"obs": np.zeros(())},
        {"made": np.array([1, 2, 3, 4, 5])},  # the first rollout before the first fit
        {"made": np.array([5, 4, 3, 2, 1])},
        {"sizes": np.array([-1, 1, 0, 0, 0])},
        {"sizes": np.array([]), "made": np.array([])},
        {"rows": np.array([-1] * 7200)},
        {"rows": np.array([10**6] * 7200)},
        {"rows": np.zeros(7199, np.int64)},
        {"sizes": np.zeros(()), "made": np.zeros(())},
    ],
)
def test_impossible_records_get_no_rank(honest, change):
    assert score(Fixed(honest | change), SEED) is None


@pytest.mark.parametrize("missing", ["obs", "action", "rows", "sizes", "made", "seeds", "begins", "executed"])
def test_incomplete_records_get_no_rank(honest, missing):
    assert score(Fixed({name: array for name, array in honest.items() if name != missing}), SEED) is None


def test_students_code_does_not_know_the_seed_of_the_judge(honest, monkeypatch):
    seeds = []
    monkeypatch.setattr(leaderboard, "value", lambda chosen, seed: seeds.append(seed))
    score(Fixed(honest), SEED)
    assert abs(seeds[0] - INPUT) > 1000


def test_no_answer_gets_no_rank():
    unfinished = f"{SOURCE}\n\ndef dagger(*args):\n    raise NotImplementedError('TODO 4.3')\n"
    assert score(InProcess(homework("hw1/dagger.py", unfinished), ROOT), SEED) is None
