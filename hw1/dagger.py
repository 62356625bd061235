"""Part 4. DAgger: collect corrective behaviour data in the states that the policy itself visits.

Who drives is decided by a gate (`hw1.rollout`, `hw1.gates`); the methods differ in what they keep:

    DAgger        a coin with probability beta decides who drives; every visited state is kept, with the expert's label
    HG-DAgger     a person takes the wheel when something goes wrong; only what the person did is kept
    automatic     an uncertainty alarm instead of the person

Shapes: T time steps, N parallel environments, M samples, O numbers in an observation, S in a state, A in an action,
E members of an ensemble. In the text t and i count the steps of an episode; in exercise 4.3 i counts rounds.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import numpy as np
from gymnasium.vector import VectorEnv
from jaxtyping import Bool, Float

from hw1.demos import Dataset
from hw1.gates import BetaGate
from hw1.rollout import Expert, Gate, Policy, rollout

Collect = Callable[[VectorEnv, Policy, Expert, int, float, np.random.Generator], Dataset]
"""How a round of DAgger gathers data: called with env, policy, expert, horizon, beta and rng."""


def rollout_and_relabel(
    env: VectorEnv, policy: Policy, expert: Expert, horizon: int, beta: float, rng: np.random.Generator
) -> Dataset:
    """Exercise 4.1. Steps 1 and 2 of DAgger: roll out the beta-mixture, label *every* visited state by the expert.

    At every step and in every environment the expert drives with probability `beta`, otherwise the policy; but the
    label is always the expert's action, whoever drove.

    The rules of `hw1.rollout` hold: a policy that has `reset` is reset first, with a seed that rng draws. It is asked
    once at every step, about all environments, even those that it does not drive: it may remember what it has seen. The
    rollout goes on to the horizon, although some episodes end earlier, by a termination or by a truncation. `env` stays
    open.

    The expert may act differently in each environment: ask it about all of them at once, [N, S] or [T, N, S]. What the
    policy returns is its own: change nothing in place. An ordinary environment has no `info["state"]` (the expert then
    reads the observations) and no `learner`.

    Args:
        horizon: time steps T.
        beta: between 0 and 1.
        rng: draws everything that is random: the seed of the rollout, any int below 2**31, and the coins, each
            independent of all others and of the seed. `rng.integers` draws the seed; make it an `int`. For the coins
            hand on rng itself: no copy, no new generator.

    Returns:
        A dataset of up to T x N samples, one episode for each environment (states after its end are left out).
    """
    # TODO 4.1: a rollout (import it from hw1.rollout) with a BetaGate (from hw1.gates); the expert's actions in the
    # states that it visited, which the expert takes as they are, [T, N, S]; Dataset.from_rollout.
    # BEGIN SOLUTION 4.1
    seed = int(rng.integers(2**31))
    steps = rollout(env, policy, horizon, seed, expert=expert, gate=BetaGate(beta, rng))
    return Dataset.from_rollout(steps, expert(steps.state))
    # END SOLUTION


def aggregate(dataset: Dataset, new: Dataset) -> Dataset:
    """Exercise 4.2. Step 3 of DAgger: D <- D union D'.

    All samples of both, the old ones first; neither input is changed. Episode numbers of `new` are shifted so that
    they do not collide with those of `dataset`, which stay. All other values and every dtype stay as they are. Either
    dataset may be empty. D is empty, for example, if nobody demonstrated anything: its arrays then have the length 0,
    and D' is all there is.
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
    """The result of one round of DAgger."""

    dataset: Dataset
    """Everything aggregated so far."""
    policy: Policy
    """The policy fitted to `dataset`."""


def dagger(
    env: VectorEnv,
    expert: Expert,
    fit: Callable[[Dataset], Policy],
    demos: Dataset,
    rounds: int,
    horizon: int,
    rng: np.random.Generator,
    beta: Callable[[int], float] = lambda i: 0.0,
    collect: Collect | None = None,
) -> list[Round]:
    """Exercise 4.3. Dataset aggregation (Ross et al. 2011).

    Round 0 is behaviour cloning: the policy is fitted to `demos`. Each of the following `rounds` collects with the
    newest policy, aggregates into everything collected before, and fits anew, even if nothing new was collected. `env`
    stays open.

    Args:
        fit: maps a dataset to a policy; given, called as fit(dataset). It may return the same policy each time.
        beta: the expert's share in round i = 1, 2, ...; there is none for round 0.
        collect: how a round gathers data, called as collect(env, policy, expert, horizon, beta(i), rng), without
            keywords; `rollout_and_relabel` if None. With `intervention` it is HG-DAgger.

    Returns:
        `rounds + 1` Rounds, the last policy last. Never pick the best one by its evaluation: that choice would profit
        from the noise of the evaluation.
    """
    collect = collect or rollout_and_relabel
    # TODO 4.3: fit to the demonstrations, then the loop: collect, aggregate, fit.
    # BEGIN SOLUTION 4.3
    history = [Round(demos, fit(demos))]
    for i in range(1, rounds + 1):
        last = history[-1]
        new = collect(env, last.policy, expert, horizon, beta(i), rng)
        dataset = aggregate(last.dataset, new)
        history.append(Round(dataset, fit(dataset)))
    return history
    # END SOLUTION


