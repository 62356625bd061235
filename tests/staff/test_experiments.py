"""Experiments follow from the tables: a new head or claim appears by itself, and no panel is dropped."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hw1.exercises import ROOT
from hw1.policy import PolicyConfig
from hw1.tasks import BIMODAL, FORK, Recipe
from scripts import figures
from scripts.experiments import bimodal, fork
from scripts.experiments.base import Results, grid
from scripts.staff.writeup import quantities

RECIPE = Recipe(PolicyConfig("l2"))


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
    monkeypatch.setitem(BIMODAL, "seventh", RECIPE)
    arrays = {"density": np.full((2, len(bimodal.EDGES) - 1), 1 / 64), "between": np.zeros(2)}
    results = Results({job.name: arrays for job in bimodal.jobs(True)})
    assert panels(bimodal.draw(results)) == list(BIMODAL)
    assert len(BIMODAL) == 7


def test_a_tenth_policy_of_fork_has_a_panel_and_a_bar(monkeypatch):
    monkeypatch.setitem(FORK.recipes, "tenth", RECIPE)
    arrays = {"success": np.ones(2), "per_tree": np.ones(2)}
    arrays |= {name: np.zeros((2, 3, 5)) for name in ("distance", "offset")}
    results = Results({job.name: arrays for job in fork.jobs(True)})
    names = [fork.LABELS.get(name, name) for name in (*FORK.recipes, "left l2")]
    assert panels(fork.draw_trajectories(results)) == names
    assert len(names) == 10
    (ax,) = fork.draw_success(results).axes
    assert [label.get_text().replace("\n", " ") for label in ax.get_xticklabels()] == names
    assert len(ax.patches) == 2 * len(names)


def test_what_could_not_be_run_has_no_panel():
    arrays = {"density": np.full((2, len(bimodal.EDGES) - 1), 1 / 64), "between": np.zeros(2)}
    assert panels(bimodal.draw(Results({"bimodal l2": arrays, "bimodal flow": arrays}))) == ["l2", "flow"]


def test_no_figure_stops_at_the_shorter_of_two_lists():
    for part in ("scripts/experiments", "notebooks"):
        for path in (ROOT / part).rglob("*"):
            if path.suffix in (".py", ".ipynb"):
                assert not re.search(r"zip\([^\n]*strict=False", path.read_text(encoding="utf-8")), path


# --- the tables -------------------------------------------------------------------------------------------------------
def test_every_policy_of_the_tables_has_its_job_and_an_expected_range():
    jobs = {job.name for experiment in (fork, bimodal) for job in experiment.jobs(False)}
    assert jobs == {
        "fork left l2",
        *(f"fork {name}" for name in FORK.recipes),
        *(f"bimodal {name}" for name in BIMODAL),
    }
    assert {job for job in jobs if job not in quantities()} == set()


def test_full_and_coarse_runs_take_their_gradient_steps_from_the_recipes():
    for quick in (False, True):
        steps = {job.name: job.options["steps"] for job in fork.jobs(quick) + bimodal.jobs(quick)}
        for experiment, recipes in (("fork", FORK.recipes), ("bimodal", BIMODAL)):
            for name, recipe in recipes.items():
                assert steps[f"{experiment} {name}"] == (recipe.quick_steps if quick else recipe.train.steps)


def test_names_of_figures_are_used_once_and_every_figure_has_a_caption():
    drawings = [drawing for experiment in figures.EXPERIMENTS.values() for drawing in experiment.drawings]
    assert len({drawing.name for drawing in drawings}) == len(drawings)
    assert all(drawing.caption.endswith(".") for drawing in drawings)


# --- what a change costs ----------------------------------------------------------------------------------------------
class Copy:
    """A copy of the project in which somebody adds something."""

    def __init__(self, root: Path):
        self.root = root
        self.edited: set[str] = set()
        for part in ("hw1", "scripts", "tests"):
            shutil.copytree(ROOT / part, root / part, ignore=shutil.ignore_patterns("__pycache__"))

    def add(self, file: str, before: str, text: str) -> None:
        """Put `text` in front of the only place where `before` stands."""
        old = (self.root / file).read_text(encoding="utf-8")
        assert old.count(before) == 1, f"{before!r} stands {old.count(before)} times in {file}"
        (self.root / file).write_text(old.replace(before, text + before), encoding="utf-8")
        self.edited.add(file)

    def python(self, code: str) -> str:
        command = [sys.executable, "-W", "error", "-c", code]
        done = subprocess.run(command, cwd=self.root, capture_output=True, text=True, check=False, timeout=300)
        assert done.returncode == 0, done.stderr
        return done.stdout


HEAD = '''
class LaplaceHead(DeterministicHead):
    """Version 1: l1 regression, which finds the median."""

    exercise = "given"

    def loss(self, features, action, generator=None):
        return (self(features) - action).abs().sum(dim=-1).mean()


'''
USE_HEAD = """
from dataclasses import replace
from hw1.tasks import BIMODAL, FORK
from scripts import train
from scripts.experiments import bimodal, fork
from scripts.experiments.base import Results
from scripts.staff.writeup import quantities

