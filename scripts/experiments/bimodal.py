"""The picture in the lecture: a one-dimensional action with two modes, and what each head learns from it.

How well a head fits the experts' density is measured in two ways. The Wasserstein distance is how far its samples must
be moved, on average, to become the experts'. The total variation is the share of probability that lies in the wrong
place. But every finite sample is a set of single points, and a head with bins has only a few different ones. So both
densities are smoothed first, by the same kernel for all heads: a Gaussian with standard deviation 0.05, half a bin of
the autoregressive head. This is less than half of the experts' own spread, so that spikes and gaps still count.

Shapes: L learners (training seeds), C cells of a fine grid, K numbers of sampler steps.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float
from matplotlib.figure import Figure

from hw1.bc import fit
from hw1.demos import Dataset
from hw1.learners import learner_of
from hw1.policy import PolicyNetwork
from hw1.tasks import BIMODAL
from scripts.experiments.base import Arrays, Claim, Drawing, Experiment, Job, Results, Table, band, grid, table_of_means
from scripts.experiments.style import BLACK, SKY, look

MODE, SPREAD = 1.0, 0.12  # actions lie around -1 and +1, with this standard deviation
SAMPLES = 4_000
KERNEL = 0.05  # standard deviation of the smoothing
CELL = 0.01
REACH = 25  # cells to either side over which the kernel extends
EDGES = np.linspace(-3.0, 3.0, 601)
CENTRES = (EDGES[1:] + EDGES[:-1]) / 2
ITERATIVE = {"diffusion": "diffusion (DDIM)", "flow": "flow matching (Euler)"}
"""Heads that sample in steps, here without fresh noise."""
SAMPLER_STEPS = (1, 2, 3, 5, 10, 20, 50, 100)


# --- the experts -----------------------------------------------------------------------------------------------------
def _demonstrations(seeds: tuple[int, ...]) -> Dataset:
    """Actions from two experts in the same state, as many from each."""
    experts = np.repeat([-MODE, MODE], SAMPLES // 2)
    actions = [experts + SPREAD * np.random.default_rng([seed, 4]).standard_normal(SAMPLES) for seed in seeds]
    total = SAMPLES * len(seeds)
    return Dataset(
        obs=np.ones((total, 1), np.float32),
        action=np.concatenate(actions)[:, None].astype(np.float32),
        episode=np.arange(total),
        learner=learner_of(total, len(seeds)),
        driver=np.zeros(total, np.int64),
    )


def expert_density(smoothing: float = 0.0) -> Float[np.ndarray, " C"]:
    """The experts' density in the cells, smoothed by a Gaussian kernel of this standard deviation."""
    spread = np.hypot(SPREAD, smoothing)
    peaks = [np.exp(-(((CENTRES - mode) / spread) ** 2) / 2) for mode in (-MODE, MODE)]
    return sum(peaks) / (2 * spread * np.sqrt(2 * np.pi))


# --- distances -------------------------------------------------------------------------------------------------------
def shares(actions: Float[np.ndarray, " samples"]) -> Float[np.ndarray, " C"]:
    """The share of actions in each cell; those outside of all go to the ends."""
    return np.histogram(actions.clip(EDGES[0], EDGES[-1]), EDGES)[0] / len(actions)


def smoothed(actions: Float[np.ndarray, " samples"]) -> Float[np.ndarray, " C"]:
    """The density of actions, as a kernel density estimate."""
    reach = CELL * np.arange(-REACH, REACH + 1)
    kernel = np.exp(-((reach / KERNEL) ** 2) / 2)
    return np.convolve(shares(actions) / CELL, kernel / kernel.sum(), mode="same")


def total_variation(actions: Float[np.ndarray, " samples"]) -> float:
    """Half the integral of |p - q| between the smoothed densities of actions and experts: 0 if equal, 1 if disjoint."""
    return float(0.5 * CELL * np.abs(smoothed(actions) - expert_density(KERNEL)).sum())


def wasserstein(actions: Float[np.ndarray, " samples"]) -> float:
    """Integral of |F - G| between the distribution functions of actions and experts, which in one dimension is the mean
    distance that the actions must be moved."""
    ours, theirs = np.cumsum(shares(actions)), np.cumsum(expert_density() * CELL)
    return float(CELL * np.abs(ours - theirs).sum())


