"""What the experiments on Lane measure, on drives and scores whose values are known."""

from dataclasses import asdict

import numpy as np
import pytest

from scripts.experiments.base import Results
from scripts.experiments.lane import EXPERIMENT, alarm, collecting, compounding, gates, lab
from scripts.experiments.lane.alarm import ALARMS, FALSE_ALARMS, MEMORY, RATES, SOON, Listener
from scripts.experiments.lane.lab import QUICK, STEPS, Lab, Plan
from scripts.experiments.lane.measures import HORIZONS, Region
from scripts.experiments.lane.methods import METHODS


# --- tests of policies ------------------------------------------------------------------------------------------------
def test_drives_do_not_depend_on_the_other_policies_and_no_two_blocks_are_alike(monkeypatch):
    monkeypatch.setattr(lab, "STEPS", 20)
    monkeypatch.setattr(lab, "EPISODES", 4)
    drives = Lab((0, 1), QUICK).test(None, each=5)
    assert drives.state.shape == (2, 20, 5, 4)
    assert drives.action.shape == (2, 20, 5, 1)
    assert drives.cost.shape == (2,)
    starts = drives.state[:, 0, :, 0].ravel()
    assert len(np.unique(starts)) == 10
    again = Lab((0, 1), QUICK).test(None, each=5)
    assert np.array_equal(drives.state, again.state)
    other = Lab((0, 1), QUICK).test(None, each=5, purpose="describe")
    assert not np.array_equal(drives.state, other.state)


def test_the_region_holds_its_share_of_the_experts_states_and_is_an_ellipse():
    rng = np.random.default_rng(0)
    shape = np.array([[0.3, 0.0], [0.05, 0.02]])
    states = np.array([1.0, -0.5]) + rng.normal(size=(50, 400, 2)) @ shape
    region = Region.of(states)
    assert region.excludes(states).mean() == pytest.approx(0.01, abs=1e-3)
    direction = np.linalg.cholesky(np.cov(states.reshape(-1, 2).T))
    angle = np.linspace(0, 2 * np.pi, 9)
    rim = region.centre + region.radius * np.stack([np.cos(angle), np.sin(angle)], axis=-1) @ direction.T
    assert not region.excludes(region.centre + 0.999 * (rim - region.centre)).any()
    assert region.excludes(region.centre + 1.001 * (rim - region.centre)).all()


# --- the alarm --------------------------------------------------------------------------------------------------------
def test_the_roc_area_is_the_share_of_pairs_in_the_right_order():
    rng = np.random.default_rng(0)
    positive = rng.random(200) < 0.3
    score = rng.normal(size=200) + positive
    curve, area = alarm.roc(score, positive)
    pairs = score[positive][:, None] > score[~positive][None, :]
    assert area == pytest.approx(pairs.mean())
    assert np.trapezoid(curve, RATES) == pytest.approx(area, abs=0.02)
    assert np.isnan(alarm.roc(score, np.zeros(200, bool))[1])


def test_the_alarm_is_the_mean_of_the_last_steps_and_never_looks_ahead():
    score = np.random.default_rng(0).random((2, 30, 3))
    expected = [[score[i, max(t - MEMORY + 1, 0) : t + 1].mean(axis=0) for t in range(30)] for i in range(2)]
    np.testing.assert_allclose(alarm.recent_mean(score), expected)


def test_the_warning_is_how_long_the_alarm_rings_without_a_pause_before_the_first_exit():
    off = np.zeros((10, 4), dtype=bool)
    off[6:8, 0] = off[5:, 1] = off[2, 2] = off[9, 2] = True  # the last car never leaves
    rings = np.zeros_like(off)
    rings[[1, 4, 5, 6], 0] = rings[2:6, 1] = rings[9, 2] = rings[:, 3] = True
    # The first car: steps 4 to 6; the second: 2 to 5; the third: silent when it leaves first.
    assert alarm.warning(rings, off) == pytest.approx(0.3)
    assert np.isnan(alarm.warning(rings[:, 3:], off[:, 3:]))


def test_an_alarm_that_knows_the_future_is_perfect_and_rings_as_soon_as_it_is_asked():
    rng = np.random.default_rng(0)
    off = np.zeros((100, 50), dtype=bool)
    off[60:, :25] = True
    exit_soon = np.zeros_like(off)
    exit_soon[61 - SOON : 61, :25] = True  # heard before the step after which the car is off
    _, area, seconds = alarm.judge(exit_soon + 0.1 * rng.random(off.shape), off)
    assert area == pytest.approx(1.0)
    assert seconds == pytest.approx(0.1 * SOON)
    _, area, seconds = alarm.judge(rng.random(off.shape), off)
    assert area == pytest.approx(0.5, abs=0.05)
    assert seconds <= 0.1
    assert FALSE_ALARMS < 0.1


def test_a_listener_writes_down_what_it_hears_and_never_takes_the_wheel():
    listener = Listener({"sum": lambda obs: obs.sum(axis=1)})
    obs = np.arange(2 * 3 * 4 * 5.0).reshape(2, 3, 4, 5)  # rollouts, steps, environments, numbers
    for steps in obs:
        listener.reset(0)
        for now in steps:
            assert not listener(now, now, np.zeros(4, dtype=bool)).any()
    written = listener.written("sum", learners=2)  # (L, T, n)
    assert written.shape == (2, 3, 4)
    sums = obs.sum(axis=-1)
    np.testing.assert_array_equal(written[0], np.concatenate([sums[0][:, :2], sums[1][:, :2]], axis=1))
    np.testing.assert_array_equal(written[1], np.concatenate([sums[0][:, 2:], sums[1][:, 2:]], axis=1))


