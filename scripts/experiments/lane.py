"""Lane: why errors compound, and how corrective behaviour data stops them (parts 3 and 4 of the homework).

All seeds run side by side as one batch. Each has demonstrations, environments and networks of its own, and all methods
share the optimiser, the number of steps and the network. What is reported is always the last policy, driving roads
that were used for nothing else.

Shapes: S seeds, R rounds of collecting, T steps, N environments of all seeds, n = N / S environments of one seed.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import gymnasium as gym
import numpy as np
from gymnasium.vector import VectorEnv
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import hw1.envs  # noqa: F401 (registers the environments)
from hw1.bc import TrainConfig, fit
from hw1.compounding import cost_by_horizon, growth_exponent, total_variation
from hw1.dagger import HumanGate, Round, UncertaintyGate, dagger, intervention, uncertainty_gate
from hw1.demos import Dataset, collect
from hw1.envs import HORIZON
from hw1.envs.lane import DT, LANE
from hw1.experts import LaneExpert
from hw1.policy import Actor, PolicyConfig
from hw1.rollout import Policy, Rollout, rollout
from scripts.experiments.base import Arrays, Claim, Experiment, Job, Results, interval

EXPERT = LaneExpert()
STEPS = HORIZON["Lane"]  # T, of every evaluation
TOLERANCE = 0.1  # of the steering range [-1, 1], on actions: what counts as acting otherwise than the expert
# J(T) starts at 2.5 seconds, when the policy has had time to act on its first errors, and doubles from there.
HORIZONS = np.array([25, 50, 100, 200, 400])
# Growth ends when there is nobody left to be lost: only horizons with J(T) / T below this share enter an exponent.
SATURATION = 0.1
# Cells of half a metre and 0.1 radians over the lane: coarser than a driver's jitter, finer than leaving the lane.
CELLS, LIMITS = 7, np.array([[-LANE, LANE], [-0.35, 0.35]])
# Total variation: by how much the clone's must grow, and how close to the sampling floor DAgger's must stay.
GROWTH, NEAR = 0.2, 0.05
SOON = 20  # steps ahead that the alarm is to foresee
# Of the doubt on held-out expert states: above it the expert is called, as in ThriftyDAgger (Hoque et al. 2021).
QUANTILE = 0.95
MARGIN = 0.25  # steps off the lane in 400, one in 1,600: closer than that, two costs are called the same
LATENCIES = np.arange(6)  # steps of DT: 0 to 500 ms
MEMORIES = np.array([1, 2, 4])  # observations that a policy sees
TRAJECTORIES = 40  # kept for the picture, of the first seed of a batch
RATES = np.linspace(0.0, 1.0, 101)  # false alarms at which the ROC curve is noted


@dataclass(frozen=True)
class Plan:
    """How much is collected, trained and tested; the same for every method."""

    demos: int = 10
    """Demonstrations of each seed."""
    length: int = 200
    """Steps of a demonstration, and of an episode of collecting."""
    rounds: int = 5
    """Rounds of collecting after the first fit."""
    rollouts: int = 20
    """Episodes collected in a round, for each seed."""
    steps: int = 1_000
    """Gradient steps of every fit."""
    members: int = 6
    """Networks of the ensemble that calls the expert while DAgger runs."""
    detectors: int = 10
    """Networks of the ensemble whose doubt is judged by its ROC curve, which is trained only once."""
    evaluations: int = 200
    """Test episodes of each seed for the last policy; a quarter for the rounds before it."""


QUICK = Plan(rounds=2, steps=300, members=3, detectors=5, evaluations=12)


@dataclass(frozen=True)
class Lab:
    """Some seeds of one experiment, side by side."""

    seeds: tuple[int, ...]
    plan: Plan
    task: str = "Lane"

    def seed(self, purpose: str) -> int:
        """A number of its own for each purpose: no two of collecting, training and testing share a random stream."""
        entropy = [*self.seeds, *purpose.encode()]
        return int(np.random.SeedSequence(entropy).generate_state(1)[0] >> 1)

    def env(self, each: int) -> VectorEnv:
        """`each` environments for every seed."""
        return gym.make_vec(f"hw1/{self.task}-v0", num_envs=len(self.seeds) * each)

    def demonstrate(self, episodes: int, purpose: str, latency: int = 0) -> Dataset:
        seed, learners = self.seed(purpose), len(self.seeds)
        return collect(self.env(episodes), EXPERT, self.plan.length, seed, latency=latency, learners=learners)

    def fit(self, dataset: Dataset, members: int = 1, history: int = 1) -> Actor:
        network = PolicyConfig(head="l2", history=history, observation_scale="none")
        training = TrainConfig(steps=self.plan.steps, members=members, seed=self.seed("fit"))
        return fit(dataset, network, training, deterministic=True).policy

    def test(self, policy: Policy | None, each: int, purpose: str = "test") -> Rollout:
        """`each` episodes for every seed, driven by `policy`, or by the expert if None."""
        return rollout(self.env(each), policy, STEPS, self.seed(purpose), expert=EXPERT)

    def by_seed(self, values: np.ndarray) -> np.ndarray:
        """`[T, N, ...] -> [S, T, n, ...]`."""
        return np.stack(np.split(values, len(self.seeds), axis=1))

    def cost(self, steps: Rollout) -> np.ndarray:
        """Steps off the lane in an episode, `[S]`."""
        return self.by_seed(steps.cost).sum(axis=1).mean(axis=1)


# --- jobs ------------------------------------------------------------------------------------------------------------
def train_rounds(lab: Lab, method: str, history: int = 1) -> list[Round]:
    """Round 0 is fitted to the demonstrations; each round after it adds what `method` collects."""
    members = lab.plan.members if method == "uncertainty" else 1
    gates = {"hg": lambda policy: HumanGate(), "uncertainty": lambda policy: doubting_gate(lab, policy)}
    return dagger(
        lab.env(lab.plan.rollouts),
        EXPERT,
        lambda dataset: lab.fit(dataset, members, history),
        lab.demonstrate(lab.plan.demos, "demonstrations"),
        lab.plan.rounds,
        lab.plan.length,
        np.random.default_rng(lab.seed("rounds")),
        # More demonstrations are DAgger with beta = 1: the expert labels the states that the expert visits.
        beta=lambda i: float(method == "bc"),
        collect=intervention(gates[method]) if method in gates else None,
        learners=len(lab.seeds),
    )


def doubting_gate(lab: Lab, ensemble: Actor) -> UncertaintyGate:
    """Calls the expert where the ensemble doubts more than on the share QUANTILE of the expert's own states.

    Those states come from demonstrations that nobody was trained on. Each seed has a threshold of its own.
    """
    held_out = lab.demonstrate(held_out_episodes(lab), "held out")
    members = ensemble.members()
    doubt = uncertainty_gate(members, np.inf).doubt(held_out.obs)
    thresholds = np.quantile(doubt.reshape(len(lab.seeds), -1), QUANTILE, axis=1)
    return uncertainty_gate(members, np.repeat(thresholds, lab.plan.rollouts))


def held_out_episodes(lab: Lab) -> int:
    return max(lab.plan.demos // 5, 1)


def compare(seeds: tuple[int, ...], method: str, **plan: int) -> Arrays:
    """A method round by round. `method`: bc, dagger, hg or uncertainty.

    Returns labels and cost `[S, R+1]`; of the last policy and of the first (the clone of the demonstrations, at the
    front of `[S, 2, ...]`) J `[S, 2, M]`, the total variation against the expert `[S, 2, T]` and some
    trajectories of e `[S, 2, T, n]`.
    """
    lab = Lab(seeds, Plan(**plan))
    rounds = train_rounds(lab, method)
    drivers = [round.policy.members()[0] for round in rounds]  # one network drives, however many doubt it
    few, many = lab.plan.evaluations // 4, lab.plan.evaluations
    middle = [lab.cost(lab.test(driver, few)) for driver in drivers[1:-1]]
    ends = [lab.test(driver, many) for driver in (drivers[0], drivers[-1])]
    cost = [lab.cost(ends[0]), *middle, lab.cost(ends[1])]
    extra = held_out_episodes(lab) * lab.plan.length if method == "uncertainty" else 0
    labels = [np.bincount(round.dataset.learner, minlength=len(seeds)) + extra for round in rounds]
    counts = {"labels": np.stack(labels, axis=1), "episodes": np.full(len(seeds), many)}
    return counts | {"cost": np.stack(cost, axis=1)} | _describe(lab, ends)


def _describe(lab: Lab, ends: Sequence[Rollout]) -> Arrays:
    """What `compare` returns of the rollouts of the first and the last policy."""
    reference = lab.test(None, lab.plan.evaluations, "reference").state[..., :2]  # of all seeds: a fine reference
    disagree = [np.abs(steps.action - EXPERT(steps.state)).max(axis=-1) > TOLERANCE for steps in ends]
    return {
        "J": _stack([[cost_by_horizon(d, HORIZONS) for d in lab.by_seed(values)] for values in disagree]),
        "variation": _stack([variation(lab, steps, reference) for steps in ends]),
        "e": _stack([lab.by_seed(steps.state[..., 0])[..., :TRAJECTORIES] for steps in ends]).astype(np.float32),
    }


def _stack(values: list) -> np.ndarray:
    """`[2][S, ...] -> [S, 2, ...]`."""
    return np.stack([np.asarray(v) for v in values], axis=1)


def variation(lab: Lab, steps: Rollout, reference: np.ndarray) -> np.ndarray:
    """Total variation between p(e, psi) of each seed's own states and the expert's, step by step: `[S, T]`."""
    own = lab.by_seed(steps.state[..., :2])
    return np.stack([total_variation(states, reference, CELLS, LIMITS) for states in own])


def floor(seeds: tuple[int, ...], **plan: int) -> Arrays:
    """The expert against the expert: what sampling alone makes of the total variation, and the expert's own cost."""
    lab = Lab(seeds, Plan(**plan))
    steps = lab.test(None, lab.plan.evaluations)
    reference = lab.test(None, lab.plan.evaluations, "reference").state[..., :2]
    e = lab.by_seed(steps.state[..., 0])[..., :TRAJECTORIES].astype(np.float32)
    return {"variation": variation(lab, steps, reference), "cost": lab.cost(steps), "e": e}


