"""Whether an array is right, and if not, how it differs: in a sentence for the student."""

import math

import numpy as np

from tests.autograder.probes.base import Arrays, Close, Probe, Sample

# The probability that a comparison rejects a right sample. A grade makes about 100 comparisons.
FALSE_ALARM = 1e-9


def differences(probe: Probe, got: Arrays, expected: Arrays) -> dict[str, str]:
    """A sentence for each array of `got` that is wrong, by name; empty if all are right."""
    wrong = {}
    for name, wanted in expected.items():
        rule = probe.rules.get(name, Close())
        if name not in got:
            wrong[name] = f"{name} is missing"
        elif sentence := difference(rule, got[name], wanted):
            wrong[name] = f"{name}: {sentence}"
    return wrong


def same(probe: Probe, got: Arrays, expected: Arrays) -> bool:
    """Whether all arrays are right."""
    return not differences(probe, got, expected)


def difference(rule: Close | Sample, got: np.ndarray, expected: np.ndarray) -> str:
    """How `got` differs, or "" if it does not."""
    if got.dtype.kind != expected.dtype.kind or (
        isinstance(rule, Close) and rule.dtype and got.dtype != expected.dtype
    ):
        return f"got {got.dtype}, expected {expected.dtype}"
    if got.shape != expected.shape:
        return _shape(got, expected)
    if expected.dtype.kind != "f":
        return "" if (got == expected).all() else _numbers(rule, got, expected)
    if not np.isfinite(got).all() and np.isfinite(expected).all():  # a known mistake's values may be infinite too
        return f"got {_first(got, ~np.isfinite(got))}, expected finite numbers"
    got, expected = got.astype(np.float64), expected.astype(np.float64)
    if isinstance(rule, Sample):
        return "" if same_distribution(got, expected) else rule.says or "drawn from a different distribution"
    close = np.isclose(got, expected, rule.rtol, rule.atol, equal_nan=True)
    return "" if close.all() else _numbers(rule, got, expected)


def _shape(got: np.ndarray, expected: np.ndarray) -> str:
    text = f"got shape {got.shape}, expected {expected.shape}"
    if expected.ndim == 0 and got.ndim == 1:
        return f"{text}: one value for each row; average over the batch"
    if got.size == expected.size and got.T.shape == expected.shape:
        return f"{text}: transposed"
    if got.size == expected.size:
        return f"{text}: the right number of values in the wrong shape"
    return text


def _numbers(rule: Close, got: np.ndarray, expected: np.ndarray) -> str:
    """The first number that differs, and what all the differences have in common, if anything."""
    off = got != expected if got.dtype.kind != "f" else ~np.isclose(got, expected, rule.rtol, rule.atol, equal_nan=True)
    text = f"got {_first(got, off)}, expected {_first(expected, off)}"
    why = rule.says or _pattern(got, expected)
    return f"{text} ({why})" if why else text


def _first(values: np.ndarray, where: np.ndarray) -> str:
    value = values[where].flat[0] if where.any() else values.flat[0]
    return str(value) if values.dtype.kind in "iub" else f"{value:.4g}"


def _pattern(got: np.ndarray, expected: np.ndarray) -> str:
    """A wrong sign, scale or constant offset, if one of them explains every number."""
    if got.dtype.kind != "f" or not got.size or not np.isfinite(expected).all():
        return ""

    def equal(a, b):
        return np.allclose(a, b, rtol=1e-4, atol=1e-5)

    if equal(got, -expected):
        return "the sign is wrong"
    norm = (expected**2).sum()
    scale = (got * expected).sum() / norm if norm > 0 else 0.0
    if scale != 0 and equal(got, scale * expected):
        inverse = 1 / scale
        if abs(inverse - round(inverse)) < 1e-3 and abs(inverse) > 1.5:
            return f"1/{round(inverse)} of the right value; did you take a mean instead of a sum?"
        if abs(scale - round(scale)) < 1e-3 and abs(scale) > 1.5:
            return f"{round(scale)} times the right value; did you take a sum instead of a mean?"
        if got.size > 1:
            return f"{scale:.4g} times the right value"
    offset = (got - expected).mean()
    if got.size > 1 and equal(got - offset, expected):
        return f"every number is off by {offset:.4g}"
    return ""


def same_distribution(first: np.ndarray, second: np.ndarray) -> bool:
    """Whether the rows of two arrays, each `[rows, numbers]`, may be independent draws from the same distribution.

    Compares every column, and random projections, which show dependence between the columns, by the two-sample
    Kolmogorov-Smirnov statistic. Its threshold is the asymptotic one for `FALSE_ALARM` divided by the number of
    comparisons. For samples of this size it errs on the side of accepting.
    """
    first, second = (x.reshape(len(x), -1) for x in (first, second))
    dims = first.shape[1]
    scale = np.maximum(second.std(axis=0), 1e-12)
    mixed = np.random.default_rng(0).standard_normal((dims, 4 * dims if dims > 1 else 0)) / scale[:, None]
    directions = np.concatenate([np.eye(dims), mixed], axis=1)
    n, m = len(first), len(second)
    limit = math.sqrt(math.log(2 * directions.shape[1] / FALSE_ALARM) / 2 * (n + m) / (n * m))
    return all(_kolmogorov_smirnov(first @ d, second @ d) <= limit for d in directions.T)


def _kolmogorov_smirnov(first: np.ndarray, second: np.ndarray) -> float:
    """The largest distance between the two empirical distribution functions."""
    first, second = np.sort(first), np.sort(second)
    at = np.concatenate([first, second])
    below = [np.searchsorted(x, at, side="right") / len(x) for x in (first, second)]
    return float(np.abs(below[0] - below[1]).max())
