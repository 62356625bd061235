"""The pooled exponent of growth, on costs whose exponent is known."""

import numpy as np
import pytest

from hw1.compounding import cost_by_horizon
from scripts.experiments.growth import STEEPEST, exponent

HORIZONS = np.array([25, 50, 100, 200])
LEARNERS, EPISODES, REPEATS = 20, 400, 60


def simulated(rng: np.random.Generator, recover: bool) -> np.ndarray:
    """J(T) of walkers on a rope, `[L, horizons]`: they slip with a rate that differs between learners.

    A slip costs one step if they recover, and all later steps if not. Some learners never slip at all.
    """
    rate = rng.gamma(0.3, 2e-4, size=(LEARNERS, 1, 1))
    slips = rng.random((LEARNERS, HORIZONS[-1], EPISODES), dtype=np.float32) < rate
    costs = slips if recover else np.maximum.accumulate(slips, axis=1)
    return np.array([cost_by_horizon(own, HORIZONS) for own in costs])


@pytest.mark.parametrize(("recover", "truth"), [(True, 1.0), (False, 2.0)])
def test_the_exponent_is_unbiased_although_many_learners_have_no_cost(recover, truth):
    rng = np.random.default_rng(0)
    runs = [simulated(rng, recover) for _ in range(REPEATS)]
    found = np.array([exponent(HORIZONS, J) for J in runs])
    without = np.mean([(J[:, -1] == 0).mean() for J in runs])
    assert 0.1 < without < 0.9
    error = found.std() / np.sqrt(REPEATS)
    assert error < 0.025
    assert abs(found.mean() - truth) < 0.05


@pytest.mark.parametrize("power", [0.5, 1.0, 1.7, 3.0])
def test_a_power_law_gives_its_power_whatever_the_factors(power):
    factors = np.array([[0.0], [1e-4], [0.3], [7.0]])
    horizons = np.array([3, 10, 25, 100, 400])
    assert exponent(horizons, factors * horizons.astype(float) ** power) == pytest.approx(power, abs=1e-9)


def test_the_exponent_has_the_largest_poisson_likelihood():
    rng = np.random.default_rng(1)
    counts = rng.poisson([3.0, 5.0, 20.0, 30.0], size=(4, 4)).cumsum(axis=1).astype(float)
    between = np.diff(counts.sum(axis=0), prepend=0.0)

    def likelihood(p: float) -> float:
        mean = np.diff(HORIZONS.astype(float) ** p, prepend=0.0)
        mean *= between.sum() / mean.sum()
        return float((between * np.log(mean) - mean).sum())

    grid = np.linspace(0.1, 4.0, 3901)
    best = grid[np.argmax([likelihood(p) for p in grid])]
    assert exponent(HORIZONS, counts) == pytest.approx(best, abs=1e-3)


def test_the_ends_are_no_error_and_nothing_gives_nan():
    assert np.isnan(exponent(HORIZONS, np.zeros((3, 4))))
    assert exponent(HORIZONS, np.array([[2.0, 2.0, 2.0, 2.0]])) == pytest.approx(0.0, abs=1e-9)
    assert exponent(HORIZONS, np.array([[0.0, 0.0, 0.0, 2.0]])) == pytest.approx(STEEPEST)
