"""What the tests of `scripts.drive`'s page share: a server, a browser, and a driver who sees only the page."""

import contextlib
import functools
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import gymnasium as gym
import numpy as np
from playwright.sync_api import Page

from hw1.dagger import aggregate
from hw1.exercises import ROOT
from hw1.storage import load, save
from scripts.staff.bench.drive import serving
from scripts.train import main as train
from tests.staff.drive_law import law

SIZES = {
    "desktop": {"viewport": {"width": 1280, "height": 720}},
    "dark": {"viewport": {"width": 1280, "height": 720}, "color_scheme": "dark", "reduced_motion": "reduce"},
    "small": {"viewport": {"width": 640, "height": 480}},  # less to paint, where pictures do not matter
    "phone": {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True},
}
MODES = ("demonstrate", "intervene", "fleet", "watch")


@contextlib.contextmanager
def served(out: Path, steps: int = 100) -> Iterator[str]:
    """The server, which keeps its files in `out`, until the end of the block; yields the address of its page."""
    with serving(out, "--steps", str(steps)) as (_, address):
        yield address


def connected(page: Page, url: str) -> Page:
    page.goto(url)
    page.wait_for_selector('#connection[data-link="open"]')
    return page


def begin(page: Page, mode: str, world: str = "lane", **settings) -> None:
    """Choose a mode, its settings and Start; wait until the car moves."""
    page.click(f'nav [data-mode="{mode}"]')
    settings = {"demonstrations": "scripted"} | settings if mode == "intervene" else settings
    page.select_option('[name="world"]', world)
    for name, value in settings.items():
        if name in ("latency", "horizon", "seed", "rounds"):
            page.fill(f'[name="{name}"]', str(value))
        else:
            page.select_option(f'[name="{name}"]', value)
    page.click('[data-do="start"]')
    if mode == "intervene":  # the first policy learns before the first round
        phase(page, "between")
        page.keyboard.press("n")
    moving(page)


def moving(page: Page, step: int = 2) -> None:
    script = f"window.drive.phase === 'running' && window.drive.telemetry?.step >= {step}"
    page.wait_for_function(script, timeout=60_000)


def phase(page: Page, name: str, timeout: float = 90_000) -> None:
    page.wait_for_function(f"window.drive.phase === '{name}'", timeout=timeout)


@dataclass
class Driver:
    """Steers with the arrow keys by what the page's telemetry says of the car, as a person would by what they see."""

    page: Page
    deadband: float = 0.06  # of steering: less is not worth a key
    held: set[str] = field(default_factory=set)
    seen: dict = field(default_factory=dict)

    @staticmethod
    def all(drivers: list["Driver"]) -> None:
        """Several people, each with a page and an episode of their own, until the last has finished."""
        while any([driver.turn() for driver in drivers]):
            time.sleep(0.01)

    def look(self) -> dict:
        return self.page.evaluate("""() => {
            const { telemetry, phase } = window.drive;
            if (!telemetry) return { phase };
            const [car] = telemetry.cars, road = car.road ?? telemetry.road;
            const at = (s) => road.heading[Math.min(Math.round((s - road.s0) / road.ds), road.x.length - 1)];
            const { e, psi, steer, who, cost } = car;
            return { phase, step: telemetry.step, e, psi, steer, who, cost, bend: (at(car.s + 5) - at(car.s + 1)) / 4 };
        }""")

    def wanted(self, seen: dict) -> float:
        """Steering that follows the bend and returns to the centre."""
        return law(seen["bend"], seen["e"], seen["psi"], back=0.2)

    def turn(self) -> bool:
        """Look once and press or let go of keys; False if the episode is over."""
        now = self.look()
        self.seen = {**self.seen, **now}
        going = now["phase"] in ("running", "starting")
        self.steer(now if going and "e" in now else None)
        return going

    def steer(self, seen: dict | None) -> None:
        """By what is seen of the running episode, if there is one."""
        self.press(self.wanted(seen) - seen["steer"] if seen else 0.0)

    def press(self, error: float) -> None:
        wanted = {"ArrowLeft"} if error > self.deadband else {"ArrowRight"} if error < -self.deadband else set()
        for key in self.held - wanted:
            self.page.keyboard.up(key)
        for key in wanted - self.held:
            self.page.keyboard.down(key)
        self.held = wanted


@dataclass
class Beside(Driver):
    """Sits beside the policy: takes the wheel where it drifts, and hands it back in the middle of the lane."""

    far: float = 0.8  # metres from the centre
    near: float = 0.2

    def steer(self, seen: dict | None) -> None:
        mine = seen is not None and seen["who"] == "person"
        if mine and abs(seen["e"]) < self.near and abs(seen["psi"]) < 0.1:
            self.press(0.0)
            self.page.keyboard.press("h")
        elif mine or (seen and abs(seen["e"]) > self.far):
            super().steer(seen)
        else:
            self.press(0.0)


def tapped(page, latency) -> np.ndarray:
    """Milliseconds from key to changed frame, for 60 presses and releases."""
    page.evaluate("window.driveTiming.length = 0")
    for i in range(30):
        key = ("ArrowLeft", "ArrowRight")[i % 2]
        page.keyboard.down(key)
        time.sleep(0.07)
        page.keyboard.up(key)
        time.sleep(0.03)
    page.wait_for_timeout(200 + latency)
    delays = page.evaluate("window.driveTiming.map(({ at, drawn }) => drawn - at)")
    assert len(delays) >= 50
    return np.array(delays)


def cost_of_clone(saved, folder) -> float:
    """The cost in an episode of a policy that was trained on all those datasets."""
    data = functools.reduce(aggregate, [load(name, ROOT / root) for name, root in sorted(saved)])
    env = gym.make_vec("hw1/Lane-v0", num_envs=1)
    save(data, "drive/all-v0", folder, seed=0, env=env)
    options = ["--task", "lane", "--dataset", "drive/all-v0", "--datasets", folder, "--out", folder / "clone"]
    assert train([str(option) for option in options]) == 0
    return -json.loads((folder / "clone/result.json").read_text())["evaluation"]["return"][0]
