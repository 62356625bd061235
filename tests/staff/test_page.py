"""The demo's page in a real browser: WCAG 2.1 AA, from desktop to phone, in the dark, and without network or script."""

import io
import re
from pathlib import Path
from urllib.parse import urlparse

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from matplotlib.figure import Figure
from PIL import Image

from scripts.demo.page import page as made
from scripts.demo.present import Computed, present
from scripts.experiments.base import Clip, Drawing, Experiment, Job, table_of_means
from scripts.experiments.style import look
from scripts.staff.drive_picture import CHROMIUM
from tests.staff.drive_browser import SIZES

pytestmark = pytest.mark.skipif(not Path(CHROMIUM).exists(), reason=f"needs Chromium in {CHROMIUM}")
X = list(range(0, 100, 20))


def lines(results) -> Figure:
    figure = Figure(figsize=(8, 4), layout="constrained")
    ax = figure.add_subplot(xlabel="time (s)", ylabel="cost (steps)")
    for i in range(3):
        ax.plot(X, results["job"]["y"].mean(axis=0) * i, label=f"method {i}", **look(i))
    ax.legend()
    return figure


def numbers(results):
    return table_of_means("time (s)", X, {f"method {i}": results["job"]["y"] * i for i in range(3)})


def claim(text: str, holds: bool) -> dict:
    numbers = {"target": "at least 95.0 %", "shown": "97.4 [96.4, 98.3] %", "minutes": 1.25}
    return {"claim": text, "holds": holds, "quick": False} | numbers


@pytest.mark.parametrize(("quick", "says"), [(True, "open: a coarse run"), (False, "no")])
def test_a_coarse_run_refutes_nothing(quick, says):
    text = made([], [claim("DAgger", False) | {"quick": quick}], "A run.", Computed())
    assert re.search(rf"<td[^>]*>(✗ )?{says}</td>", text)


@pytest.fixture(scope="module")
def address(tmp_path_factory) -> str:
    """A page with a figure, a clip, claims that hold and claims that do not, and something left out."""
    out = tmp_path_factory.mktemp("out")
    images = [Image.new("RGB", (360, 285), (c, 90, 120)) for c in (0, 120, 240)]
    clip, still = io.BytesIO(), io.BytesIO()
    images[0].save(clip, "WEBP", save_all=True, append_images=images[1:], duration=100)
    images[1].save(still, "PNG")
    computed = Computed(missing={"a job": "needs TODO 3.2"}, absent={"far": "pip install -r far.txt"})
    computed.results["job"] = {
        "y": np.arange(15.0).reshape(3, 5),
        "clip": np.frombuffer(clip.getvalue(), np.uint8)[None],
        "still": np.frombuffer(still.getvalue(), np.uint8)[None],
        "size": np.array([[285, 360]]),
    }
    experiment = Experiment(
        "lane",
        "Lane: compounding errors and how corrections stop them",
        lambda quick: [Job("job", lambda seeds: {})],
        (),
        [Drawing("figure_of_lines", "Look at the lines. " * 20, lines, "Three lines that rise.", numbers)],
        clips=[Clip("clip_of_lane", "Three cars.", "Three cars on a road.", "job")],
    )
    rows = [claim("An average of modes is no mode: success of l2 " * (1 + i), i != 2) for i in range(4)]
    text = made([present(experiment, computed, out)], rows, "A full run: 20 seeds (300 to 319).", computed)
    (out / "index.html").write_text(text, encoding="utf-8")
    return (out / "index.html").as_uri()


@pytest.fixture(params=["desktop", "dark", "phone"])
def page(request, browser, address):
    """The page as it opens; whatever it asks of the network fails the test."""
    context = browser.new_context(**SIZES[request.param])
    asked, shown = [], context.new_page()
    shown.on("request", lambda request: asked.append(request.url))
    shown.on("console", lambda message: asked.append(message.text))
    shown.goto(address)
    yield shown
    context.close()
    assert [url for url in asked if not url.startswith("file:")] == []


def unfold(page) -> None:
    for summary in page.query_selector_all("summary"):
        summary.focus()
        page.keyboard.press("Enter")


@pytest.mark.parametrize("unfolded", [False, True], ids=["folded", "unfolded"])
def test_axe_finds_nothing_and_nothing_is_over_the_edges(page, unfolded):
    if unfolded:
        unfold(page)
    problems = Axe().run(page).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"]) for one in problems] == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_figures_are_seen_and_numbers_are_unfolded_without_a_script(browser, address):
    page = browser.new_page(java_script_enabled=False)
    page.goto(address)
    assert page.get_by_role("img", name="Three lines that rise.").is_visible()
    assert not page.get_by_text("95 % from").is_visible()
    page.get_by_text("In words and numbers").click()
    assert page.get_by_role("columnheader", name="95 % from").is_visible()
    assert page.get_by_role("table", name="Numbers of the figure figure_of_lines").get_by_role("row").count() == 16
    page.close()


def test_every_picture_and_every_file_is_there(page):
    unfold(page)
    images = page.evaluate(
        """async () => {
        const all = [...document.images];
        for (const image of all) { image.loading = 'eager'; await image.decode(); }
        return all.map((image) => image.naturalWidth); }"""
    )
    assert len(images) == 3
    assert min(images) > 0
    links = page.evaluate("[...document.querySelectorAll('a[href]')].map((a) => a.getAttribute('href'))")
    files = [link for link in links if not link.startswith("#")]
    assert {file.rpartition(".")[2] for file in files} == {"svg", "png", "csv", "webp"}
    folder = Path(urlparse(page.url).path).parent
    assert all((folder / file).is_file() for file in files)
    assert all(page.query_selector(link) for link in links if link.startswith("#"))


def test_nothing_moves_until_one_asks_for_it(page):
    clip = page.locator('img[src$=".webp"]')
    still = page.locator('#clip_of_lane > img[src$=".png"]')
    assert (clip.is_visible(), still.is_visible()) == (False, True)
    page.get_by_text("Play the clip").click()
    assert (clip.is_visible(), still.is_visible()) == (True, False)
    page.get_by_text("Play the clip").click()
    assert (clip.is_visible(), still.is_visible()) == (False, True)


def test_seeds_and_what_is_missing_are_told(page):
    text = page.inner_text("body")
    assert "20 seeds (300 to 319)" in text
    assert "3 of 4 claims hold" in text
    assert "Left out: far: pip install -r far.txt." in text
    assert "Left out: a job: needs TODO 3.2." in text