jobs = {job.name: job for experiment in (fork, bimodal) for job in experiment.jobs(True)}
tiny = {"steps": 5, "episodes": 4, "evaluations": 4}
results = Results()
for name in ("fork l2", "fork laplace", "bimodal l2", "bimodal laplace"):
    options = dict(jobs[name].options)
    results[name] = jobs[name].run((1, 2), **options | {key: tiny[key] for key in tiny.keys() & options.keys()})
figures = [bimodal.draw(results), fork.draw_trajectories(results), fork.draw_success(results)]
print([len(figure.axes) for figure in figures], len(figures[2].axes[0].patches))
print({"fork laplace", "fork tree laplace", "bimodal laplace"} <= set(quantities()))
print(train.parse(["--head", "laplace"]).policy == FORK.recipes["laplace"].policy)
"""


def test_a_given_head_costs_three_files(tmp_path):
    copy = Copy(tmp_path)
    copy.add("hw1/given_heads.py", "class CategoricalHead(", HEAD.lstrip())
    copy.add(
        "hw1/policy.py",
        '    "categorical": lambda',
        '    "laplace": lambda config, *dims: given_heads.LaplaceHead(*dims),\n',
    )
    copy.add(
        "hw1/tasks.py",
        '        "gaussian": Recipe(PolicyConfig("gaussian", _SMALL',
        '        "laplace": Recipe(PolicyConfig("laplace", _SMALL, **_CHUNK), **_SHORT),\n',
    )
    copy.add(
        "hw1/tasks.py",
        '    "gaussian": Recipe(PolicyConfig("gaussian"), **_FEW)',
        '    "laplace": Recipe(PolicyConfig("laplace"), **_FEW),\n',
    )
    assert copy.python(USE_HEAD).splitlines() == ["[2, 2, 1] 4", "True", "True"]
    assert len(copy.edited) == 3


CLAIM = """
def variance_claims(results: Results) -> list[Claim]:
    cost = results["lane latency"]["cost"]
    return [Claim("latency makes drives less alike", np.full(len(cost), cost.std()), 0.0, jobs=("lane latency",))]


def draw_variance(ax: Axes, results: Results) -> None:
    ax.plot(LATENCIES, results["lane latency"]["cost"].std(axis=0))


"""
USE_CLAIM = """
import numpy as np
from scripts import figures

lane = figures.EXPERIMENTS["lane"]
computed = figures.Computed()
computed.results["lane latency"] = {"cost": np.arange(12.0).reshape(2, 6), "seconds": np.ones(2)}
_, claims, paths = figures.present(lane, computed, figures.Path("out"))
print([claim.claim for claim in claims])
print(sorted(paths))
"""


def test_a_claim_with_its_figure_costs_one_file(tmp_path):
    copy = Copy(tmp_path)
    collecting = "scripts/experiments/lane/collecting.py"
    copy.add(collecting, "CLAIMS = (", CLAIM.lstrip())
    copy.add(collecting, "history_claims)\n", "variance_claims, ")
    drawing = 'Drawing("lane_variance", "Standard deviation against latency.", panels(draw_variance)),\n    '
    copy.add(collecting, 'Drawing(\n        "lane_history"', drawing)
    said = copy.python(USE_CLAIM).splitlines()
    assert "latency makes drives less alike" in said[0]
    assert said[1] == "['lane_latency', 'lane_variance']"
    assert len(copy.edited) == 1
