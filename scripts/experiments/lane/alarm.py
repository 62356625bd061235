"""Could you detect automatically when the expert must take over (part 4)? An ensemble's doubt as an alarm.

Beside it: the spread that a single network predicts for its own actions, and what the true state would tell.

Shapes: L learners, T time steps, N environments of all learners, n test episodes of one learner, M samples. The axis
"alarms" has one entry for each of ALARMS, the axis "rates" one for each of RATES.
"""

from collections.abc import Callable, Mapping

import numpy as np
import torch
from jaxtyping import Bool, Float
from matplotlib.axes import Axes

from hw1.dagger import uncertainty_gate
from hw1.envs.lane import DT, SPEED
from hw1.learners import by_learner
from hw1.policy import Actor
from scripts.experiments.base import Arrays, Claim, Drawing, Job, Results, Table, table_of_means
from scripts.experiments.lane.drawing import band, panels
from scripts.experiments.lane.lab import Lab, Plan, job

SOON = 20  # steps ahead that the alarm must foresee
MEMORY = 8  # steps: an alarm is the mean of its score over the last 0.8 seconds, since every picture has fresh noise
PREVIEW = 1.0  # seconds that the alarm which knows the true state looks ahead along the car's heading
FALSE_ALARMS = 0.05  # share of the safe states in which an alarm may ring when it is asked how early it warns
RATES = np.linspace(0.0, 1.0, 101)  # false alarm rates at which the ROC curve is recorded
ALARMS = ("ensemble", "density", "state")


class Listener:
    """A gate that never takes the wheel. It writes down scores of what it sees: functions `[N, O] -> [N]`.

    `begin(seed)` is called before each rollout, for scores that remember what they saw.
    """

    def __init__(
        self,
        scores: Mapping[str, Callable[[np.ndarray], np.ndarray]],
        begin: Callable[[int], None] = lambda seed: None,
    ):
        self.scores, self.begin = scores, begin
        self.heard: dict[str, list[list[np.ndarray]]] = {name: [] for name in scores}

    def reset(self, seed: int) -> None:
        self.begin(seed)
        for rollouts in self.heard.values():
            rollouts.append([])

    def __call__(self, obs: np.ndarray, state: np.ndarray, expert_drives: np.ndarray) -> np.ndarray:
        for name, score in self.scores.items():
            self.heard[name][-1].append(score(obs))
        return np.zeros(len(obs), dtype=bool)

    def written(self, name: str, learners: int) -> Float[np.ndarray, "L T n"]:
        """One score in all steps of all rollouts."""
        return np.concatenate([by_learner(np.stack(steps), learners, axis=1) for steps in self.heard[name]], axis=2)


