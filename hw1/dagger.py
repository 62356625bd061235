"""Part 4. DAgger: collect corrective behaviour data on the states that the policy itself visits.

Whoever drives is decided by a gate (`hw1.rollout`); what is kept differs:

    DAgger        a coin with probability beta decides who drives; every visited state is kept, with the expert's label
    HG-DAgger     a person takes the wheel when it goes wrong; only what the person did is kept
    automatic     an uncertainty alarm instead of the person

Shapes: T steps, N parallel environments, M samples, A action dimensions, E ensemble members.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import numpy as np
from gymnasium.vector import VectorEnv

from hw1.demos import Dataset
from hw1.rollout import Expert, Gate, Policy, rollout


def rollout_and_relabel(
    env: VectorEnv,
    policy: Policy,
    expert: Expert,
    horizon: int,
    beta: float,
    rng: np.random.Generator,
    learners: int = 1,
) -> Dataset:
    """Exercise 4.1. Steps 1 and 2 of DAgger: roll out the beta-mixture, label *every* visited state by the expert.

    At every step and in every environment the expert drives with probability `beta`, otherwise the policy; but the
    label is the expert's action whoever drove.

    Args:
        horizon: steps T.
        beta: between 0 and 1.
        rng: draws the seed of the rollout and the coins.
        learners: how many learners share the environments; hand it on to `Dataset.from_rollout`.

    Returns:
        A dataset of up to T x N samples (states after a termination are left out).
    """
    # TODO 4.1: a rollout (import it from hw1.rollout) gated by BetaGate; the expert's actions at its states;
    # Dataset.from_rollout.
    # BEGIN SOLUTION 4.1
    seed = int(rng.integers(2**31))
    steps = rollout(env, policy, horizon, seed, expert=expert, gate=BetaGate(beta, rng))
    return Dataset.from_rollout(steps, expert(steps.state), learners=learners)
    # END SOLUTION


def aggregate(dataset: Dataset, new: Dataset) -> Dataset:
    """Exercise 4.2. Step 3 of DAgger: D <- D union D'.

    All samples of both, the old ones first; neither input is changed. Episode numbers of `new` are shifted so that
    they do not collide with those of `dataset`.
    """
    # TODO 4.2: concatenate every field (dataclasses.fields lists them); shift new.episode.
    # BEGIN SOLUTION 4.2
    shift = dataset.episode.max() + 1 if len(dataset) else 0
    joined = {f.name: np.concatenate([getattr(dataset, f.name), getattr(new, f.name)]) for f in fields(Dataset)}
    joined["episode"] = np.concatenate([dataset.episode, new.episode + shift])
    return Dataset(**joined)
    # END SOLUTION


@dataclass(frozen=True)
class Round:
    """What one round of DAgger leaves behind."""

    dataset: Dataset
    """Everything aggregated so far."""
    policy: Policy
    """Fitted to it."""


def dagger(
    env: VectorEnv,
    expert: Expert,
    fit: Callable[[Dataset], Policy],
    demos: Dataset,
    rounds: int,
    horizon: int,
    rng: np.random.Generator,
    beta: Callable[[int], float] = lambda i: 0.0,
    collect: Callable | None = None,
    learners: int = 1,
) -> list[Round]:
    """Exercise 4.3. Dataset aggregation (Ross et al. 2011).

    Round 0 is behaviour cloning: the policy is fitted to `demos`. Each of the following `rounds` collects with the
    newest policy, aggregates into everything collected before, and fits anew.

    Args:
        fit: maps a dataset to a policy; given.
        beta: the expert's share in round i = 1, 2, ...
        collect: how a round gathers data, called as collect(env, policy, expert, horizon, beta(i), rng, learners);
            `rollout_and_relabel` if None. `intervention` makes it HG-DAgger.

    Returns:
        `rounds + 1` Rounds, the last policy last. Never pick the best one by its evaluation: that is a choice made
        with the evaluation's noise.
    """
    collect = collect or rollout_and_relabel
    # TODO 4.3: fit to the demonstrations, then the loop: collect, aggregate, fit.
    # BEGIN SOLUTION 4.3
    history = [Round(demos, fit(demos))]
    for i in range(1, rounds + 1):
        last = history[-1]
        new = collect(env, last.policy, expert, horizon, beta(i), rng, learners)
        dataset = aggregate(last.dataset, new)
        history.append(Round(dataset, fit(dataset)))
    return history
    # END SOLUTION


def intervention_rollout(
    env: VectorEnv,
    policy: Policy,
    expert: Expert,
    gate: Gate,
    horizon: int,
    seed: int = 0,
    learners: int = 1,
) -> Dataset:
    """Exercise 4.4. HG-DAgger (Kelly et al. 2019): the expert takes over when the gate says so.

    Only states in which the expert had control are kept, with the action that the expert took: the lecture's
    D <- D union {(s_i, a*_i)}, i >= t. May be empty, if nobody ever intervened.
    """
    # TODO 4.4: a gated rollout; keep what the expert drove.
    # BEGIN SOLUTION 4.4
    steps = rollout(env, policy, horizon, seed, expert=expert, gate=gate)
    return Dataset.from_rollout(steps, steps.action, keep=steps.expert_drove, learners=learners)
    # END SOLUTION


class UncertaintyGate:
    """Exercise E.4 (extra credit). The lecture's question: can the need to intervene be detected automatically?

    Calls the expert where the members of an ensemble disagree: they agree where they have seen data. (EnsembleDAgger,
    Menda et al. 2019, is this rule together with a bound on the error itself.)
    """

    def __init__(self, ensemble: Sequence[Policy], threshold: float):
        """`ensemble`: E policies, observations `[N, O]` -> actions `[N, A]`."""
        self.ensemble, self.threshold = ensemble, threshold

    def reset(self, seed: int) -> None:
        for member in self.ensemble:
            if hasattr(member, "reset"):
                member.reset(seed)

    def doubt(self, obs: np.ndarray) -> np.ndarray:
        """Standard deviation of the members' actions, the largest over the action dimensions: `[N, O] -> [N]`."""
        # TODO E.4: ask every member, take the deviation over members (the population's: divide by E), the maximum.
        # BEGIN SOLUTION E.4
        actions = np.stack([member(obs) for member in self.ensemble])  # (E, N, A)
        return actions.std(axis=0).max(axis=-1)
        # END SOLUTION

    def __call__(self, obs: np.ndarray, state: np.ndarray, expert_drives: np.ndarray) -> np.ndarray:
        # TODO E.4: True where doubt exceeds the threshold.
        # BEGIN SOLUTION E.4
        return self.doubt(obs) > self.threshold
        # END SOLUTION


