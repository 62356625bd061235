"""The picture and the clip of the page on which one drives: `python -m scripts.staff.drive_picture`.

Writes writeup/drive.png and writeup/drive.webp. Two policies are watched: a clone, and what DAgger makes of it.
Needs Chromium.
"""

import io
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from hw1.dagger import dagger
from hw1.demos import Dataset
from hw1.exercises import ROOT
from hw1.experts import LaneExpert
from hw1.policy import Actor
from hw1.tasks import TASKS
from scripts.command import ended, read_options
from scripts.drive.stage import scripted
from scripts.drive.trainer import Trainer
from scripts.staff.bench.drive import serving

CHROMIUM = "/usr/bin/chromium"
SIZE = {"width": 1000, "height": 640}
STEPS, ROUNDS, SEED = 1000, 4, 3
ROAD = 10  # the seed of the road, on which the clone leaves the lane after BEGIN
FRAMES, SECONDS = 24, 0.25  # of the clip, and between two of its frames
OFF = 10  # the frame that is the picture: the clone has left the lane
BEGIN = 110  # the step at which the clip begins


@dataclass(frozen=True)
class Options:
    """There are none: unknown arguments are refused."""


def main(arguments: list[str]) -> int:
    read_options(Options, arguments, "scripts.staff.drive_picture", __doc__)
    return ended(run)


def run() -> None:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "drive"
        train(out / "policies")
        with serving(out) as (_, address):
            frames = record(address)
    frames[OFF].save(ROOT / "writeup/drive.png", optimize=True)
    small = [frame.resize((SIZE["width"] * 3 // 4, SIZE["height"] * 3 // 4)) for frame in frames]
    milliseconds = int(1000 * SECONDS)
    small[0].save(
        ROOT / "writeup/drive.webp", save_all=True, append_images=small[1:], duration=milliseconds, loop=0, quality=55
    )


def train(folder: Path) -> None:
    """Two policies: the clone of a few demonstrations, and what DAgger makes of it."""
    trainer = Trainer(STEPS)

    def fit(data: Dataset) -> Actor:
        return trainer.fit(data, SEED, lambda step, steps: None)[0]

    try:
        env, rng = TASKS["lane"].env(4), np.random.default_rng(SEED)
        rounds = dagger(env, LaneExpert(), fit, scripted(), ROUNDS, TASKS["lane"].horizon, rng)
    finally:
        trainer.close()
    rounds[0].policy.save(folder / "clone.safetensors")
    rounds[-1].policy.save(folder / "DAgger.safetensors")


def record(address: str) -> list[Image.Image]:
    """What the page shows while the two policies drive side by side."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport=SIZE, bypass_csp=True)  # to wait for a step
        page.goto(address)
        page.wait_for_selector('#connection[data-link="open"]')
        page.click('nav [data-mode="watch"]')
        page.select_option('[name="world"]', "lane")
        page.select_option('[name="first"]', "clone")
        page.select_option('[name="second"]', "DAgger")
        page.fill('[name="seed"]', str(ROAD))
        page.click('[data-do="start"]')
        page.wait_for_function(f"window.drive.telemetry?.step >= {BEGIN}", timeout=60_000)
        frames = [shot(page) for _ in range(FRAMES)]
        browser.close()
    return frames


def shot(page: Page) -> Image.Image:
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    page.wait_for_timeout(1000 * SECONDS)
    return picture


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
