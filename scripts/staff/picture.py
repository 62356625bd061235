"""The pictures of README and handout, which tell the story on one page: `python -m scripts.staff.picture`.

Writes to writeup/: picture.png, the two tasks; and, from the results of `make demo`, small versions of two figures and
of the clip, and writeup/expected/, the reference figures of the handout (`make writeup` takes them in).
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import gymnasium as gym
import numpy as np
from PIL import Image, ImageSequence

import hw1.envs  # noqa: F401 (registers the environments)
from hw1.exercises import ROOT
from hw1.experts import ForkDriver, LaneExpert
from hw1.rollout import Expert
from scripts.command import UserError, ended, read_json, read_options, require_folder

TARGET = ROOT / "writeup/picture.png"
STORY = {"lane_disagreement": "compounding.png", "fork_success": "modes.png"}
"""Figures of the demo, and the names of their small versions in writeup/: errors compound; averages fail."""
EXPECTED = (
    "bimodal",
    "fork_success",
    "fork_trajectories",
    "tightrope",
    "lane_disagreement",
    "lane_labels",
    "lane_interventions",
    "lane_roc",
)
"""Figures of the demo that students hand in, and compare with those in writeup/expected."""
CLIP = ("clip_lane", "clip.webp")
WIDTH = 640  # pixels of the small versions


@dataclass(frozen=True)
class Options:
    """Where the results are."""

    demo: Path = Path("out")
    """Folder of the demo's results."""


def scene(env_id: str, driver: Expert, steps: int, seed: int) -> np.ndarray:
    """The environment after `steps` steps of a driver, `[height, width, 3]`."""
    env = gym.make_vec(env_id, num_envs=1, render_mode="rgb_array")
    _, info = env.reset(seed=seed)
    for _ in range(steps):
        *_, info = env.step(driver(info["state"]))
    return env.render()


def main(arguments: list[str]) -> int:
    options = read_options(Options, arguments, "scripts.staff.picture", __doc__)
    return ended(lambda: run(options))


def run(options: Options) -> None:
    require_folder("--demo", options.demo)
    figures = options.demo / "figures"
    made = {target: figures / f"{name}.png" for name, target in STORY.items()}
    made |= {CLIP[1]: figures / f"{CLIP[0]}.webp"}
    made |= {f"expected/{name}.png": figures / f"{name}.png" for name in EXPECTED}
    tasks()  # needs no demo
    if missing := [path for path in (options.demo / "claims.json", *made.values()) if not path.exists()]:
        raise UserError(f"{missing[0]} is missing; run the demo first: make demo")
    if any(row["quick"] for row in read_json(options.demo / "claims.json", "make it again: make demo")):
        raise UserError(f"{options.demo} has the results of a coarse run; run the demo first: make demo")
    for target, source in made.items():
        (small_clip if source.suffix == ".webp" else small_figure)(source, TARGET.parent / target)


def tasks() -> None:
    """Lane and Fork, side by side."""
    lane = scene("hw1/Lane-v0", LaneExpert(), steps=60, seed=3)
    fork = scene("hw1/Fork-v0", ForkDriver(1.0), steps=21, seed=3)
    Image.fromarray(np.concatenate([lane, np.full((360, 8, 3), 255, np.uint8), fork], axis=1)).save(TARGET)
    told(TARGET)


def small_figure(source: Path, target: Path) -> None:
    with Image.open(source) as picture:
        reduced = small(picture).quantize(256, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    reduced.save(target, optimize=True)  # with the default method, thin lines of two colours became one
    told(target)


def small_clip(source: Path, target: Path) -> None:
    with Image.open(source) as clip:
        clip.load()
        wait = clip.info["duration"]
        first, *others = map(small, ImageSequence.all_frames(clip))
    first.save(target, save_all=True, append_images=others, duration=wait, loop=0, quality=40)
    told(target)


def small(picture: Image.Image) -> Image.Image:
    height = round(picture.height * WIDTH / picture.width)
    return picture.convert("RGB").resize((WIDTH, height), Image.Resampling.LANCZOS)


def told(path: Path) -> None:
    print(f"wrote {path.relative_to(ROOT)}, {path.stat().st_size / 1024:.0f} KiB")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
