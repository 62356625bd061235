"""Demonstrate: the person drives, and keeps what is worth to be cloned."""

import itertools
import secrets
from dataclasses import replace

import numpy as np

from hw1.demos import record, save
from hw1.rollout import Rollout
from hw1.storage import check_name
from hw1.tasks import TASKS
from scripts.drive import report
from scripts.drive.messages import MAX_SEED
from scripts.drive.stage import Stage, measured


def demonstrate(stage: Stage) -> None:
    """Episode after episode: drive, keep or discard, next. The last kept one can be taken back."""
    start = stage.start
    seed = secrets.randbelow(MAX_SEED // 2) if start["seed"] is None else start["seed"]
    kept = Kept(stage)
    for number in itertools.count():
        steps, seconds = _drive(stage, seed + number, number)
        about = measured(steps, stage.world, seconds)
        stage.say("ended", episode=number, **about, may=["keep", "discard"])
        decided = False
        while (do := stage.wait("keep", "discard", "undo", "next")["do"]) != "next":
            if do == "undo":
                kept.undo()
            elif not decided:
                decided = True
                if do == "keep":
                    kept.add(steps, about, seed + number)


def _drive(stage: Stage, seed: int, number: int) -> tuple[Rollout, float]:
    """One episode, and how many seconds it took without pauses."""
    horizon = TASKS[stage.world].horizon
    begin = stage.clock.now()
    with stage.episode(1, horizon, seed, number, lambda i, obs: {"who": "person"}) as env:
        steps = record(env, stage.person, horizon, seed)
    return steps, stage.clock.now() - begin


class Kept:
    """The episodes that the person has kept in one world and in one way to demonstrate: always a complete dataset."""

    def __init__(self, stage: Stage):
        self.stage = stage
        self.key = (stage.world, stage.start["way"])
        self.rollouts = stage.memory.kept.setdefault(self.key, [])

    def add(self, steps: Rollout, about: dict, seed: int) -> None:
        self.rollouts.append(steps)
        try:
            self._save(seed)
        except BaseException:
            self.rollouts.pop()  # what is not on the disk is not kept
            raise
        row = {"world": self.key[0], "way": self.key[1], "latency": self.stage.start["latency"]}
        self.stage.memory.driven.append(row | about)
        self._tell()

    def undo(self) -> None:
        """Take back the last one. With none left, the dataset stays as it was: it is complete or absent."""
        if not self.rollouts:
            return
        if len(self.rollouts) == 1:
            text = "The only episode of a dataset cannot be taken back; keep another one first."
            return self.stage.say("error", text=text)
        last = self.rollouts.pop()
        try:
            self._save(0)
        except BaseException:
            self.rollouts.append(last)  # as on the disk
            raise
        self._forget()
        self._tell()

    def _forget(self) -> None:
        own = [row for row in self.stage.memory.driven if (row["world"], row["way"]) == self.key]
        self.stage.memory.driven.remove(own[-1])

    def _save(self, seed: int) -> None:
        root = self.stage.desk.datasets
        root.mkdir(parents=True, exist_ok=True)
        env = TASKS[self.stage.world].env(1)
        save(together(self.rollouts), self._name(), root, seed=seed, env=env)

    def _name(self) -> str:
        """A name that no dataset has: other people, and earlier days, keep theirs."""
        desk, names = self.stage.desk, self.stage.memory.names
        with desk.lock:
            for version in itertools.count() if self.key not in names else ():
                name = f"drive/{'-'.join(self.key)}-v{version}"
                if name not in desk.names and not check_name(name, desk.datasets).exists():
                    desk.names.add(name)
                    names[self.key] = name
                    break
        return names[self.key]

    def _tell(self) -> None:
        stage, name = self.stage, self.stage.memory.names[self.key]
        train = f"python -m scripts.train --task {stage.world} --dataset {name} --datasets {stage.desk.datasets}"
        steps = sum(int(each.running.sum()) for each in self.rollouts)
        episodes = len(self.rollouts)
        stage.say("saved", dataset=name, root=str(stage.desk.datasets), episodes=episodes, steps=steps, train=train)
        driven = stage.memory.driven  # their number makes it another address: the page shows the newest picture
        figure = f"report.png?session={stage.session}&episodes={len(driven)}"
        stage.say("report", rows=report.rows(driven), figure=figure)


def together(rollouts: list[Rollout]) -> Rollout:
    """Rollouts of one car each, with the same horizon, as one of several cars."""
    columns = ("obs", "state", "action", "reward", "running", "expert_drove")
    joined = {name: np.concatenate([getattr(each, name) for each in rollouts], axis=1) for name in columns}
    for name in ("final_obs", "terminated", "learner"):
        joined[name] = np.concatenate([getattr(each, name) for each in rollouts])
    return replace(rollouts[0], info={}, **joined)
