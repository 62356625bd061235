"""Which sides a policy chooses if it starts again and again from one and the same place.

A policy that always turns left succeeds as well. So success stands beside the entropy of the behaviour, as in D3IL
(Jia et al. 2024), averaged over starting states: 1 bit if both sides are equally likely from each, 0 if one is certain.

Shapes: L learners (training seeds), S starts, R repetitions of each.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure

from hw1.envs import Fork
from hw1.envs.fork import TREE_HALF_WIDTH
from hw1.rollout import Rollout
from scripts.experiments.base import Claim, Drawing, Results, Table, interval, table_of_means
from scripts.experiments.fork.drawing import EXPRESSIVE, LABELS, policies
from scripts.experiments.fork.lab import Drive
from scripts.experiments.style import BLACK, BLUE, GREEN

STARTS, REPEATS = 4, 50
STEPS = 40  # time steps, enough to get past the first tree


class OneStart(Fork):
    """Fork with a single tree and without gusts, where groups of REPEATS environments have road, tree and start in
    common: only the policy's own draws differ there."""

    def __init__(self, starts: int, learners: int):
        super().__init__(learners * starts * REPEATS, trees=1, gust_probability=0.0, learners=learners)

    def _reset_rows(self, rows):
        super()._reset_rows(rows)
        first = self.rows // REPEATS * REPEATS  # of each environment's group
        cars, road = self.cars, self.cars.road
        for values in (road.frequency, road.amplitude, road.phase, self.tree_s, cars.e, cars.psi, cars.v):
            values[:] = values[first]


def offsets_at_tree(drive: Drive, seeds: tuple[int, ...]) -> Float[np.ndarray, "L S R"]:
    """Metres to the left of the centre line in the last step before the tree, or before the end of the drive."""
    steps = drive(OneStart(STARTS, len(seeds)), STEPS, 3_000_000 + seeds[0])
    return last_before_tree(steps).reshape(len(seeds), STARTS, REPEATS)


def last_before_tree(steps: Rollout) -> Float[np.ndarray, " N"]:
    """The offset of each car in the last step in which it drives and the first tree is ahead of it."""
    past = np.maximum.accumulate(steps.state[..., 4] <= 0, axis=0)  # (T, N)
    last = (steps.running & ~past).sum(axis=0) - 1
    return steps.state[last, np.arange(len(last)), 0]


def entropy(offsets: Float[np.ndarray, "... S R"]) -> Float[np.ndarray, "..."]:
    """Bits of left or right, from each start; the mean over starts."""
    share = np.stack([(offsets > 0).mean(axis=-1), (offsets <= 0).mean(axis=-1)])
    bits = -share * np.log2(np.where(share > 0, share, 1.0))
    return bits.sum(axis=0).mean(axis=-1)


# --- claims ----------------------------------------------------------------------------------------------------------
BOTH_SIDES, ONE_SIDE = 0.9, 0.1


def relative_entropy(results: Results, name: str) -> Float[np.ndarray, " L"]:
    """The entropy of the sides that a policy chooses, as a share of the drivers'."""
    drivers = entropy(results["fork drivers"]["offsets"])
    return entropy(results[f"fork {name}"]["offsets"]) / drivers.mean()


def claim(text: str, name: str, **bound: float) -> Callable[[Results], list[Claim]]:
    """A bound on the entropy of one policy."""
    jobs = ("fork drivers", f"fork {name}")
    return lambda results: [Claim(text, relative_entropy(results, name), jobs=jobs, **bound)]


def the_mean_lies_between(results: Results) -> list[Claim]:
    return [
        Claim(
            "The mean of two sides is neither: metres from the centre line at the tree, l2 on both drivers",
            np.abs(results["fork l2"]["offsets"]).mean(axis=(1, 2)),
            at_most=TREE_HALF_WIDTH,
            unit="m",
            jobs=("fork l2",),
        )
    ]


COVERAGE = "Both sides from one start: entropy of the sides, as a share of the drivers', of"
CLAIMS = [
    *[claim(f"{COVERAGE} {name}", name, at_least=BOTH_SIDES) for name in EXPRESSIVE],
    claim(f"{COVERAGE} l2 on the left driver", "left l2", at_most=ONE_SIDE),
    the_mean_lies_between,
]


# --- figures ---------------------------------------------------------------------------------------------------------
def draw_sides(results: Results) -> Figure:
    """One row for each policy: where the repeated drives from single starts are at the tree, and the entropy."""
    names = policies(results)
    figure = Figure(figsize=(9.0, 1.0 + 0.42 * len(names)), layout="constrained")
    where, how_many = figure.subplots(1, 2, sharey=True, width_ratios=(2, 1))
    where.axvspan(-TREE_HALF_WIDTH, TREE_HALF_WIDTH, color=GREEN, alpha=0.25, linewidth=0)
    where.annotate("tree", (0, 1), xycoords=("data", "axes fraction"), ha="center", va="bottom")
    rng = np.random.default_rng(0)
    for row, name in enumerate(names):
        offsets = results[f"fork {name}"]["offsets"][0].ravel()  # of the first seed
        where.scatter(offsets, row + rng.uniform(-0.25, 0.25, offsets.size), s=5, color=BLUE, alpha=0.5)
        values = relative_entropy(results, name)
        reach = np.abs(np.array(interval(values)) - values.mean())[:, None]
        how_many.errorbar(values.mean(), row, xerr=reach, fmt="o", color=BLACK, capsize=3)
    for bound in (ONE_SIDE, BOTH_SIDES):
        how_many.axvline(bound, color=BLACK, linewidth=1, linestyle=":")
    where.set_yticks(range(len(names)), [LABELS.get(name, name) for name in names])
    where.set(
        xlabel="metres to the left of the centre line at the tree", xlim=(4.5, -4.5), ylim=(len(names) - 0.5, -0.5)
    )
    how_many.set(xlabel="entropy / drivers' entropy", xlim=(-0.05, 1.1))
    return figure


def table(results: Results) -> Table:
    """The numbers of both panels, for all seeds."""
    names = policies(results)
    offsets = [results[f"fork {name}"]["offsets"] for name in names]
    curves = {
        "entropy of the sides / drivers'": np.stack([relative_entropy(results, name) for name in names], axis=1),
        "share on the left": np.stack([(each > 0).mean(axis=(1, 2)) for each in offsets], axis=1),
        "metres from the centre line": np.stack([np.abs(each).mean(axis=(1, 2)) for each in offsets], axis=1),
    }
    return table_of_means("policy", [LABELS.get(name, name) for name in names], curves)


DRAWINGS = [
    Drawing(
        "fork_sides",
        f"The same policy starts {REPEATS} times from each of {STARTS} places; only its own draws differ. Left: where "
        "it is at the tree, one dot for each drive of one seed. Right: the entropy of left or right, as a share of the "
        f"drivers' (dotted: above {BOTH_SIDES} both sides are chosen, below {ONE_SIDE} one). A policy that always "
        "turns left succeeds as well, but covers one mode; l2 on both drivers ends between the sides, at the tree.",
        draw_sides,
        "One row for each policy. Left panel: dots show how far to the left or right of the centre line it is at the "
        "tree. Drivers and expressive heads have a cloud on either side, l2 on the left driver one on the left, l2 on "
        "both drivers dots in the shaded band of the tree. Right panel: the entropy of the sides with its interval, "
        "near 1 for the expressive heads and 0 for l2 on the left driver; dotted lines mark the bounds of the claims.",
        table,
    )
]
