"""Four ways to spend the expert's labels on Lane, each measured round by round.

    bc             more demonstrations
    dagger         labels for all states that the policy visits
    hg             a person takes over and shows how to get back
    uncertainty    the expert takes over where an ensemble doubts

Policies are tested on roads that were used for nothing else, and what is claimed of a method holds for its last policy,
not for the best one.

Shapes: L learners, R rounds of collecting, M samples.
"""

import numpy as np

from hw1.dagger import Round, UncertaintyGate, dagger, intervention, uncertainty_gate
from hw1.gates import HumanGate, Stay
from hw1.learners import by_learner, learner_of
from hw1.policy import Actor
from scripts.experiments.base import Arrays, Job
from scripts.experiments.lane.lab import EXPERT, FEW_SEEDS, SEEDS, STEPS, Lab, Plan, job
from scripts.experiments.lane.measures import describe

METHODS = ("bc", "dagger", "hg", "uncertainty")
LABEL_EVERY_STATE = ("bc", "dagger")
# Policies that are looked at closely, by round: the clone of the demonstrations, the last clone, DAgger's last policy.
ENDS = {"bc": (0, -1), "dagger": (-1,)}
# Of the doubt on the expert's own states: above it the expert is called, as in ThriftyDAgger (Hoque et al. 2021).
QUANTILE = 0.96
# The person takes the wheel early, and shows for two seconds how to get back and to stay there.
TAKEOVER, STAY = 0.4, 20  # metres from the centre, steps


def train_rounds(lab: Lab, method: str, history: int = 1) -> list[Round]:
    """Round 0 is fitted to the demonstrations; each later round adds what `method` collects."""
    members = lab.plan.members if method == "uncertainty" else 1
    gates = {
        "hg": lambda policy: Stay(HumanGate(takeover=TAKEOVER), STAY),
        "uncertainty": lambda policy: doubting_gate(lab, policy),
    }
    return dagger(
        lab.env(lab.plan.rollouts),
        EXPERT,
        lambda dataset: lab.fit(dataset, members=members, history=history),
        lab.demonstrate(lab.plan.demos, "demonstrations"),
        lab.plan.rounds,
        STEPS,
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
    together = FEW_SEEDS if method in LABEL_EVERY_STATE else SEEDS
    return job(f"lane {method}", compare, quick, together, method=method)


def compare(seeds: tuple[int, ...], method: str, **plan: int) -> Arrays:
    """One of METHODS, round by round: labels and cost `[L, R + 1]`; the number of tests of each policy `[L]`.

    Of the policies in ENDS, also what `describe` returns.
    """
    lab = Lab(seeds, Plan(**plan))
    rounds = train_rounds(lab, method)
    drivers = [round.policy for round in rounds]  # of an ensemble, the mean drives: in the tests as while collecting
    extra = held_out_episodes(lab) * lab.plan.length if method == "uncertainty" else 0
    labels = [np.bincount(round.dataset.learner, minlength=len(seeds)) + extra for round in rounds]
    # Every policy on the same roads with the same gusts.
    cost = [lab.test(driver, lab.plan.tests).cost for driver in drivers]
    arrays = {"labels": np.stack(labels, axis=1), "cost": np.stack(cost, axis=1)}
    arrays["tests"] = np.full(len(seeds), lab.plan.tests)
    if method in ENDS:
        episodes = lab.plan.rare if method == "dagger" else lab.plan.many
        arrays |= describe(lab, [drivers[end] for end in ENDS[method]], episodes)
    return arrays