def detect(seeds: tuple[int, ...], **plan: int) -> Arrays:
    """Does an alarm foresee that a clone of the demonstrations will be off the lane within SOON steps?

    Asked in all states on the lane that are followed by SOON more steps. Returns the ROC curve `[L, alarms, rates]`,
    the area below it `[L, alarms]`, and the warning time in seconds `[L, alarms]` (see `warning`).
    """
    lab = Lab(seeds, Plan(**plan))
    demos = lab.demonstrate(lab.plan.demos, "demonstrations")
    ensemble, density = lab.fit(demos, members=lab.plan.detectors), lab.fit(demos, head="gaussian")
    gate = uncertainty_gate(ensemble.members(), np.inf)
    scores = {"ensemble": gate.doubt, "density": lambda obs: predicted_std(density, obs)}
    listener = Listener(scores, gate.reset)
    drives = lab.test(ensemble, lab.plan.many // 4, gate=listener)
    e, psi = drives.state[..., 0], drives.state[..., 1]
    scores = {name: recent_mean(listener.written(name, len(seeds))) for name in listener.scores}
    scores["state"] = np.maximum(np.abs(e), np.abs(e + PREVIEW * SPEED * np.sin(psi)))
    judged = [[judge(scores[alarm][i], drives.off[i] > 0) for alarm in ALARMS] for i in range(len(seeds))]
    roc, area, seconds = (np.array([[each[k] for each in own] for own in judged]) for k in range(3))
    return {"roc": roc, "area": area, "warning": seconds}


def predicted_std(policy: Actor, obs: Float[np.ndarray, "N O"]) -> Float[np.ndarray, " N"]:
    """What each learner's Gaussian predicts as its own standard deviation."""
    own = by_learner(torch.from_numpy(obs)[:, None], len(policy.networks))  # (L, N/L, 1, O)
    with torch.no_grad():
        log_std = [net.head(net.features(part))[1] for (net,), part in zip(policy.networks, own, strict=True)]
    return torch.cat(log_std).exp().amax(dim=-1).numpy()


def recent_mean(score: Float[np.ndarray, "L T n"]) -> Float[np.ndarray, "L T n"]:
    """The mean of the last MEMORY steps, of fewer at the start."""
    total = np.cumsum(score, axis=1, dtype=np.float64)
    total[:, MEMORY:] -= total[:, :-MEMORY].copy()
    steps = np.minimum(np.arange(1, score.shape[1] + 1), MEMORY)
    return total / steps[:, None]


def judge(score: Float[np.ndarray, "T n"], off: Bool[np.ndarray, "T n"]) -> tuple[np.ndarray, float, float]:
    """ROC curve, the area below it, and the warning time of one learner's alarm."""
    ahead = np.lib.stride_tricks.sliding_window_view(off, SOON, axis=0)  # after steps t .. t + SOON - 1: (T', n, SOON)
    before = np.concatenate([np.zeros_like(off[:1]), off[:-1]])[: len(ahead)]  # where the alarm hears, before step t
    asked, soon = ~before, ahead.any(axis=-1)
    early = score[: len(asked)]
    safe = early[asked & ~soon]
    threshold = np.quantile(safe, 1 - FALSE_ALARMS) if safe.size else np.nan
    return *roc(early[asked], soon[asked]), warning(score > threshold, off)


def roc(score: Float[np.ndarray, " M"], positive: Bool[np.ndarray, " M"]) -> tuple[np.ndarray, float]:
    """Share of the positives that are found at each false alarm rate, `[rates]`, and the area below the curve.

    The area is the probability that a positive scores above a negative (Mann and Whitney), counted by ranks. Both are
    nan if there are only positives, or only negatives.
    """
    positives, negatives = int(positive.sum()), int((~positive).sum())
    if not positives or not negatives:
        return np.full(len(RATES), np.nan), np.nan
    ranks = np.argsort(np.argsort(score))
    area = (ranks[positive].sum() - positives * (positives - 1) / 2) / (positives * negatives)
    falling = positive[np.argsort(-score)]
    return np.interp(RATES, np.cumsum(~falling) / negatives, np.cumsum(falling) / positives), float(area)


def warning(rings: Bool[np.ndarray, "T n"], off: Bool[np.ndarray, "T n"]) -> float:
    """For how many seconds the alarm has been ringing without a pause when a car leaves the lane for the first time.

    The median over the cars that leave it; nan if none does.
    """
    ringing, run = np.zeros(rings.shape, dtype=np.int64), np.zeros(rings.shape[1], dtype=np.int64)
    for t, now in enumerate(rings):
        run = (run + 1) * now
        ringing[t] = run
    leaves = off.any(axis=0)
    first = off.argmax(axis=0)[leaves]
    return float(np.median(ringing[first, leaves]) * DT) if leaves.any() else np.nan


def jobs(quick: bool) -> list[Job]:
    return [job("lane detector", detect, quick)]


# --- claims ----------------------------------------------------------------------------------------------------------
def claims(results: Results) -> list[Claim]:
    detector, jobs = results["lane detector"], ("lane detector",)
    # A learner that never left the lane had nothing to foresee.
    tested = np.isfinite(detector["area"][:, 0])
    area, seconds = detector["area"][tested], detector["warning"][tested]
    text = "a machine can gate"
    return [
        Claim(f"{text}: ROC area for off the lane within {SOON} steps", area[:, 0], 0.85, jobs=jobs),
        Claim(
            f"{text}: warning before the car leaves the lane, at {100 * FALSE_ALARMS:.0f} % false alarms",
            seconds[:, 0],
            0.5,
            unit="s",
            jobs=jobs,
        ),
    ]


# --- figures ---------------------------------------------------------------------------------------------------------
SHOWN = {
    "state": ("expert", "true state, a second ahead"),
    "ensemble": ("uncertainty", "doubt of the ensemble"),
    "density": ("bc", "std of one Gaussian network"),
}
"""Look and name of each alarm."""


def measured(results: Results, key: str) -> dict[str, np.ndarray]:
    """Of each alarm, by its name: curves, areas or warnings of the learners that could be tested."""
    detector = results["lane detector"]
    tested = np.isfinite(detector["area"][:, 0])
    return {name: detector[key][tested, ALARMS.index(alarm)] for alarm, (_, name) in SHOWN.items()}


def rate_of(share: float) -> int:
    """Where a share of false alarms is on the axis "rates"."""
    return int(np.abs(RATES - share).argmin())


def draw_roc(ax: Axes, results: Results) -> None:
    curves, area, seconds = (measured(results, key) for key in ("roc", "area", "warning"))
    for look, name in SHOWN.values():
        label = f"{name}: area {area[name].mean():.2f}, rings {seconds[name].mean():.1f} s before"
        band(ax, RATES, curves[name], look, label)
    ax.plot([0, 1], [0, 1], color="grey", linewidth=1, label="chance: area 0.50")
    ax.axvline(FALSE_ALARMS, color="grey", linestyle=":", linewidth=1, label=f"{100 * FALSE_ALARMS:.0f} % false alarms")
    ax.set(xlabel="false alarms (share of the safe states)", ylabel=f"detected (off the lane within {SOON} steps)")
    ax.set(xlim=(0, 1), ylim=(0, 1))
    ax.legend(loc="lower right")


def table_of_roc(results: Results) -> Table:
    """The curves at FALSE_ALARMS and at every tenth of false alarms, the areas, and the warnings."""
    curves, area, seconds = (measured(results, key) for key in ("roc", "area", "warning"))
    listed = np.unique([*range(0, len(RATES), 10), rate_of(FALSE_ALARMS)])
    header, rows = table_of_means(
        "false alarms", [f"{rate:.0%}" for rate in RATES[listed]], {n: c[:, listed] for n, c in curves.items()}
    )
    for what, values in (("area", area), ("warning (s)", seconds)):
        rows += table_of_means("", [what], {name: own[:, None] for name, own in values.items()})[1]
    return header, rows


CLAIMS = (claims,)
DRAWINGS = (
    Drawing(
        "lane_roc",
        "Does an alarm foresee that the car will be off the lane within two seconds? Beside the doubt of an ensemble: "
        "the standard deviation that a single Gaussian network predicts, and where the car will be in a second if it "
        f"goes straight on. The dotted line is an alarm that rings in {100 * FALSE_ALARMS:.0f} % of the safe states: "
        "the seconds say for how long such an alarm has been ringing without a pause when a car leaves the lane.",
        panels(draw_roc),
        "Detected share against the share of false alarms, both from 0 to 1. Three curves lie above the diagonal of "
        "chance: the doubt of the ensemble, the standard deviation of a single Gaussian network, and the true state. "
        "The legend gives the area below each.",
        table_of_roc,
    ),
)
