"""Whether an array is right, and if not, how it differs: in a sentence for the student.

With `reveal` a sentence shows numbers and shapes. Without it there are only the `sentences` of a rule: they show
neither what was expected nor anything that a student's code can choose freely.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from statistics import NormalDist

import numpy as np

from tests.autograder.probes.base import Arrays, Close, Probe, Sample

FALSE_ALARM = 1e-8
"""The probability that the comparison of two samples rejects a right one. A grade compares about 20."""
INFINITE = "a division by 0, the logarithm of 0, or the exponential of a large number"
NOT_A_NUMBER = "0 / 0, inf - inf, or the logarithm, root or power of a negative number"
DTYPE, SHAPE, NUMBERS, INFINITIES = "the wrong dtype", "the wrong shape", "wrong numbers", "not all numbers are finite"
DISTRIBUTION = "drawn from a different distribution"
STATEMENTS = {True: "should hold, but does not", False: "holds, but should not"}
"""A statement about an answer, by whether it must hold."""
AVERAGE, TRANSPOSED, RESHAPED = (
    ": one value for each row; average over the batch",
    ": transposed",
    ": the right number of values in the wrong shape",
)
SIGN, TWICE, HALF = "the sign is wrong", "twice the right value", "half the right value"
FUNCTIONS = {
    "the square root of the right value": np.sqrt,
    "the square of the right value": np.square,
    "the logarithm of the right value": np.log,
    "the exponential of the right value": np.exp,
    "the reciprocal of the right value": np.reciprocal,
}
SUM = "{letter}{size} times the right value; did you take a sum instead of a mean over {letter}?"
MEAN = "1/{letter}{size} of the right value; did you take a mean instead of a sum over {letter}?"
OFFSET = "every number is off by {offset}"
SAME_OFFSET = "the same number"
ANY = np.array("any")
"""In place of an array of a known mistake that depends on rounding errors, thus on the processor; equals any array."""
THIN = 8  # a known mistake's sample has only so many times fewer rows
LOOSE = 10.0, 1e-3, 1e-4
"""A wrong answer is that of a known mistake if it agrees within so many times the tolerance for right answers, up to
these rtol and atol: the sums of a wrong formula may cancel, and then processors agree in fewer digits."""


def differences(
    probe: Probe,
    got: Arrays,
    expected: Arrays,
    lengths: Mapping[str, set[int]] = {},
    reveal: bool = True,
    inputs: Mapping[str, np.ndarray] = {},
) -> dict[str, str]:
    """A sentence for each array of `got` that is wrong, by name; empty if all are right. `lengths`: of named axes."""
    wrong = {}
    for name, wanted in expected.items():
        rule = probe.rules.get(name, Close())
        if name not in got:
            wrong[name] = f"{titled(name)} is missing"
        elif sentence := difference(rule, got[name], wanted, lengths, reveal):
            wrong[name] = f"{titled(name)}{_case(rule, got[name], wanted, inputs) if reveal else ''}: {sentence}"
    return wrong


def titled(name: str) -> str:
    """How the name of an array is shown: "loss where B = 1", since "if" reads as a condition on the student's code."""
    return name.replace(" if ", " where ")


def _case(rule: Close | Sample, got: np.ndarray, expected: np.ndarray, inputs: Mapping[str, np.ndarray]) -> str:
    """The inputs that belong to the number that the sentence shows, such as " (eps = 0.01, T = 20)"."""
    names = [name for name in getattr(rule, "beside", ()) if name in inputs]
    if not names or _form(rule, got, expected):
        return ""
    shown = ~np.isfinite(got) if not np.isfinite(got).all() else ~_close(rule, got, expected)
    first = int(np.argmax(shown))
    return f" ({', '.join(f'{name} = {inputs[name][first]:.4g}' for name in names)})"


def same(probe: Probe, got: Arrays, expected: Arrays, loosely: bool = False) -> bool:
    """Whether all arrays are right; `loosely`: whether `expected` may come from another processor."""
    return all(
        name in got and equal(probe.rules.get(name, Close()), got[name], wanted, loosely)
        for name, wanted in expected.items()
    )


