"""Intervene: HG-DAgger with a person. The policy drives, the person takes the wheel and hands it back, and what the
person drove is aggregated. The loop is `hw1.dagger`, the student's own."""

import numpy as np

from hw1.dagger import dagger, intervention_rollout, uncertainty_gate
from hw1.demos import Dataset, collect
from hw1.experts import LaneExpert
from hw1.policy import Actor
from hw1.tasks import TASKS
from scripts.drive.demonstrate import together
from scripts.drive.stage import Stage, scripted
from scripts.drive.watch import saved

QUANTILE = 0.95  # of the doubt while the expert drives: more doubt than that is a warning
HELD_OUT_SEED = 1_100_000


def intervene(stage: Stage) -> None:
    """Round 0 clones the demonstrations; in each following round the policy drives, with the person beside it."""
    start, rounds = stage.start, Rounds(stage)
    seed = int(np.random.SeedSequence([int(stage.session[:8], 16)]).generate_state(1)[0] >> 1)
    env = TASKS["lane"].env(1)
    dagger(
        env,
        stage.person,
        rounds.fit,
        demonstrations(stage),
        start["rounds"],
        start["horizon"],
        np.random.default_rng(seed),
        collect=rounds.collect,
    )
    stage.say("finished")


def demonstrations(stage: Stage) -> Dataset:
    """The person's own, in whatever way they were made, or the scripted ones. Raises ValueError if there are none."""
    if stage.start["demonstrations"] == "scripted":
        return scripted()
    own = [steps for (world, _), kept in stage.memory.kept.items() if world == "lane" for steps in kept]
    if not own:
        raise ValueError("There are no demonstrations of yours in this session; demonstrate first, or choose scripted.")
    steps = together(own)
    return Dataset.from_rollout(steps, steps.action)


class Rounds:
    """The rounds of DAgger, told to the page."""

    def __init__(self, stage: Stage):
        self.stage = stage
        self.rows: list[dict] = []
        self.interventions, self.autonomous = 0, 1.0

    def fit(self, data: Dataset) -> Actor:
        """`fit` of `dagger`: an ensemble, trained in another process."""
        stage, number = self.stage, len(self.rows)
        policy, cost = stage.desk.trainer.fit(data, number, stage.progress(number))
        stage.goes_on()
        policy.save(stage.desk.policies / f"lane-{stage.session[:6]}-round-{number}.safetensors")
        about = {"interventions": self.interventions, "labels": len(data), "autonomous": round(self.autonomous, 3)}
        self.rows.append({"round": number, "cost": round(cost, 2)} | about)
        stage.say("rounds", rows=self.rows)
        stage.say("policies", policies=[about for _, about in saved(stage.desk.out).values()])
        return policy

    def collect(self, env, policy: Actor, expert, horizon: int, beta: float, rng: np.random.Generator) -> Dataset:
        """`collect` of `dagger`: a round at the wheel, when the person is ready."""
        stage, seed = self.stage, int(rng.integers(2**31))
        stage.wait("next")
        hands = Hands(stage, policy)
        with stage.episode(1, horizon, seed, len(self.rows), hands.about) as paced:
            new = intervention_rollout(paced, policy, expert, hands, horizon, seed)
        self.interventions, self.autonomous = hands.taken, 1.0 - hands.driven / max(hands.steps, 1)
        stage.say("ended", episode=len(self.rows), steps=hands.steps, may=[])
        return new


class Hands:
    """A gate: the person's hands on the wheel. Shows the ensemble's doubt, if the person wants to be warned."""

    def __init__(self, stage: Stage, policy: Actor):
        self.person, self.warns = stage.person, stage.start["alarm"]
        self.members = policy.members()
        self.threshold = threshold_of(policy) if self.warns else np.inf
        self.doubt = np.zeros(1)
        self.steps = self.driven = self.taken = 0

    def __call__(self, obs: np.ndarray, state: np.ndarray, expert_drives: np.ndarray) -> np.ndarray:
        if self.warns:
            self.doubt = doubt_of(self.members, obs)
        drives = self.person.gate(len(obs))
        self.steps += 1
        self.driven += int(drives[0])
        self.taken += int(drives[0] and not expert_drives[0])
        return drives

    def about(self, i: int, obs: np.ndarray) -> dict:
        told = {"who": "person" if self.person.driving else "policy"}
        if self.warns:
            told |= {"doubt": round(float(self.doubt[i]), 4), "threshold": round(float(self.threshold), 4)}
        return told


def doubt_of(members: list[Actor], obs: np.ndarray) -> np.ndarray:
    """The doubt `[N]` of an ensemble: exercise E.4."""
    return np.asarray(uncertainty_gate(members, np.inf).doubt(obs))


def threshold_of(policy: Actor) -> float:
    """Doubt that is rare while the expert drives."""
    task = TASKS["lane"]
    data = collect(task.env(2), LaneExpert(), task.horizon, HELD_OUT_SEED)
    return float(np.quantile(doubt_of(policy.members(), data.obs), QUANTILE))