def intervention_rollout(
    env: VectorEnv, policy: Policy, expert: Expert, gate: Gate, horizon: int, seed: int = 0
) -> Dataset:
    """Exercise 4.4. HG-DAgger (Kelly et al. 2019): the expert takes over when the gate decides so.

    Only states in which the expert had control are kept, with the action that the expert took: the lecture's
    D <- D union {(s_i, a*_i)}, i >= t, from the step t at which the expert takes the wheel on, while the expert has it:
    an intervention in the steps 3 to 5 gives three samples. The dataset is empty if the expert never intervened. Each
    intervention is an episode of its own: a gap begins a new one.

    The rules of `hw1.rollout` hold: `seed` resets the environment, and the policy and the gate if they have `reset`. At
    every step the policy and the gate are asked once, about all environments. Before the first step the expert did not
    drive anywhere. The rollout goes on to the horizon, although some episodes end earlier. What exercise 4.1 says about
    how episodes end, about `env` and about the expert is true here, too. What the policy and the gate return is their
    own: change nothing in place.
    """
    # TODO 4.4: a gated rollout; keep what the expert drove.
    # BEGIN SOLUTION 4.4
    steps = rollout(env, policy, horizon, seed, expert=expert, gate=gate)
    return Dataset.from_rollout(steps, steps.action, keep=steps.expert_drove)
    # END SOLUTION


def intervention(gate_for: Callable[[Policy], Gate]) -> Collect:
    """Given: a `collect` for `dagger` that intervenes. `gate_for(policy)` makes the gate of each round."""

    def collect(env, policy, expert, horizon, beta, rng):
        return intervention_rollout(env, policy, expert, gate_for(policy), horizon, seed=int(rng.integers(2**31)))

    return collect


# --- extra credit ----------------------------------------------------------------------------------------------------
class UncertaintyGate:
    """Exercise E.4 (extra credit). The lecture's question: can the need to intervene be detected automatically?

    Calls the expert where the members of an ensemble disagree: they agree where they have seen data. (EnsembleDAgger,
    Menda et al. 2019, combines this rule with a bound on the error itself.)
    """

    def __init__(self, ensemble: Sequence[Policy], threshold: float | Float[np.ndarray, " N"]):
        """`ensemble`: E policies, observations `[N, O]` -> actions `[N, A]`. `threshold`: one number, or `[N]`, one for
        each environment.
        """
        self.ensemble, self.threshold = ensemble, threshold

    def reset(self, seed: int) -> None:
        for member in self.ensemble:
            if hasattr(member, "reset"):
                member.reset(seed)

    def doubt(self, obs: Float[np.ndarray, "N O"]) -> Float[np.ndarray, " N"]:
        """Standard deviation of the members' actions, the largest over the action dimensions.

        Each member is asked once, about all N observations: it may remember them for the next step. What it returns is
        its own, and `obs` is what the policy sees next: change nothing in place.
        """
        # TODO E.4: ask every member, take the standard deviation over members (the population's: divide by E), then
        # the maximum.
        # BEGIN SOLUTION E.4
        actions = np.stack([member(obs) for member in self.ensemble])  # (E, N, A)
        return actions.std(axis=0).max(axis=-1)
        # END SOLUTION

    def __call__(
        self, obs: Float[np.ndarray, "N O"], state: Float[np.ndarray, "N S"], expert_drives: Bool[np.ndarray, " N"]
    ) -> Bool[np.ndarray, " N"]:
        # TODO E.4: True where doubt exceeds the threshold, whoever drives now. Ask the members even if you know the
        # answer: they must see every step.
        # BEGIN SOLUTION E.4
        return self.doubt(obs) > self.threshold
        # END SOLUTION


def uncertainty_gate(ensemble: Sequence[Policy], threshold: float | Float[np.ndarray, " N"]) -> UncertaintyGate:
    """Given: makes the gate of exercise E.4, which calls the expert where `ensemble` doubts more than `threshold`."""
    return UncertaintyGate(ensemble, threshold)
