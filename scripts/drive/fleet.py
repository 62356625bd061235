"""Fleet: three cars and one person, who is called where the policies doubt. (ThriftyDAgger, Hoque et al. 2021.)"""

import numpy as np

from hw1.rollout import rollout
from scripts.drive.intervene import doubt_of, threshold_of
from scripts.drive.stage import Stage

CARS = 3
RATE = 0.02  # calls per step and car of a gate that calls at random, as long as the gate that doubts has not driven


def fleet(stage: Stage) -> None:
    """One drive of the fleet with the gate that was chosen; the table shows it beside those before."""
    policy, _ = stage.desk.clone(stage.progress(0))
    stage.goes_on()
    horizon, seed = stage.start["horizon"], int(stage.session[:8], 16) % 2**31
    calls = Calls(stage, policy.members(), threshold_of(policy), seed)
    with stage.episode(CARS, horizon, seed, 0, calls.about) as env:
        steps = rollout(env, policy, horizon, seed, expert=stage.person, gate=calls)
    cost = 100 * float(steps.cost[steps.running].mean())
    stage.memory.fleet[stage.start["gate"]] = calls.row(cost)
    stage.say("ended", episode=0, steps=len(steps.obs), cost=round(cost, 2), may=[])
    stage.say("fleet", rows=list(stage.memory.fleet.values()))


class Calls:
    """A gate: the person drives the car that they have turned to. Calls them to the others, and measures the wait."""

    def __init__(self, stage: Stage, members: list, threshold: float, seed: int):
        self.person, self.members, self.threshold = stage.person, members, threshold
        self.clock = stage.clock
        self.gate = stage.start["gate"]
        self.rng = np.random.default_rng([seed, 3])
        self.rate = stage.memory.fleet.get("doubt", {}).get("rate", RATE)
        self.since = np.full(CARS, np.nan)  # when the call began, where one waits
        self.doubt = np.zeros(CARS)
        self.waits: list[float] = []
        self.calls = self.switches = self.steps = 0
        self.last: int | None = None

    def __call__(self, obs: np.ndarray, state: np.ndarray, expert_drives: np.ndarray) -> np.ndarray:
        now = self.clock.now()
        self.steps += 1
        self.doubt = doubt_of(self.members, obs)
        drives = self.person.gate(CARS)
        self._begin_calls(now, drives)
        for i in np.flatnonzero(drives & ~np.isnan(self.since)):
            self.waits.append(now - self.since[i])
            self.since[i] = np.nan
        if drives.any():
            driven = int(np.argmax(drives))
            self.switches += self.last not in (None, driven)
            self.last = driven
        return drives

    def _begin_calls(self, now: float, drives: np.ndarray) -> None:
        coin = self.rng.random(CARS) < self.rate
        wanted = {"doubt": self.doubt > self.threshold, "random": coin, "never": np.zeros(CARS, dtype=bool)}[self.gate]
        new = wanted & ~drives & np.isnan(self.since)
        self.since[new] = now
        self.calls += int(new.sum())

    def about(self, i: int, obs: np.ndarray) -> dict:
        waiting = 0.0 if np.isnan(self.since[i]) else self.clock.now() - self.since[i]
        shown = {"doubt": round(float(self.doubt[i]), 4), "threshold": round(self.threshold, 4)}
        mine = self.person.driving and self.person.car == i
        return {"who": "person" if mine else "policy", "waiting": round(waiting, 1)} | (
            shown if self.gate == "doubt" else {}
        )

    def row(self, cost: float) -> dict:
        """Calls that nobody answered wait until the end."""
        open_calls = self.clock.now() - self.since[~np.isnan(self.since)]
        waiting = float(np.mean([*self.waits, *open_calls])) if self.calls else 0.0
        rate = self.calls / max(self.steps * CARS, 1)
        about = {"gate": self.gate, "switches": self.switches, "waiting": round(waiting, 2)}
        return about | {"cost": round(cost, 2), "calls": self.calls, "rate": round(rate, 4)}