def equal(rule: Close | Sample, got: np.ndarray, expected: np.ndarray, loosely: bool = False) -> bool:
    """Whether an array is right; `loosely` as in `same`."""
    if expected.dtype.kind == "U":  # ANY
        return True
    if _form(rule, got, expected):
        return False
    if expected.dtype.kind != "f":
        return bool((got == expected).all())
    if isinstance(rule, Sample):
        finite = [bool(np.isfinite(sample).all()) for sample in (got, expected)]
        return same_distribution(half(got), half(expected)) if all(finite) else not any(finite)
    return bool(_close(rule, got, expected, loosely).all())


def difference(
    rule: Close | Sample,
    got: np.ndarray,
    expected: np.ndarray,
    lengths: Mapping[str, set[int]] = {},
    reveal: bool = True,
) -> str:
    """How `got` differs, or "" if it does not."""
    if equal(rule, got, expected):
        return ""
    if form := _form(rule, got, expected, lengths, reveal):
        return form
    if expected.dtype.kind == "f" and not np.isfinite(got).all() and np.isfinite(expected).all():
        first = got[~np.isfinite(got)].flat[0]
        text = f"got {_text(first)}, expected finite numbers" if reveal else INFINITIES
        return f"{text} ({NOT_A_NUMBER if np.isnan(first) else INFINITE})"
    if isinstance(rule, Sample):
        return rule.says or DISTRIBUTION
    return _numbers(rule, got, expected, lengths, reveal)


def sentences(rule: Close | Sample, letters: Iterable[str]) -> Iterator[str]:
    """Everything that `difference` can say without `reveal`. `letters`: the names of axes."""
    yield from (DTYPE, SHAPE, SHAPE + AVERAGE, SHAPE + TRANSPOSED, SHAPE + RESHAPED)
    yield from (f"{INFINITIES} ({why})" for why in (NOT_A_NUMBER, INFINITE))
    if isinstance(rule, Sample):
        yield rule.says or DISTRIBUTION
        return
    patterns = [SIGN, TWICE, HALF, *FUNCTIONS, OFFSET.format(offset=SAME_OFFSET)]
    patterns += [text.format(letter=letter, size="") for letter in letters for text in (SUM, MEAN)]
    if rule.says:
        yield from (f"{text} ({rule.says})" for text in (NUMBERS, *STATEMENTS.values()))
    else:
        yield from (NUMBERS, *STATEMENTS.values(), *(f"{NUMBERS} ({why})" for why in patterns))


def _close(rule: Close, got: np.ndarray, expected: np.ndarray, loosely: bool = False) -> np.ndarray:
    """Number by number. A known mistake's values may be infinite or nan; which of the two depends on details."""
    if expected.dtype.kind != "f":
        return got == expected
    rtol, atol = rule.rtol, rule.atol
    if loosely:
        times, most_relative, most_absolute = LOOSE
        rtol, atol = max(rtol, min(times * rtol, most_relative)), max(atol, min(times * atol, most_absolute))
    close = np.isclose(got.astype(np.float64), expected.astype(np.float64), rtol, atol)
    return close | ~(np.isfinite(got) | np.isfinite(expected))


def _form(
    rule: Close | Sample,
    got: np.ndarray,
    expected: np.ndarray,
    lengths: Mapping[str, set[int]] = {},
    reveal: bool = True,
) -> str:
    """A wrong dtype or shape."""
    sample = isinstance(rule, Sample)
    if got.dtype.kind != expected.dtype.kind or (not sample and rule.dtype and got.dtype != expected.dtype):
        return f"got {got.dtype}, expected {expected.dtype}" if reveal else DTYPE
    if got.shape != expected.shape and not (sample and got.shape == (THIN * len(expected), *expected.shape[1:])):
        return _shape(got, expected, lengths, reveal)
    return ""


# --- sentences -------------------------------------------------------------------------------------------------------
def _shape(got: np.ndarray, expected: np.ndarray, lengths: Mapping[str, set[int]], reveal: bool) -> str:
    text = f"got shape {got.shape}, expected {expected.shape}" if reveal else SHAPE
    if expected.ndim == 0 and got.ndim == 1 and len(got) in lengths.get("B", ()):
        return text + AVERAGE
    if got.size == expected.size and got.T.shape == expected.shape:
        return text + TRANSPOSED
    if got.size == expected.size:
        return text + RESHAPED
    return text


