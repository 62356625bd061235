"""Experiments follow from the tables: a new head appears by itself, and no panel is dropped."""

import re

import numpy as np
import pytest

from hw1.exercises import ROOT
from hw1.policy import PolicyConfig
from hw1.tasks import BIMODAL, FORK, Recipe
from scripts import figures
from scripts.experiments import bimodal, fork
from scripts.experiments.base import Results, grid
from scripts.experiments.fork import data, heads, sides
from scripts.experiments.fork.drawing import LABELS
from scripts.staff.ranges import quantities

RECIPE = Recipe(PolicyConfig("l2"))
FITTED = {"density": np.full((2, len(bimodal.CENTRES)), 1 / 6)}
FITTED |= {name: np.zeros(2) for name in ("between", "wasserstein", "variation")}


# --- grids ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("count", range(1, 11))
def test_a_grid_has_as_many_panels_as_there_is_to_show(count):
    figure, axes = grid(count, columns=3, panel=(3.0, 2.0), xlabel="x", ylabel="y", sharex=True, sharey=True)
    figure.draw_without_rendering()
    assert len(axes) == len(figure.axes) == count
    assert tuple(figure.get_size_inches()) == (9.0, 2.0 * -(-count // 3))
    for number, ax in enumerate(axes):
        lowest, leftmost = number + 3 >= count, number % 3 == 0
        assert ax.get_xlabel() == ("x" if lowest else "")
        assert ax.xaxis.get_tick_params()["labelbottom"] == lowest
        assert ax.get_ylabel() == ("y" if leftmost else "")
        assert ax.yaxis.get_tick_params()["labelleft"] == leftmost


def panels(figure) -> list[str]:
    """The titles of the panels, up to the colon."""
    figure.draw_without_rendering()
    return [ax.get_title().partition(":")[0] for ax in figure.axes if ax.get_visible()]


def test_a_seventh_head_of_bimodal_has_a_panel(monkeypatch):
    before = len(BIMODAL)
    monkeypatch.setitem(BIMODAL, "seventh", RECIPE)
    results = Results({job.name: FITTED for job in bimodal.jobs(True)})
    assert panels(bimodal.draw(results)) == list(BIMODAL)
    assert len(bimodal.draw(results).axes) == before + 1
    assert "bimodal seventh" in quantities()


def test_a_tenth_policy_of_fork_has_a_panel_and_a_bar(monkeypatch):
    before = len(FORK.recipes)
    monkeypatch.setitem(FORK.recipes, "tenth", RECIPE)
    arrays = {"success": np.ones(2), "per_tree": np.ones(2)}
    arrays |= {name: np.zeros((2, 3, 5)) for name in ("distance", "offset")}
    arrays["offsets"] = np.where(np.arange(24).reshape(2, 3, 4) % 2, -2.0, 2.0)
    results = Results({job.name: arrays for job in heads.jobs(True)})
    names = [LABELS.get(name, name) for name in ("drivers", *FORK.recipes, "left l2")]
    assert panels(heads.draw_trajectories(results)) == names
    assert len(names) == before + 3  # and the drivers, and the left driver alone
    assert [label.get_text() for label in sides.draw_sides(results).axes[0].get_yticklabels()] == names
    (ax,) = heads.draw_success(results).axes
    assert [label.get_text().replace("\n", " ") for label in ax.get_xticklabels()] == names
    assert len(ax.patches) == 2 * len(names)
    assert {"fork tenth", "fork tree tenth"} <= quantities().keys()


def test_what_could_not_be_run_has_no_panel():
    assert panels(bimodal.draw(Results({"bimodal l2": FITTED, "bimodal flow": FITTED}))) == ["l2", "flow"]


def test_what_could_not_be_run_has_no_claim_and_no_figure(tmp_path):
    computed = figures.Computed()
    late = {name: np.arange(1.0, 9.0).reshape(2, 4) for name in ("cost", "demonstrator")}
    computed.results["lane latency"] = late | {"seconds": np.ones(2)}
    _, claims, paths = figures.present(figures.EXPERIMENTS["lane"], computed, tmp_path)
    assert {claim.jobs for claim in claims} == {("lane latency",)}
    assert list(paths) == ["lane_latency"]
    assert not computed.missing


def test_no_figure_stops_at_the_shorter_of_two_lists():
    for part in ("scripts/experiments", "notebooks"):
        for path in (ROOT / part).rglob("*"):
            if path.suffix in (".py", ".ipynb"):
                assert not re.search(r"zip\([^\n]*strict=False", path.read_text(encoding="utf-8")), path


# --- the tables -------------------------------------------------------------------------------------------------------
def test_every_policy_of_the_tables_has_its_job_and_an_expected_range():
    jobs = {job.name for module in (heads, bimodal) for job in module.jobs(False)} - {"fork drivers"}
    assert jobs == {
        "fork left l2",
        *(f"fork {name}" for name in FORK.recipes),
        *(f"bimodal {name}" for name in BIMODAL),
    }
    assert {job for job in jobs if job not in quantities()} == set()


def test_full_and_coarse_runs_take_their_gradient_steps_from_the_recipes():
    for quick in (False, True):
        steps = {job.name: job.options.get("steps") for job in fork.jobs(quick) + bimodal.jobs(quick)}
        for experiment, recipes in (("fork", FORK.recipes), ("fork data", data.RECIPES), ("bimodal", BIMODAL)):
            for name, recipe in recipes.items():
                assert steps[f"{experiment} {name}"] == (recipe.quick_steps if quick else recipe.train.steps)


def test_names_of_figures_are_used_once_and_every_figure_has_a_caption():
    drawings = [drawing for experiment in figures.EXPERIMENTS.values() for drawing in experiment.drawings]
    assert len({drawing.name for drawing in drawings}) == len(drawings)
    assert all(drawing.caption.endswith(".") for drawing in drawings)
