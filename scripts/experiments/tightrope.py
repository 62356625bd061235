"""Tightrope: the closed form of the cost, compared with a simulation.

Shapes: L learners (seeds); the axis "horizons" has one entry for each of HORIZONS.
"""

import numpy as np
from matplotlib.figure import Figure

from hw1.compounding import cost_by_horizon, growth_exponent, tightrope_cost
from hw1.rollout import rollout
from hw1.tasks import TIGHTROPE
from scripts.experiments.base import Arrays, Claim, Drawing, Experiment, Job, Results, Table, table_of_means
from scripts.experiments.style import BLUE, VERMILION

ERROR_RATE = 0.001
HORIZONS = np.array([10, 20, 50, 100, 200, 500, 1_000, 2_000])
VARIANTS = {"forever": False, "recoverable": True}
"""By the name in the jobs: whether a walker recovers from a slip."""
LABELS = {"forever": "permanent slips", "recoverable": "slips with recovery"}
# Where eps T << 1: for longer horizons the growth falls from T^2 to T.
QUADRATIC = HORIZONS <= 100


class Slipping:
    """A policy that takes the step, but slips with probability `rate`, independently at every step."""

    def __init__(self, rate: float):
        self.rate = rate

    def reset(self, seed: int) -> None:
        self.rng = np.random.default_rng([seed, 3])

    def __call__(self, obs: np.ndarray) -> np.ndarray:
        return (self.rng.random(len(obs)) >= self.rate).astype(np.int64)


def simulate(seeds: tuple[int, ...], recoverable: bool, walkers: int) -> Arrays:
    """J(T) of the slipping policy, `[L, horizons]`, and its standard error over walkers."""
    cost, error = [], []
    for seed in seeds:
        longest = int(HORIZONS[-1])
        env = TIGHTROPE.env(walkers, recoverable=recoverable, max_episode_steps=longest)
        costs = rollout(env, Slipping(ERROR_RATE), longest, seed=3_000_000 + seed).cost
        cost.append(cost_by_horizon(costs, HORIZONS))
        error.append(costs.cumsum(axis=0)[HORIZONS - 1].std(axis=1, ddof=1) / np.sqrt(walkers))
    return {"cost": np.array(cost), "error": np.array(error)}


def jobs(quick: bool) -> list[Job]:
    walkers = 300 if quick else 1_000
    return [Job(f"tightrope {name}", simulate, {"recoverable": r, "walkers": walkers}) for name, r in VARIANTS.items()]


def _theory(recoverable: bool) -> np.ndarray:
    return np.array([tightrope_cost(ERROR_RATE, int(t), recoverable) for t in HORIZONS])


def claims(results: Results) -> list[Claim]:
    listed = []
    for name, recoverable in VARIANTS.items():
        arrays = results[f"tightrope {name}"]
        # All seeds together are one simulation; its distance to the closed form at the worst horizon.
        pooled = np.sqrt((arrays["error"] ** 2).sum(axis=0)) / len(arrays["error"])
        worst = np.max(np.abs(arrays["cost"].mean(axis=0) - _theory(recoverable)) / pooled)
        against = f"against its closed form, worst of {len(HORIZONS)} horizons"
        listed.append(
            Claim(
                f"Theory: simulated Tightrope ({LABELS[name]}) {against}",
                np.array([worst]),
                at_most=3.0,
                unit="standard errors",
                jobs=(f"tightrope {name}",),
            )
        )
    return listed


def draw(results: Results) -> Figure:
    """J(T) of theory and simulations, with and without recovery."""
    figure = Figure(figsize=(7, 4.8), layout="constrained")
    ax = figure.add_subplot()
    for (name, recoverable), colour, marker, line in zip(
        VARIANTS.items(), (VERMILION, BLUE), "^o", ("--", "-"), strict=True
    ):
        cost = results[f"tightrope {name}"]["cost"]
        theory = _theory(recoverable)
        slope = growth_exponent(HORIZONS[QUADRATIC], theory[QUADRATIC])
        label = f"{LABELS[name]}: slope {slope:.2f} up to T = {HORIZONS[QUADRATIC][-1]}"
        ax.plot(HORIZONS, theory, color=colour, linestyle=line, label=label)
        ax.plot(np.tile(HORIZONS, (len(cost), 1)).T, cost.T, marker, color=colour, markersize=5, alpha=0.4)
    ax.axvline(1 / ERROR_RATE, color="0.35", linestyle=":", linewidth=1.5)
    ax.text(1.08 / ERROR_RATE, 0.03, r"$\epsilon T = 1$", color="0.35", size="large")
    ax.set(xscale="log", yscale="log", xlabel="horizon T (steps)", ylabel="expected cost J(T) (steps)")
    ax.legend(loc="upper left")
    return figure


def table(results: Results) -> Table:
    """The closed form beside the mean of the simulations."""
    simulated = {LABELS[name]: results[f"tightrope {name}"]["cost"] for name in VARIANTS}
    heads, rows = table_of_means("horizon T (steps)", [int(T) for T in HORIZONS], simulated)
    theory = np.concatenate([_theory(recoverable) for recoverable in VARIANTS.values()])
    return (*heads, "closed form"), [(*row, float(exact)) for row, exact in zip(rows, theory, strict=True)]


EXPERIMENT = Experiment(
    name="tightrope",
    title="Tightrope: why T squared",
    jobs=jobs,
    claims=(claims,),
    drawings=[
        Drawing(
            "tightrope",
            f"A policy that slips once in {1 / ERROR_RATE:.0f} steps on average. Lines: closed form; marks: "
            "simulations, one for each seed. Without recovery the cost grows with the square of the horizon until "
            "nearly every walker has fallen; with recovery it grows in proportion to the horizon.",
            draw,
            "Expected cost against the horizon, from 10 to 2,000 steps, both on logarithmic axes. With permanent slips "
            "the cost rises with slope 2 from 0.05 steps until about T = 1,000, where the curve bends towards slope 1. "
            "With recovery it is a straight line of slope 1 and ends far below. The marks of the simulations lie on "
            "the lines of the closed form.",
            table,
        )
    ],
)