def _numbers(rule: Close, got: np.ndarray, expected: np.ndarray, lengths: Mapping[str, set[int]], reveal: bool) -> str:
    """The first number that differs, and what all the differences have in common, if anything."""
    why = rule.says or _pattern(got, expected, lengths, reveal)
    if expected.dtype.kind == "b" and not expected.ndim:
        text = STATEMENTS[bool(expected)]
    elif reveal:
        off = ~_close(rule, got, expected)
        first = [values[off].flat[0] if off.any() else values.flat[0] for values in (got, expected)]
        text = "got {}, expected {}".format(*_apart(*(_clean(value, rule.atol, first) for value in first)))
    else:
        text = NUMBERS
    return f"{text} ({why})" if why else text


def _clean(value, atol: float, both: list):
    """The number 0 instead of what rounding makes of it, such as -0 or 4e-07 beside the other one of `both`, 0.5."""
    if not isinstance(value, np.floating):
        return value
    return 0.0 if abs(value) <= min(atol, 1e-6 * max(map(abs, both))) else value


def _apart(got, expected) -> tuple[str, str]:
    """Both numbers, with as many digits as it takes to see that they differ."""
    for digits in range(4, 10):
        shown = _text(got, digits), _text(expected, digits)
        if shown[0] != shown[1]:
            break
    return shown


def _text(value, digits: int = 4) -> str:
    if isinstance(value, np.bool_ | np.integer):
        return str(value)
    size = abs(float(value))
    return f"{value:.{digits}g}" if not 1e3 <= size < 1e6 else f"{value:.{max(digits - len(str(int(size))), 0)}f}"


def _pattern(got: np.ndarray, expected: np.ndarray, lengths: Mapping[str, set[int]], reveal: bool) -> str:
    """A wrong sign, a simple multiple, a function such as the root, or a constant offset, if one of them explains every
    number.

    A multiple is simple if it is 2, 1/2 or the length of a named axis.
    """
    if got.dtype.kind != "f" or not got.size or not np.isfinite(expected).all() or not expected.any():
        return ""
    if _near(got, -expected):
        return SIGN
    if _near(got, 2 * expected):
        return TWICE
    if _near(got, expected / 2):
        return HALF
    for letter, sizes in lengths.items():
        for size in sizes - {0, 1}:
            if _near(got, size * expected):
                return SUM.format(letter=letter, size=f" = {size}" if reveal else "")
            if _near(got, expected / size):
                return MEAN.format(letter=letter, size=f" = 1/{size}" if reveal else "")
    if text := _function(got, expected):
        return text
    offset = np.subtract(got, expected, dtype=np.float64).mean()  # float32 may overflow
    if got.size > 1 and _near(got - offset, expected):
        return OFFSET.format(offset=_text(offset) if reveal else SAME_OFFSET)
    return ""


def _near(a: np.ndarray, b: np.ndarray) -> bool:
    return np.allclose(a, b, rtol=1e-4, atol=1e-5)


def _function(got: np.ndarray, expected: np.ndarray) -> str:
    """Which of FUNCTIONS of the right values was got, if any.

    The logarithm of 1 is 0 and its root 1: answers of 0 and 1 have many reasons. Near 1, a root is no root.
    """
    if np.abs(np.abs(got[..., None].astype(np.float64)) - [0, 1]).min(axis=-1).max() <= 0.05:
        return ""
    with np.errstate(all="ignore"):
        others = {text: function(expected) for text, function in FUNCTIONS.items()}
        named = [text for text, f in others.items() if _near(got, f) and not np.allclose(f, expected, rtol=0.01)]
    return named[0] if named else ""


def half(sample: np.ndarray) -> np.ndarray:
    """In half precision, as samples are stored: so values that repeat are equal in both."""
    return sample.clip(-6e4, 6e4).astype(np.float16)


