"""Four ways to spend the expert's labels on Lane, each measured round by round.

    bc             more demonstrations
    dagger         labels for all states that the policy visits
    hg             a person takes over and shows how to get back
    uncertainty    the expert takes over where an ensemble doubts

What is reported is always the last policy, on roads that were used for nothing else.

Shapes: L learners, R rounds of collecting, T time steps, N environments of all learners, N/L environments of one
learner, M samples. The axis "ends" has two entries, the first policy (the clone of the demonstrations) and the last;
the axis "horizons" has one entry for each of HORIZONS.
"""

import numpy as np

from hw1.compounding import cost_by_horizon, total_variation
from hw1.dagger import Round, UncertaintyGate, dagger, intervention, uncertainty_gate
from hw1.envs.lane import HALF_WIDTH
from hw1.gates import HumanGate
from hw1.learners import by_learner, learner_of
from hw1.policy import Actor
from hw1.rollout import Rollout
from scripts.experiments.base import Arrays, Job
from scripts.experiments.lane.lab import EXPERT, Lab, Plan, plan_options

METHODS = ("bc", "dagger", "hg", "uncertainty")
TOLERANCE = 0.1  # of the steering range [-1, 1]; a larger difference to the expert's action is a disagreement
# J(T) starts at 2.5 seconds, when the policy has had time to act on its first errors, and T doubles from there.
HORIZONS = np.array([25, 50, 100, 200, 400])
# Cells of half a metre and 0.1 radians over the lane: coarser than the expert's jitter, finer than leaving the lane.
CELLS, LIMITS = 7, np.array([[-HALF_WIDTH, HALF_WIDTH], [-0.35, 0.35]])
# Of the doubt on the expert's own states: above it the expert is called, as in ThriftyDAgger (Hoque et al. 2021).
QUANTILE = 0.95
TRAJECTORIES = 40  # kept for the figure, from the first learner


def train_rounds(lab: Lab, method: str, history: int = 1) -> list[Round]:
    """Round 0 is fitted to the demonstrations; each later round adds what `method` collects."""
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
    )


def doubting_gate(lab: Lab, ensemble: Actor) -> UncertaintyGate:
    """Calls the expert where the ensemble doubts more than on the share QUANTILE of the expert's own states.

    Those states come from demonstrations on which nothing was trained. Each learner has its own threshold.
    """
    held_out = lab.demonstrate(held_out_episodes(lab), "held out")
    members, learners = ensemble.members(), len(lab.seeds)
    doubt = uncertainty_gate(members, np.inf).doubt(held_out.obs)  # (M,)
    thresholds = np.quantile(by_learner(doubt, learners), QUANTILE, axis=1)  # (L,)
    return uncertainty_gate(members, thresholds[learner_of(learners * lab.plan.rollouts, learners)])


def held_out_episodes(lab: Lab) -> int:
    """Demonstrations for each learner that set the threshold of the gate."""
    return max(lab.plan.demos // 5, 1)


def method_job(method: str, quick: bool) -> Job:
    """The job "lane METHOD"."""
    return Job(f"lane {method}", compare, {"method": method} | plan_options(quick))


def compare(seeds: tuple[int, ...], method: str, **plan: int) -> Arrays:
    """One of METHODS, round by round.

    Returns labels and cost `[L, R + 1]`; J `[L, ends, horizons]`, the total variation to the expert's states
    `[L, ends, T]` and some trajectories of e `[L, ends, T, TRAJECTORIES]`.
    """
    lab = Lab(seeds, Plan(**plan))
    rounds = train_rounds(lab, method)
    drivers = [round.policy.members()[0] for round in rounds]  # one member drives, however many doubt it
    few, many = lab.plan.evaluations // 4, lab.plan.evaluations
    middle = [lab.cost(lab.test(driver, few)) for driver in drivers[1:-1]]
    ends = [lab.test(driver, many) for driver in (drivers[0], drivers[-1])]
    cost = [lab.cost(ends[0]), *middle, lab.cost(ends[1])]
    extra = held_out_episodes(lab) * lab.plan.length if method == "uncertainty" else 0
    labels = [np.bincount(round.dataset.learner, minlength=len(seeds)) + extra for round in rounds]
    counts = {"labels": np.stack(labels, axis=1), "episodes": np.full(len(seeds), many)}
    return counts | {"cost": np.stack(cost, axis=1)} | _describe(lab, ends)


def _describe(lab: Lab, ends: list[Rollout]) -> Arrays:
    """J, variation and e, as `compare` returns them."""
    expert = reference(lab)
    measured = {
        "J": [_disagreements(drives) for drives in ends],
        "variation": [variation(drives, expert) for drives in ends],
        "e": [trajectories(drives) for drives in ends],
    }
    return {name: np.stack(values, axis=1) for name, values in measured.items()}


def _disagreements(drives: Rollout) -> np.ndarray:
    """J(T) of the disagreement with the expert, `[L, horizons]`."""
    disagree = np.abs(drives.action - EXPERT(drives.state)).max(axis=-1) > TOLERANCE
    return np.array([cost_by_horizon(own, HORIZONS) for own in drives.by_learner(disagree)])


def reference(lab: Lab) -> np.ndarray:
    """The expert's e and psi `[T, N, 2]`; all learners share these drives, so that the reference is a fine one."""
    return lab.test(None, lab.plan.evaluations, "reference").state[..., :2]


def variation(drives: Rollout, expert: np.ndarray) -> np.ndarray:
    """Total variation between p(e, psi) of each learner's states and the expert's, step by step: `[L, T]`."""
    own = drives.by_learner(drives.state[..., :2])
    return np.stack([total_variation(states, expert, CELLS, LIMITS) for states in own])


def trajectories(drives: Rollout) -> np.ndarray:
    """Some trajectories of e, `[L, T, TRAJECTORIES]`."""
    return drives.by_learner(drives.state[..., 0])[..., :TRAJECTORIES].astype(np.float32)