# --- jobs ------------------------------------------------------------------------------------------------------------
def fit_head(seeds: tuple[int, ...], head: str, steps: int) -> Arrays:
    """What 4,000 samples are like after `steps` gradient steps: their density, their distances to the experts', and the
    share that lies near neither mode. For heads that sample in steps, also the distances by their number."""
    recipe = BIMODAL[head]
    made = fit(_demonstrations(seeds), recipe.policy, replace(recipe.train, steps=steps, seed=seeds[0])).policy
    policies = [members[0] for members in made.networks]
    drawn = [_sample(policy, seed) for policy, seed in zip(policies, seeds, strict=True)]
    arrays = {
        "density": np.array([smoothed(actions) for actions in drawn]),
        "between": np.array([np.mean(np.abs(actions) < MODE / 2) for actions in drawn]),
        "wasserstein": np.array([wasserstein(actions) for actions in drawn]),
        "variation": np.array([total_variation(actions) for actions in drawn]),
    }
    if head in ITERATIVE:
        by_steps = [
            [_sample(_in_steps(policy, count), seed) for count in SAMPLER_STEPS]
            for policy, seed in zip(policies, seeds, strict=True)
        ]
        arrays["wasserstein_by_steps"] = np.array([[wasserstein(a) for a in row] for row in by_steps])
        arrays["variation_by_steps"] = np.array([[total_variation(a) for a in row] for row in by_steps])
    return arrays


@torch.no_grad()
def _sample(policy: PolicyNetwork, seed: int) -> Float[np.ndarray, " samples"]:
    return policy.act(torch.ones(SAMPLES, 1, 1), torch.Generator().manual_seed(seed)).numpy().ravel()


def _in_steps(policy: PolicyNetwork, count: int) -> PolicyNetwork:
    """The same weights with another number of sampler steps."""
    other = PolicyNetwork(replace(policy.config, sampling_steps=count), policy.obs_dim, policy.action_dim)
    other.load_state_dict(policy.state_dict())
    return other


def jobs(quick: bool) -> list[Job]:
    """One job for each head."""
    return [
        Job(f"bimodal {head}", fit_head, {"head": head, "steps": recipe.quick_steps if quick else recipe.train.steps})
        for head, recipe in BIMODAL.items()
    ]


# --- claims ----------------------------------------------------------------------------------------------------------
EXPRESSIVE = ("mixture", "autoregressive", *ITERATIVE)
FARTHEST, MOST_VARIATION = 0.05, 0.10


def fits(head: str) -> Callable[[Results], list[Claim]]:
    """Bounds on both distances of a head."""

    def claims(results: Results) -> list[Claim]:
        arrays, jobs = results[f"bimodal {head}"], (f"bimodal {head}",)
        return [
            Claim(f"Fit of {head}: Wasserstein distance", arrays["wasserstein"], at_most=FARTHEST, jobs=jobs),
            Claim(f"Fit of {head}: smoothed total variation", arrays["variation"], at_most=MOST_VARIATION, jobs=jobs),
        ]

    return claims


CLAIMS = [fits(head) for head in EXPRESSIVE]


# --- figures ---------------------------------------------------------------------------------------------------------
def _policies(results: Results) -> list[str]:
    """The jobs that could be run."""
    return results.among(f"bimodal {head}" for head in BIMODAL)


def draw(results: Results) -> Figure:
    """One panel for each head whose job could be run."""
    names = _policies(results)
    figure, axes = grid(len(names), columns=3, panel=(3.0, 2.4), xlabel="action", ylabel="density", sharex=True)
    for ax, name in zip(axes, names, strict=True):
        arrays = results[name]
        # l2 puts everything into one point: cut it off rather than flatten the experts' curve.
        density = np.minimum(arrays["density"].mean(axis=0), HIGHEST)
        ax.fill_between(CENTRES, density, color=SKY, linewidth=0, label="policy")
        ax.plot(CENTRES, expert_density(KERNEL), color=BLACK, linewidth=1.2, label="experts")
        ax.set(ylim=(0, HIGHEST), xlim=(-1.7, 1.7))
        share = 100 * arrays["between"].mean()
        ax.set_title(f"{name.removeprefix('bimodal ')}: {share:.1f} % between")
    axes[0].legend(loc="upper left", frameon=False, handlelength=1.0, borderaxespad=0.0)
    return figure


