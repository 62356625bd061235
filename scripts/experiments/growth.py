"""How fast costs grow with the horizon, for learners some of which may have no cost at all: the p in J(T) ~ T^p.

`hw1.compounding.growth_exponent` draws a straight line through log J(T), which does not exist where J is 0. Here the
learners are pooled and their costs are counted, as in a Poisson regression of counts on log T. Costs up to one horizon
are contained in those up to the next, so what is fitted are the costs between two horizons, whose mean is

    E[J(T_b) - J(T_a)] = c (T_b^p - T_a^p)

For a given p the best c fits the total (every learner may have its own c: it cancels). What is left to explain is how
the total is shared by the intervals, and that depends on p alone.

Shapes: L learners. The axis "horizons" has one entry for each horizon.
"""

import numpy as np
from jaxtyping import Float, Int

STEEPEST = 20.0  # the largest exponent that is told from an infinite one
HALVINGS = 50  # of the interval from 0 to STEEPEST


def exponent(horizons: Int[np.ndarray, " horizons"], cost: Float[np.ndarray, "L horizons"]) -> float:
    """The exponent p of all learners together, by maximum likelihood; nan if none of them has any cost.

    Args:
        horizons: rising numbers of steps, at least two.
        cost: J(T) of each learner, summed or averaged over equally many episodes.

    Costs need not be independent: a car that is lost causes many. That changes the uncertainty, which must come from a
    bootstrap over learners, but not the mean on which the estimate rests.

    Example: horizons 1, 2, 4 and costs 3, 12, 48 give 2, and so do these together with costs 0, 0, 0.
    """
    share = np.diff(cost.sum(axis=0), prepend=0.0)  # of the total, by interval
    if not share.sum() > 0:
        return np.nan
    share = share / share.sum()
    # With x = log(T_last / T), interval (T_a, T_b] has the share exp(-p x_b) - exp(-p x_a) of the total.
    x = np.log(horizons[-1] / np.asarray(horizons, dtype=np.float64))
    width = -np.diff(x)

    def slope(p: float) -> float:
        """Of the log-likelihood, which is concave in p."""
        return float(-share @ x + share[1:] @ (width / np.expm1(p * width)))

    low, high = 0.0, STEEPEST
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if slope(middle) > 0 else (low, middle)
    return (low + high) / 2
