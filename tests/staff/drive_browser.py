"""What the tests of `scripts.drive`'s page share: a server, a browser, and a driver who sees only the page."""

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from playwright.sync_api import Page

from hw1.exercises import ROOT

CHROMIUM = "/usr/bin/chromium"
SIZES = {
    "desktop": {"viewport": {"width": 1280, "height": 720}},
    "dark": {"viewport": {"width": 1280, "height": 720}, "color_scheme": "dark", "reduced_motion": "reduce"},
    "phone": {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True},
}
MODES = ("demonstrate", "intervene", "fleet", "watch")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def served(command: list[str], url: str) -> Iterator[str]:
    """The server `python -m COMMAND`, until the end of the block; yields the address of its page."""
    process = subprocess.Popen([sys.executable, "-m", *command], cwd=ROOT)
    try:
        wait_for_port(int(url.split(":")[2].split("/")[0]), process)
        yield url
    finally:
        process.terminate()
        process.wait(20)


def wait_for_port(port: int, process: subprocess.Popen) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    raise RuntimeError("the server did not start")


def connected(page: Page, url: str) -> Page:
    page.goto(url)
    page.wait_for_selector('#connection[data-link="open"]')
    return page


def begin(page: Page, mode: str, world: str = "lane", **settings) -> None:
    """Choose a mode, its settings and Start; wait until the car moves."""
    page.click(f'nav [data-mode="{mode}"]')
    page.select_option('[name="world"]', world)
    for name, value in settings.items():
        if name in ("latency", "horizon", "seed", "rounds"):
            page.fill(f'[name="{name}"]', str(value))
        else:
            page.select_option(f'[name="{name}"]', value)
    page.click('[data-do="start"]')
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
        return 5.2 * seen["bend"] - 0.2 * seen["e"] - 1.2 * seen["psi"]

    def drive(self, until: float = 120.0) -> dict:
        """Press keys until the episode is over; returns what was seen last."""
        end, seen = time.monotonic() + until, self.look()
        while time.monotonic() < end and seen["phase"] in ("running", "starting"):
            if "e" in seen:
                self.press(self.wanted(seen) - seen["steer"])
            time.sleep(0.02)
            seen = {**seen, **self.look()}
        self.press(0.0)
        return seen

    def press(self, error: float) -> None:
        wanted = {"ArrowLeft"} if error > self.deadband else {"ArrowRight"} if error < -self.deadband else set()
        for key in self.held - wanted:
            self.page.keyboard.up(key)
        for key in wanted - self.held:
            self.page.keyboard.down(key)
        self.held = wanted