# --- samples ---------------------------------------------------------------------------------------------------------
def same_distribution(first: np.ndarray, second: np.ndarray) -> bool:
    """Whether the rows of two arrays, each `[rows, numbers]`, may be independent draws from the same distribution.

    Compares the distribution of every column and of random projections (the two-sample Kolmogorov-Smirnov statistic
    with its asymptotic threshold), and `_moments`, which show a wrong scale and dependence between columns or rows (z
    tests). `FALSE_ALARM` is shared by all of these comparisons.

    A right sample may be made of the same random numbers as the other one, with the opposite sign. Then their means
    and distribution functions differ by up to sqrt(2) as much as those of independent samples; this is allowed for.
    """
    first, second = (x.reshape(len(x), -1).astype(np.float64) for x in (first, second))
    centre, scale = second.mean(axis=0), second.std(axis=0)
    first, second = ((x - centre) / np.maximum(scale, 1e-12) for x in (first, second))
    (mean, variance), (wanted, wanted_variance) = (_moments(x.clip(-3, 3)) for x in (first, second))
    directions = np.concatenate([np.eye(first.shape[1]), _directions(first.shape[1])], axis=1)
    alarm = FALSE_ALARM / (directions.shape[1] + len(mean))
    off = np.abs(mean - wanted) / (np.sqrt(variance + wanted_variance) + 1e-9)
    off[: first.shape[1]] /= math.sqrt(2)  # the means of the columns
    return off.max() <= NormalDist().inv_cdf(1 - alarm / 2) and _same_projections(
        first @ directions, second @ directions, alarm
    )


def _directions(dims: int) -> np.ndarray:
    """As many random ones as there are dimensions, `[dims, dims]`; none if there is only one dimension."""
    return np.random.default_rng(0).standard_normal((dims, dims if dims > 1 else 0))


def _moments(u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means over the standardised, bounded rows `u [rows, dims]`, and the variances of these means.

    Of values, distances from the centre, squares, and products of every two columns, of the values and of the
    distances. The same products for rows that are one apart and half of the sample apart. Sums over columns find a
    small effect that all columns share.
    """
    distance = np.abs(u).clip(max=2)
    spread = distance - distance.mean(axis=0)
    columns = [u, distance, u**2, (u**2).mean(axis=1, keepdims=True)]
    found = [(x.mean(axis=0), x.var(axis=0) / len(x)) for x in columns]
    upper = np.triu_indices(u.shape[1], 1)
    for x in (u, spread):
        found.append(tuple(moment[upper] for moment in _products(x, x)))
        found.append(_shared(x.sum(axis=1) ** 2 - (x**2).sum(axis=1)))  # twice the sum over pairs of columns
        for shift in (1, len(u) // 2):
            if 0 < shift < len(u):
                found.append(tuple(moment.ravel() for moment in _products(x[:-shift], x[shift:])))
                found.append(_shared((x[:-shift] * x[shift:]).sum(axis=1)))
    means, variances = zip(*found, strict=True)
    return np.concatenate(means), np.concatenate(variances)


def _products(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means over the rows of x_i y_j, `[dims, dims]`, and their variances."""
    mean = x.T @ y / len(x)
    return mean, ((x**2).T @ (y**2) / len(x) - mean**2).clip(min=0) / len(x)


def _shared(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return values.mean(keepdims=True), values.var(keepdims=True) / len(values)


def _same_projections(first: np.ndarray, second: np.ndarray, alarm: float) -> bool:
    n, m = len(first), len(second)
    limit = math.sqrt(math.log(2 / alarm) * (n + m) / (n * m))  # with the factor sqrt(2), see above
    return all(_kolmogorov_smirnov(a, b) <= limit for a, b in zip(first.T, second.T, strict=True))


def _kolmogorov_smirnov(first: np.ndarray, second: np.ndarray) -> float:
    """The largest distance between the two empirical distribution functions."""
    first, second = np.sort(first), np.sort(second)
    at = np.concatenate([first, second])
    below = [np.searchsorted(x, at, side="right") / len(x) for x in (first, second)]
    return float(np.abs(below[0] - below[1]).max())
