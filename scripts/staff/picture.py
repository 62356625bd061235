"""The picture at the top of the README: `python -m scripts.staff.picture` writes writeup/picture.png."""

import sys
from dataclasses import dataclass

import gymnasium as gym
import numpy as np
from PIL import Image

import hw1.envs  # noqa: F401 (registers the environments)
from hw1.exercises import ROOT
from hw1.experts import ForkDriver, LaneExpert
from hw1.rollout import Expert
from scripts.command import ended, read_options

TARGET = ROOT / "writeup/picture.png"


@dataclass(frozen=True)
class Options:
    """There are none: unknown arguments are refused."""


def scene(env_id: str, driver: Expert, steps: int, seed: int) -> np.ndarray:
    """The environment after `steps` steps of a driver, `[height, width, 3]`."""
    env = gym.make_vec(env_id, num_envs=1, render_mode="rgb_array")
    _, info = env.reset(seed=seed)
    for _ in range(steps):
        *_, info = env.step(driver(info["state"]))
    return env.render()


def main(arguments: list[str]) -> int:
    read_options(Options, arguments, "scripts.staff.picture", __doc__)
    return ended(run)


def run() -> None:
    lane = scene("hw1/Lane-v0", LaneExpert(), steps=60, seed=3)
    fork = scene("hw1/Fork-v0", ForkDriver(1.0), steps=21, seed=3)
    Image.fromarray(np.concatenate([lane, np.full((360, 8, 3), 255, np.uint8), fork], axis=1)).save(TARGET)
    print(f"wrote {TARGET.relative_to(ROOT)}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
