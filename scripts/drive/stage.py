"""What every activity stands on: one world in real time, the person, what is told to the page, what the page asks."""

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium.vector import VectorEnv

from hw1.demos import Dataset, collect
from hw1.experts import LaneExpert
from hw1.policy import Actor
from hw1.rollout import Rollout
from hw1.tasks import TASKS
from scripts.drive import scene
from scripts.drive.paced import Clock, PacedEnv, Person, Stopped
from scripts.drive.trainer import Trainer

SCRIPTED = 1  # demonstration of the scripted expert; its clone leaves the lane often enough for a person to help
SCRIPTED_SEED = 1_000_000


@dataclass
class Desk:
    """What all sessions of a server share."""

    out: Path
    """The folder for datasets and policies."""
    trainer: Trainer
    lock: threading.Lock = field(default_factory=threading.Lock)
    """Of the names."""
    cloning: threading.Lock = field(default_factory=threading.Lock)
    """Of `first`: training takes long."""
    names: set[str] = field(default_factory=set)
    """Of the datasets that sessions write."""
    first: tuple[Actor, float] | None = None
    """The ensemble cloned from what the scripted expert demonstrates, and its cost."""

    @property
    def datasets(self) -> Path:
        return self.out / "datasets"

    @property
    def policies(self) -> Path:
        return self.out / "policies"

    def clone(self, progress: Callable[[int, int], None]) -> tuple[Actor, float]:
        """What `first` holds; trained if nobody has asked for it yet."""
        with self.cloning:
            if self.first is None:
                self.first = self.trainer.fit(scripted(), 0, progress)
            return self.first


def scripted() -> Dataset:
    """What Lane's scripted expert demonstrates."""
    return collect(TASKS["lane"].env(SCRIPTED), LaneExpert(), TASKS["lane"].horizon, SCRIPTED_SEED)


@dataclass
class Memory:
    """What a session remembers from one activity to the next."""

    kept: dict[tuple[str, str], list[Rollout]] = field(default_factory=dict)
    """The episodes of each world and way to demonstrate."""
    names: dict[tuple[str, str], str] = field(default_factory=dict)
    """Their datasets."""
    driven: list[dict[str, Any]] = field(default_factory=list)
    """What was measured in each episode that was kept."""
    fleet: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What was measured with each gate of a fleet."""


class Stage:
    """One activity of one session. The session calls it from the server's thread; the activity runs in its own."""

    def __init__(self, start: dict[str, Any], say: Callable[..., None], desk: Desk, memory: Memory, session: str):
        self.start, self.say, self.desk, self.memory, self.session = start, say, desk, memory, session
        self.world: str = start["world"]
        self.person = Person(self.world)
        self.clock = Clock(scene.WORLDS[self.world]["dt"])
        self.asked: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self.leaving = False
        self.driving = False
        """Whether an episode runs."""

    # --- from the session ---
    def ask(self, message: dict[str, Any]) -> None:
        """What the page wants, if the activity waits for it."""
        if message["do"] == "stop":
            if self.driving:
                self.clock.change(stopped=True, paused=False)
                return
            self.leaving = True
        self.asked.put(message)

    def leave(self) -> None:
        """End the activity as soon as possible."""
        self.leaving = True
        self.clock.change(stopped=True, paused=False)
        self.asked.put({"do": "stop"})

    # --- for the activity ---
    def wait(self, *what: str) -> dict[str, Any]:
        """The next thing that the page asks, of those that are possible now. Raises Stopped if the person leaves, but
        not before everything is done that they asked earlier."""
        while (message := self.asked.get())["do"] != "stop":
            if message["do"] in what:
                return message
        raise Stopped

    def goes_on(self) -> None:
        """Raises Stopped if the person has left."""
        if self.leaving:
            raise Stopped

    @contextmanager
    def episode(
        self, cars: int, horizon: int, seed: int, number: int, about: Callable[[int, np.ndarray], dict]
    ) -> Iterator:
        """A new world for one rollout, whose steps are told to the page.

        Args:
            about: what to say of car i besides, at the observations `[N, O]`: who drives, doubt and so on.
        """
        self.goes_on()
        self.person.release()
        told = Told(self, cars, horizon, about)
        told.env = TASKS[self.world].env(cars)
        self.scene(cars, horizon, seed, number)
        self.driving = True
        try:
            yield PacedEnv(told.env, self.clock, told)
        finally:
            self.driving = False
            told.env.close()
        self.goes_on()

    def scene(self, cars: int, horizon: int, seed: int, number: int) -> None:
        """Tells the page what comes now."""
        about = {"mode": self.start["mode"], "world": self.world, "dt": self.clock.seconds}
        self.say("scene", **about, cars=cars, horizon=horizon, seed=seed, episode=number)

    def tick(self, step: int, horizon: int, cars: list[dict[str, Any]], late: float, score: dict[str, float]) -> None:
        """Tells the page where all cars are, with the first one's road. `late`: seconds."""
        left = round((horizon - step) * self.clock.seconds, 1)
        around = {"road": cars[0]["road"], "trees": cars[0].get("trees", [])}
        self.say("tick", step=step, cars=cars, time_left=left, late=round(1000 * late, 2), score=score, **around)

    def progress(self, round: int) -> Callable[[int, int], None]:
        """Tells the page how far a training is. It raises Stopped if the person has left."""

        def tell(step: int, steps: int) -> None:
            self.goes_on()
            self.say("training", round=round, step=step, steps=steps)

        return tell


class Told:
    """Tells the page about every step of an episode."""

    env: VectorEnv

    def __init__(self, stage: Stage, cars: int, horizon: int, about: Callable[[int, np.ndarray], dict]):
        self.stage, self.horizon, self.about = stage, horizon, about
        self.step = -1  # the reset is told, too
        self.reward = np.zeros(cars)

    def __call__(self, obs: np.ndarray, action: np.ndarray, reward: np.ndarray, late: float) -> None:
        self.step += 1
        self.reward += reward
        cars = [self._car(i, obs, action) for i in range(len(obs))]
        self.stage.tick(self.step, self.horizon, cars, late, self._score())

    def _car(self, i: int, obs: np.ndarray, action: np.ndarray) -> dict[str, Any]:
        cost = float(0.0 - self.reward[i]) if self.stage.world == "lane" else 0.0
        return scene.car(self.env, i, obs, action, cost) | self.about(i, obs)

    def _score(self) -> dict[str, float]:
        if self.stage.world == "fork":
            return {"trees passed": float(self.reward[0])}
        return {"on road": round(1.0 + float(self.reward.mean()) / max(self.step, 1), 3)}


def measured(steps: Rollout, world: str, seconds: float) -> dict[str, Any]:
    """An episode of one car in numbers: steps, cost for each 100, distance to the centre in metres, and smoothness:
    how much the command changes in a second."""
    running = steps.running[:, 0]
    states, steer = steps.state[running, 0], steps.action[running, 0, 0]
    cost = 0.0 - steps.reward[running, 0].sum() if world == "lane" else float(steps.terminated[0])
    changes = np.abs(np.diff(steer)).mean() if len(steer) > 1 else 0.0
    return {
        "steps": int(running.sum()),
        "cost": float(cost),
        "mean_abs_e": round(float(np.abs(states[:, 0]).mean()), 3),
        "smoothness": round(float(changes) / scene.WORLDS[world]["dt"], 3),
        "seconds": round(seconds, 1),
    }