# --- claims -----------------------------------------------------------------------------------------------------------
def test_the_exponent_ignores_what_is_saturated_and_learners_without_a_disagreement():
    growing = 1e-5 * HORIZONS.astype(float) ** 2
    saturated = np.where(HORIZONS > 100, 0.9 * HORIZONS, growing)
    J = np.stack([growing, saturated, np.zeros(len(HORIZONS))])
    assert compounding.exponent(J) == pytest.approx(2.0, abs=1e-6)
    assert compounding.exponents(J) == pytest.approx([2.0, 2.0], abs=1e-6)
    assert np.isnan(compounding.exponent(J[2:]))


def test_a_cost_of_0_counts_as_one_step_in_all_episodes():
    seeds = 4
    results = Results(
        {
            f"lane {method}": {
                "J": np.ones((seeds, 2, 5)),
                "cost": np.full((seeds, 2), cost),
                "tests": np.full(seeds, 25),
            }
            for method, cost in (("bc", 3.0), ("dagger", 0.0))
        }
    )
    ratio = next(claim for claim in compounding.growth_claims(results) if "equal labels" in claim.claim)
    assert ratio.measured == pytest.approx(3.0 / (1 / 100))  # one of 100 episodes has one step


def test_quarters_are_the_means_of_each_quarter():
    share = np.repeat(np.array([[0.1, 0.2, 0.4, 0.8]]), STEPS // 4, axis=1)
    np.testing.assert_allclose(compounding.quarters(share), [[0.1, 0.2, 0.4, 0.8]])


def test_a_gate_is_compared_with_dagger_after_every_round():
    rng = np.random.default_rng(0)
    dagger = {"cost": rng.random((20, 4)), "labels": np.full((20, 4), 1_000)}
    worse = np.array([0.0, 0.1, 0.5, 0.1])
    gated = {"cost": dagger["cost"] + worse, "labels": np.full((20, 4), 200)}
    claims = gates.gate_claims("hg", "a person", 0.5)({"lane hg": gated, "lane dagger": dagger})
    assert [claim.holds for claim in claims] == [True, False, True, True]
    assert claims[-1].measured == pytest.approx(0.2)


# --- figures ----------------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def made() -> Results:
    """Results as the jobs return them, drawn at random: 3 learners, 2 rounds."""
    rng = np.random.default_rng(0)
    rounds = {"cost": rng.random((3, 3)), "labels": np.cumsum(rng.integers(100, 900, (3, 3)), axis=1)}
    rounds["tests"] = np.full(3, 10)
    detector = {name: rng.random((3, len(ALARMS))) for name in ("area", "warning")}
    results = {f"lane {method}": rounds for method in METHODS}
    for name, policies in (("bc", 2), ("dagger", 1), ("expert", 1)):
        seen = {name: rng.random((3, policies, STEPS)) for name in ("outside", "variation")}
        seen["J"] = np.cumsum(rng.random((3, policies, len(HORIZONS))), axis=-1)
        seen["e"] = rng.normal(size=(3, policies, STEPS, 5))
        results[f"lane {name}"] = results.get(f"lane {name}", {}) | seen
    results["lane detector"] = detector | {"roc": np.sort(rng.random((3, len(ALARMS), len(RATES))))}
    late = {name: rng.random((3, len(collecting.LATENCIES))) for name in ("cost", "demonstrator")}
    results["lane latency"] = late
    results["lane history"] = {"cost": rng.random((3, len(collecting.MEMORIES)))}
    return Results(results)


def test_every_job_has_results_in_this_test_and_every_claim_names_its_jobs(made):
    assert {job.name for job in EXPERIMENT.jobs(True)} == made.keys()
    claims = [claim for make in EXPERIMENT.claims for claim in make(made)]
    assert len({claim.claim for claim in claims}) == len(claims)
    assert all(claim.jobs and set(claim.jobs) <= made.keys() for claim in claims)
    assert all(np.isfinite(claim.interval).all() for claim in claims)


@pytest.mark.parametrize("drawing", EXPERIMENT.drawings, ids=lambda drawing: drawing.name)
def test_a_figure_is_drawn_described_and_has_its_numbers(drawing, made):
    figure = drawing.draw(made)
    figure.draw_without_rendering()
    assert all(ax.get_xlabel() or ax.get_xticklabels() for ax in figure.axes)
    assert len(drawing.description) >= 80
    if drawing.table:
        header, rows = drawing.table(made)
        assert {len(row) for row in rows} == {len(header)}
        assert all(np.isfinite(row[2:]).all() for row in rows)
        assert len({row[:2] for row in rows}) == len(rows) <= 60


TINY = asdict(
    Plan(demos=2, length=20, rounds=1, rollouts=2, steps=2, members=2, detectors=2, tests=3, many=12, rare=12)
)


@pytest.mark.parametrize("job", EXPERIMENT.jobs(True), ids=lambda job: job.name)
def test_a_job_returns_what_the_claims_and_figures_read(job, made, monkeypatch):
    monkeypatch.setattr(lab, "EPISODES", 4)  # in blocks of two test episodes, the last of one
    arrays = job.run((0, 1), **job.options | TINY)
    assert {name: values.ndim for name, values in arrays.items()} == {n: v.ndim for n, v in made[job.name].items()}
    assert {len(values) for values in arrays.values()} == {2}