def table(results: Results) -> Table:
    """How well each head fits."""
    names = _policies(results)
    columns = {"Wasserstein distance": "wasserstein", "smoothed total variation": "variation", "between": "between"}
    curves = {label: np.stack([results[name][key] for name in names], axis=1) for label, key in columns.items()}
    return table_of_means("head", [name.removeprefix("bimodal ") for name in names], curves)


def draw_steps(results: Results) -> Figure:
    """Both distances by the number of sampler steps."""
    figure = Figure(figsize=(9.0, 3.8), layout="constrained")
    bounds = {"wasserstein": FARTHEST, "variation": MOST_VARIATION}
    for ax, (key, bound) in zip(figure.subplots(1, 2), bounds.items(), strict=True):
        for number, (label, values) in enumerate(curves_by_steps(results, key).items(), start=1):
            band(ax, SAMPLER_STEPS, values, label, **look(number, len(SAMPLER_STEPS)))
        ax.axhline(bound, color=BLACK, linewidth=1, linestyle=":", label="bound of the claim")
        ax.set(xscale="log", yscale="log", xlabel="sampler steps", ylabel=DISTANCES[key])
        ax.set_xticks(SAMPLER_STEPS, SAMPLER_STEPS)
        ax.set_yticks(TICKS, TICKS)
        ax.minorticks_off()
    ax.legend(loc="lower left")
    return figure


def table_steps(results: Results) -> Table:
    """Both curves of both distances."""
    curves = {
        f"{label}, {DISTANCES[key]}": values
        for key in DISTANCES
        for label, values in curves_by_steps(results, key).items()
    }
    return table_of_means("sampler steps", SAMPLER_STEPS, curves)


def curves_by_steps(results: Results, key: str) -> dict[str, Float[np.ndarray, "L K"]]:
    """A distance by the number of sampler steps, for each head whose job could be run."""
    names = results.among(f"bimodal {head}" for head in ITERATIVE)
    return {ITERATIVE[name.removeprefix("bimodal ")]: results[name][f"{key}_by_steps"] for name in names}


DISTANCES = {"wasserstein": "Wasserstein distance", "variation": "smoothed total variation"}
HIGHEST = 2.2
TICKS = (0.01, 0.03, 0.1, 0.3, 1.0)

EXPERIMENT = Experiment(
    name="bimodal",
    title="What each head learns from two modes",
    jobs=jobs,
    claims=CLAIMS,
    drawings=[
        Drawing(
            "bimodal",
            "In the same state two experts choose -1 or +1. The l2 policy chooses 0, which neither of them ever did; "
            "the Gaussian covers both and everything in between; the other heads find the two modes. Percentages: "
            "actions between -0.5 and 0.5, where no expert acts. All densities are smoothed by the same kernel.",
            draw,
            "One panel for each head: the density of the policy's actions as a filled area, that of the experts as a "
            "black line with two narrow peaks at -1 and +1. l2 is a single spike at 0. The Gaussian is one wide bell. "
            "The areas of mixture, autoregressive, diffusion and flow lie under the experts' two peaks.",
            table,
        ),
        Drawing(
            "bimodal_steps",
            "What few steps cost: the distance to the experts by the number of steps in which diffusion and flow "
            "matching sample. One step of flow matching gives almost the mean of the experts, as l2 does; one of "
            "diffusion is no better. With ten, both modes are there but too narrow: that hardly shows in the "
            "Wasserstein distance, but in the total variation.",
            draw_steps,
            "Two panels with logarithmic axes: Wasserstein distance and smoothed total variation against 1 to 100 "
            "sampler steps. The curves of diffusion and of flow matching fall from 1 until they level off; a dotted "
            "line marks the bound of the claim.",
            table_steps,
        ),
    ],
)
