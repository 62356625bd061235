"""Watch: a saved policy drives, or two side by side on the same road with the same gusts. One can pause, step and go
back."""

import functools
import json
import queue
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

from hw1.policy import Actor
from hw1.tasks import TASKS
from scripts.drive import scene
from scripts.drive.stage import Stage

SAMPLES = 64  # of a policy's action at one observation, which show its distribution
DAMAGED = (SafetensorError, OSError, KeyError, TypeError, ValueError)  # or something else than a policy
NEWEST = 50  # policies that are offered
LOOK = 0.2  # seconds between looks at what the page asks, while nothing plays


def saved(out: Path) -> dict[str, tuple[Path, dict[str, str]]]:
    """The policies for Lane and Fork that `scripts.train` and Intervene have saved in the folder of results and in
    that of this command, `out`: the path, and what the page is told. The newest come first."""
    paths = [*out.parent.glob("*/policy.safetensors"), *(out / "policies").glob("*.safetensors")]
    found = {}
    for path in sorted(paths, key=lambda path: -path.stat().st_mtime)[:NEWEST]:
        with suppress(*DAMAGED), safe_open(path, framework="numpy") as file:
            about = json.loads((file.metadata() or {})["policy"])
            name = path.parent.relative_to(out.parent).as_posix() if path.stem == "policy" else path.stem
            told = {"name": name, "world": worlds().get(about["obs_dim"], ""), "head": about["config"]["head"]}
            if told["world"] and about["action_dim"] == scene.WORLDS[told["world"]]["actions"]:
                found[name] = (path, told)
    return found


@functools.cache
def worlds() -> dict[int, str]:
    """The worlds by the size of their observations."""
    return {TASKS[name].env(1).single_observation_space.shape[0]: name for name in scene.WORLDS}


def watch(stage: Stage, policies: dict[str, tuple[Path, dict[str, str]]]) -> None:
    """Show the policies that the page has chosen."""
    for name in stage.start["policies"]:
        if name not in policies:
            raise ValueError(f"There is no policy called {name[:80]}; train one with python -m scripts.train.")
        if policies[name][1]["world"] != stage.world:
            raise ValueError(f"{name} drives on {policies[name][1]['world']}; choose that world, or another policy.")
    seed, world = stage.start["seed"] or 0, stage.world
    horizon = TASKS[world].horizon
    paths = [policies[name][0] for name in stage.start["policies"]]
    stage.scene(len(paths), horizon, seed, 0)
    stage.say("watch", length=horizon + 1)
    films = [Film(frames(world, Actor.load(path), seed)) for path in paths]
    play(stage, films, horizon)
    stage.say("ended", episode=0, steps=horizon, may=[])


class Film:
    """The frames of one drive, each of which is computed when it is first seen, and kept: one can go back."""

    def __init__(self, made: Iterator[dict[str, Any]]):
        self.made, self.kept = made, []

    def __getitem__(self, step: int) -> dict[str, Any]:
        while len(self.kept) <= step:
            self.kept.append(next(self.made))
        return self.kept[step]


def frames(world: str, policy: Actor, seed: int) -> Iterator[dict[str, Any]]:
    """What the page is told of the car at each step, and samples of what the policy does there."""
    env = TASKS[world].env(1)
    crowd = Actor(policy.networks)  # samples, where the policy itself may act by its mode
    policy.reset(seed)
    crowd.reset(seed + 1)
    obs, _ = env.reset(seed=seed)
    cost, action = 0.0, np.zeros((1, env.single_action_space.shape[0]))
    while True:
        car = scene.car(env, 0, obs, action, cost)
        action = policy(obs)
        crowd.replan(np.ones(SAMPLES, dtype=bool))
        samples = crowd(np.repeat(obs, SAMPLES, axis=0))[:, 0]
        yield car | {"who": "policy", "distribution": {"steer": np.round(np.clip(samples, -1, 1), 3).tolist()}}
        obs, reward, *_ = env.step(action)
        cost -= float(reward[0]) if world == "lane" else 0.0


def play(stage: Stage, films: list[Film], last: int) -> None:
    """In real time, from where the page wants; the last frame stays until the person leaves."""
    step, clock = 0, stage.clock
    clock.begin()
    while not stage.leaving:
        stage.tick(step, last, [film[step] for film in films], 0.0, {})
        wanted = _sought(stage)
        while wanted is None and not stage.leaving and (clock.paused or step == last):
            wanted = _sought(stage, LOOK)
            clock.begin()
        if wanted is not None:
            step = min(wanted, last)
            continue
        clock.tick(through_pauses=False)  # in a pause, too, the page may want another step
        step += not clock.paused


def _sought(stage: Stage, seconds: float = 0.0) -> int | None:
    """The step that the page wants to see, the last if it asked for several; None if it has not asked."""
    wanted = None
    try:
        while True:
            message = stage.asked.get(timeout=seconds) if seconds and wanted is None else stage.asked.get_nowait()
            if message["do"] == "seek":
                wanted = message["step"]
    except queue.Empty:
        return wanted