def detect(seeds: tuple[int, ...], **plan: int) -> Arrays:
    """Does an ensemble that cloned the demonstrations feel that it will be off the lane within 20 steps?

    Asked at all states on the lane that are followed by 20 more steps. Returns the ROC curve `[S, 101]` at the false
    alarms RATES, and the area below it `[S]`.
    """
    lab = Lab(seeds, Plan(**plan))
    ensemble = lab.fit(lab.demonstrate(lab.plan.demos, "demonstrations"), lab.plan.detectors)
    steps = lab.test(ensemble, lab.plan.evaluations // 2)
    gate = uncertainty_gate(ensemble.members(), np.inf)
    doubt = lab.by_seed(np.stack([gate.doubt(obs) for obs in steps.obs]))
    off = lab.by_seed(steps.cost > 0)
    ahead = np.lib.stride_tricks.sliding_window_view(off, SOON + 1, axis=1)  # (S, T - SOON, n, SOON + 1)
    asked, soon = ~ahead[..., 0], ahead[..., 1:].any(axis=-1)
    doubt = doubt[:, : asked.shape[1]]
    curves, areas = zip(*(roc(d[a], s[a]) for d, s, a in zip(doubt, soon, asked, strict=True)), strict=True)
    return {"roc": np.stack(curves), "area": np.array(areas)}


def roc(score: np.ndarray, positive: np.ndarray) -> tuple[np.ndarray, float]:
    """Share of the positives found at each false alarm rate in RATES, and the area below the curve; scores `[M]`.

    The area is the probability that a positive scores above a negative (Mann and Whitney), counted by ranks.
    nan if all are of one kind.
    """
    found, missed = int(positive.sum()), int((~positive).sum())
    if not found or not missed:
        return np.full(len(RATES), np.nan), np.nan
    ranks = np.argsort(np.argsort(score))
    area = (ranks[positive].sum() - found * (found - 1) / 2) / (found * missed)
    falling = positive[np.argsort(-score)]
    return np.interp(RATES, np.cumsum(~falling) / missed, np.cumsum(falling) / found), float(area)


def delay(seeds: tuple[int, ...], **plan: int) -> Arrays:
    """Clones of demonstrations that were given by slow remote control: cost `[S, L]` for each of LATENCIES."""
    lab = Lab(seeds, Plan(**plan))
    cost = []
    for latency in LATENCIES:
        policy = lab.fit(lab.demonstrate(lab.plan.demos, "demonstrations", int(latency)))
        cost.append(lab.cost(lab.test(policy, lab.plan.evaluations // 2)))
    return {"cost": np.stack(cost, axis=1)}


def remember(seeds: tuple[int, ...], **plan: int) -> Arrays:
    """DAgger with a camera that looks straight down: cost `[S, H]` for each of MEMORIES."""
    lab = Lab(seeds, Plan(**plan), task="LaneNoHeading")
    cost = []
    for history in MEMORIES:
        rounds = train_rounds(lab, "dagger", int(history))
        cost.append(lab.cost(lab.test(rounds[-1].policy, lab.plan.evaluations // 2)))
    return {"cost": np.stack(cost, axis=1)}


METHODS = ("bc", "dagger", "hg", "uncertainty")


def jobs(quick: bool) -> list[Job]:
    plan = asdict(QUICK if quick else Plan())
    methods = [Job(f"lane {name}", compare, {"method": name} | plan) for name in METHODS]
    others = {"expert": floor, "detector": detect, "latency": delay, "history": remember}
    return methods + [Job(f"lane {name}", run, plan) for name, run in others.items()]


# --- claims ----------------------------------------------------------------------------------------------------------
def exponents(J: np.ndarray) -> np.ndarray:
    """The growth exponent of each seed before saturation: `[S, M] -> [S]`.

    nan, and so no claim that holds, for a seed that disagreed at fewer than two of the horizons.
    """
    usable = (J > 0) & (J / HORIZONS < SATURATION)
    return np.array([_exponent(HORIZONS[keep], j[keep]) for j, keep in zip(J, usable, strict=True)])


def _exponent(horizons: np.ndarray, cost: np.ndarray) -> float:
    return growth_exponent(horizons, cost) if len(horizons) > 1 else np.nan


def _compounding(results: Results) -> list[Claim]:
    bc, dagger_ = results["lane bc"], results["lane dagger"]
    jobs = ("lane bc", "lane dagger")
    # DAgger's cost may be 0 in single seeds: compare with its mean over seeds, and that with one step off the lane in
    # all of its test episodes, below which nothing could be measured.
    least = 1 / dagger_["episodes"].sum()
    ratio = bc["cost"][:, -1] / max(dagger_["cost"][:, -1].mean(), least)
    early, late = slice(0, STEPS // 4), slice(-STEPS // 4, None)
    clone = bc["variation"][:, 0]
    growth = clone[:, late].mean(axis=1) - clone[:, early].mean(axis=1)
    floor_ = results["lane expert"]["variation"]
    excess = (dagger_["variation"][:, 1] - floor_)[:, late].mean(axis=1)
    return [
        Claim(
            "errors compound: exponent of the clone's disagreement", exponents(bc["J"][:, 0]), 1.6, 2.4, jobs=jobs[:1]
        ),
        Claim("errors do not compound: DAgger's exponent", exponents(dagger_["J"][:, 1]), at_most=1.2, jobs=jobs[1:]),
        Claim("more demonstrations are not the answer: cost against DAgger's at equal labels", ratio, 20.0, jobs=jobs),
        Claim(
            "p_expert(s) is not p_pi(s): total variation, last quarter minus first, clone",
            growth,
            GROWTH,
            jobs=jobs[:1],
        ),
        Claim(
            "p_expert(s) is almost p_pi(s): total variation above the floor, last quarter, DAgger",
            excess,
            at_most=NEAR,
            jobs=(*jobs[1:], "lane expert"),
        ),
    ]


def _gate(name: str, who: str, share: float) -> Callable[[Results], list[Claim]]:
    """An intervening method against DAgger: as good, for fewer labels."""

    def make(results: Results) -> list[Claim]:
        gated, dagger_ = results[f"lane {name}"], results["lane dagger"]
        jobs = (f"lane {name}", "lane dagger")
        worse = gated["cost"][:, -1] - dagger_["cost"][:, -1]
        labels = gated["labels"][:, -1] / dagger_["labels"][:, -1]
        cost = f"{who} can gate: cost above DAgger's, in {STEPS} steps"
        taken = f"{who} can gate: share of DAgger's labels, demonstrations included"
        return [
            Claim(cost, worse, at_most=MARGIN, unit="steps", jobs=jobs),
            Claim(taken, labels, at_most=share, unit="%", jobs=jobs),
        ]

    return make


def _detector(results: Results) -> list[Claim]:
    text = f"a machine can gate: ROC area for off the lane within {SOON} steps"
    return [Claim(text, results["lane detector"]["area"], 0.85, jobs=("lane detector",))]


def _latency(results: Results) -> list[Claim]:
    late = results["lane latency"]["cost"]
    text = "how demonstrations are collected matters: cost at 500 ms of latency against none"
    return [Claim(text, late[:, -1] / late[:, 0].mean(), 2.0, jobs=("lane latency",))]


def _history(results: Results) -> list[Claim]:
    off = results["lane history"]["cost"] / STEPS
    text, jobs = "a policy may need history: share of the time off the lane with", ("lane history",)
    return [
        Claim(f"{text} o_t", off[:, 0], 0.1, unit="%", jobs=jobs),
        Claim(f"{text} the last {MEMORIES[-1]} observations", off[:, -1], at_most=0.01, unit="%", jobs=jobs),
    ]


CLAIMS = (
    _compounding,
    _gate("hg", "a person", 0.5),
    _gate("uncertainty", "a machine", 0.6),
    _detector,
    _latency,
    _history,
)


# --- figures ---------------------------------------------------------------------------------------------------------
COLOURS = {
    "expert": "black",
    "bc": "tab:red",
    "dagger": "tab:blue",
    "hg": "tab:green",
    "uncertainty": "tab:orange",
}
NAMES = {
    "expert": "expert",
    "bc": "behaviour cloning",
    "dagger": "DAgger",
    "hg": "HG-DAgger",
    "uncertainty": "uncertainty gate",
}


def _figure(draw: Callable, columns: int = 1, sharey: bool = False) -> Callable[[Results], Figure]:
    """A figure of `columns` axes on which `draw` draws."""

    def make(results: Results) -> Figure:
        figure = Figure(figsize=(6.0 if columns == 1 else 4.0 * columns, 4.0), layout="constrained")
        axes = figure.subplots(1, columns, sharey=sharey)
        draw(axes, results)
        for ax in np.atleast_1d(axes):
            ax.grid(alpha=0.25)
            ax.spines[["top", "right"]].set_visible(False)
        return figure

    return make


CAPTIONS = {
    "lane_states": "Distance from the centre line over time, 40 drives of the first seed. The clone looks like the "
    "expert for some seconds, then single cars wander off to where no demonstration shows the way back.",
    "lane_disagreement": "J(T), the disagreements with the expert in the first T steps. The clone's grow almost like "
    "T squared until few are left to be lost, DAgger's like T. The dotted lines have slopes 1 and 2.",
    "lane_labels": "Cost against the expert's labels, round by round. More demonstrations help behaviour cloning "
    "slowly; labels of the states that the policy visits remove the cost.",
    "lane_variation": "Distance between p(e, psi) of the policy and of the expert, step by step. The expert against "
    "other drives of the expert is the floor that sampling alone makes.",
    "lane_interventions": "Cost of the last policy and the labels it took: a person, or an ensemble that doubts, "
    "reaches DAgger's cost for a fraction of its labels.",
    "lane_roc": "Does the ensemble's doubt foresee that the car will be off the lane within two seconds? Each grey "
    "line is a seed; the diagonal is guessing.",
    "lane_latency": "Cost of clones of demonstrations given by remote control, against the latency of the controls.",
    "lane_history": "DAgger with a camera that looks straight down: a single picture does not tell where the car "
    "points, a few in a row do.",
}


def _band(ax: Axes, x: np.ndarray, values: np.ndarray, method: str, label: str | None = None, **style) -> None:
    """The mean over seeds with its interval: `values [S, len(x)]`."""
    low, high = np.transpose([interval(column) for column in values.T])
    colour = COLOURS[method]
    ax.plot(x, values.mean(axis=0), color=colour, label=label or NAMES[method], **style)
    ax.fill_between(x, low, high, color=colour, alpha=0.2, linewidth=0)


def _draw_states(axes: Sequence[Axes], results: Results) -> None:
    time = DT * np.arange(STEPS)
    shown = {
        "expert": results["lane expert"]["e"][0],
        "bc": results["lane bc"]["e"][0, 0],
        "dagger": results["lane dagger"]["e"][0, 1],
    }
    for ax, (method, e) in zip(axes, shown.items(), strict=True):
        ax.axhspan(-LANE, LANE, color="0.92", zorder=0)
        ax.plot(time, e, color=COLOURS[method], alpha=0.4, linewidth=0.7)
        ax.set(title=NAMES[method], xlabel="time (s)")
    axes[0].set_ylabel("distance left of the centre (m)")


def _draw_disagreement(ax: Axes, results: Results) -> None:
    first, last = results["lane bc"]["J"][:, 0], results["lane bc"]["J"][:, 1]
    corrected = results["lane dagger"]["J"][:, 1]
    marker = {"marker": "o", "markersize": 4}
    _band(ax, HORIZONS, first, "bc", f"clone of the demonstrations, T^{exponents(first).mean():.2f}", **marker)
    _band(ax, HORIZONS, last, "bc", "clone of as many labels as DAgger", linestyle="--", **marker)
    _band(ax, HORIZONS, corrected, "dagger", f"DAgger, T^{exponents(corrected).mean():.2f}", **marker)
    for values, power in ((first, 2), (corrected, 1)):
        start = values[:, 0].mean()
        ax.plot(HORIZONS, start * (HORIZONS / HORIZONS[0]) ** power, color="grey", linestyle=":", linewidth=1)
    ax.set(xscale="log", yscale="log", xlabel="horizon T (steps)", ylabel="disagreements with the expert, J(T)")
    ax.set_xticks(HORIZONS, [str(T) for T in HORIZONS], minor=False)
    ax.minorticks_off()
    ax.legend(frameon=False)


def _methods(results: Results) -> list[str]:
    return [job.removeprefix("lane ") for job in results.among(f"lane {method}" for method in METHODS)]


def _draw_labels(ax: Axes, results: Results) -> None:
    for method in _methods(results):
        result = results[f"lane {method}"]
        _band(ax, result["labels"].mean(axis=0), result["cost"], method, marker="o", markersize=4)
    ax.set(xlabel="labels by the expert", ylabel=f"steps off the lane in {STEPS}", ylim=(0, None))
    ax.legend(frameon=False)


def _draw_variation(ax: Axes, results: Results) -> None:
    time = DT * np.arange(STEPS)
    _band(ax, time, results["lane bc"]["variation"][:, 0], "bc")
    _band(ax, time, results["lane dagger"]["variation"][:, 1], "dagger")
    _band(ax, time, results["lane expert"]["variation"], "expert", "expert against itself")
    ax.set(xlabel="time (s)", ylabel="total variation to the expert's states", ylim=(0, None))
    ax.legend(frameon=False)


def _draw_interventions(axes: Sequence[Axes], results: Results) -> None:
    methods = _methods(results)
    quantities = {"cost": f"steps off the lane in {STEPS}", "labels": "labels by the expert"}
    for ax, (key, label) in zip(axes, quantities.items(), strict=True):
        for i, method in enumerate(methods):
            values = results[f"lane {method}"][key][:, -1]
            low, high = interval(values)
            mean = values.mean()
            ax.bar(i, mean, color=COLOURS[method], yerr=[[mean - low], [high - mean]], capsize=4)
            ax.annotate(
                f"{mean:,.3g}" if key == "cost" else f"{mean:,.0f}",
                (i, high),
                (0, 3),
                textcoords="offset points",
                ha="center",
            )
        ax.set_xticks(range(len(methods)), [NAMES[m].replace(" ", "\n").replace("-", "-\n") for m in methods])
        ax.set_ylabel(label)


def _draw_roc(ax: Axes, results: Results) -> None:
    curves, area = results["lane detector"]["roc"], results["lane detector"]["area"]
    ax.plot(RATES, curves.T, color="0.8", linewidth=0.8)
    _band(ax, RATES, curves, "uncertainty", f"doubt of the ensemble, area {area.mean():.2f}")
    ax.plot([0, 1], [0, 1], color="grey", linestyle=":")
    ax.set(xlabel="false alarms (share of the safe states)", ylabel=f"found (share off the lane within {SOON} steps)")
    ax.set(aspect="equal", xlim=(0, 1), ylim=(0, 1))
    ax.legend(frameon=False, loc="lower right")


def _draw_latency(ax: Axes, results: Results) -> None:
    _band(ax, LATENCIES * DT * 1000, results["lane latency"]["cost"], "bc", marker="o", markersize=4)
    ax.set(xlabel="latency of the remote control (ms)", ylabel=f"steps off the lane in {STEPS}", ylim=(0, None))


def _draw_history(ax: Axes, results: Results) -> None:
    _band(ax, MEMORIES, results["lane history"]["cost"], "dagger", marker="o", markersize=4)
    ax.set(
        xscale="log",
        xlabel="observations that the policy sees",
        ylabel=f"steps off the lane in {STEPS}",
        ylim=(0, None),
    )
    ax.set_xticks(MEMORIES, [str(m) for m in MEMORIES])
    ax.minorticks_off()


EXPERIMENT = Experiment(
    name="lane",
    title="Lane: compounding errors and how corrections stop them",
    jobs=jobs,
    claims=CLAIMS,
    figures={
        "lane_states": _figure(_draw_states, 3, sharey=True),
        "lane_disagreement": _figure(_draw_disagreement),
        "lane_labels": _figure(_draw_labels),
        "lane_variation": _figure(_draw_variation),
        "lane_interventions": _figure(_draw_interventions, 2),
        "lane_roc": _figure(_draw_roc),
        "lane_latency": _figure(_draw_latency),
        "lane_history": _figure(_draw_history),
    },
    captions=CAPTIONS,
)