def uncertainty_gate(ensemble: Sequence[Policy], threshold: float) -> UncertaintyGate:
    """Exercise E.4: the gate that calls the expert where the doubt of `ensemble` exceeds `threshold`."""
    return UncertaintyGate(ensemble, threshold)


# --- gates, given ----------------------------------------------------------------------------------------------------
class BetaGate:
    """DAgger's coin: the expert drives with probability `beta`, tossed at every step in every environment."""

    def __init__(self, beta: float, rng: np.random.Generator):
        if not 0 <= beta <= 1:
            raise ValueError(f"beta must lie between 0 and 1, got {beta}")
        self.beta, self.rng = beta, rng

    def __call__(self, obs: np.ndarray, state: np.ndarray, expert_drives: np.ndarray) -> np.ndarray:
        return self.rng.random(len(obs)) < self.beta


@dataclass
class HumanGate:
    """A person beside the car: takes over when it looks dangerous, after a reaction time, hands back when it is safe.

    State: e, psi, ... as in Lane. The person looks `preview` seconds ahead at where the car is heading.
    """

    takeover: float = 0.6
    """Metres from the centre, predicted, at which the person takes the wheel."""
    handback: float = 0.2
    """Metres below which the person lets go again."""
    reaction: int = 2
    """Steps between seeing the danger and having the wheel."""
    preview: float = 0.5
    """Seconds that the person looks ahead."""
    speed: float = 10.0
    """Metres per second at which the car drives."""

    def reset(self, seed: int) -> None:
        self.alarmed: np.ndarray | int = 0  # [N] steps since the person saw the danger

    def __call__(self, obs: np.ndarray, state: np.ndarray, expert_drives: np.ndarray) -> np.ndarray:
        e, psi = state[..., 0], state[..., 1]
        ahead = np.maximum(np.abs(e), np.abs(e + self.preview * self.speed * np.sin(psi)))
        self.alarmed = np.where(ahead > self.takeover, self.alarmed + 1, 0)
        return np.where(expert_drives, ahead > self.handback, self.alarmed > self.reaction)


def intervention(gate_for: Callable[[Policy], Gate]) -> Callable:
    """A way for `dagger` to collect: interventions by the gate that `gate_for(policy)` makes in each round."""

    def collect(env, policy, expert, horizon, beta, rng, learners):
        seed = int(rng.integers(2**31))
        return intervention_rollout(env, policy, expert, gate_for(policy), horizon, seed, learners)

    return collect
