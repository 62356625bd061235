"""Results are computed again exactly when something has changed that they depend on."""

import shutil
import sys
from pathlib import Path

import pytest

from hw1.exercises import ROOT
from scripts import closure, figures
from scripts.closure import EVERYTHING, NOTHING, Closure, Sources

JOBS = {job.name: job for experiment in figures.EXPERIMENTS.values() for job in experiment.jobs(False)}
QUICK = {job.name: job for experiment in figures.EXPERIMENTS.values() for job in experiment.jobs(True)}
ABSENT = {job.name for each in figures.EXPERIMENTS.values() if each.absent() for job in each.jobs(True)}
ALL = set(JOBS)
LANE, FORK, BIMODAL, TIGHTROPE = ({n for n in JOBS if e in n.split()} for e in ("lane", "fork", "bimodal", "tightrope"))
HOPPER = {name for name in JOBS if name.startswith("hopper")}
TRAINED = ALL - TIGHTROPE - {"fork drivers"}
# those that call `dagger`
ROUNDS = {"clip lane", *(f"lane {name}" for name in ("bc", "dagger", "hg", "uncertainty", "history"))}

# File, what is replaced, by what, and the jobs whose results no longer count.
EDITS = {
    # what does not count
    "a comment": ("hw1/losses.py", "LOG_2PI =", "# a comment\nLOG_2PI =", set()),
    "a docstring": ("hw1/rollout.py", "Who drives? One loop", "Who is driving? One loop", set()),
    "a docstring of a field": ("hw1/training.py", '"""Gradient steps."""', '"""Steps of AdamW."""', set()),
    "line breaks": (
        "hw1/learners.py",
        "np.arange(learners), num_envs",
        "np.arange(learners),\n        num_envs",
        set(),
    ),
    "what draws a figure": ("scripts/experiments/fork/heads.py", "ylim=(0, 105)", "ylim=(0, 110)", set()),
    "colours": ("scripts/experiments/lane/drawing.py", '"hg": 3', '"hg": 5', set()),
    "a grid of panels": ("scripts/experiments/base.py", "-(-count // columns)", "count // columns + 1", set()),
    "a bound of a claim": (
        "scripts/experiments/lane/compounding.py",
        "NEAR = 0.05",
        "NEAR = 0.06",
        set(),
    ),
    "a caption": ("scripts/experiments/tightrope.py", "nearly every walker", "almost every walker", set()),
    "a preset": ("hw1/policy.py", "chunk=50, execute=25", "chunk=50, execute=50", set()),
    "an exercise that no job calls": ("hw1/compounding.py", "> tolerance).any", ">= tolerance).any", set()),
    "how demonstrations are stored": ("hw1/storage.py", "np.nan)", "0.0)", set()),
    "a function that nobody calls": (
        "hw1/gates.py",
        "class BetaGate",
        "def unused():\n    pass\n\n\nclass BetaGate",
        set(),
    ),
    # what counts for some
    "an exercise of DAgger": ("hw1/dagger.py", "episode.max() + 1 if", "episode.max() + 2 if", ROUNDS | HOPPER),
    "a gate": ("hw1/gates.py", "takeover: float = 0.6", "takeover: float = 0.5", ROUNDS),
    "the doubt": ("hw1/dagger.py", ".std(axis=0).max(", ".var(axis=0).max(", ROUNDS | {"lane detector"}),
    "the recipes of Lane": (
        "hw1/tasks.py",
        "_STEADY = TrainConfig(steps=1_000",
        "_STEADY = TrainConfig(steps=900",
        LANE,
    ),
    "a recipe of Fork": ("hw1/tasks.py", "_HUGE = (290, 290)", "_HUGE = (291, 291)", FORK),
    "a constant of two tables": (
        "hw1/tasks.py",
        '"action_scale": "standard"',
        '"action_scale": "minmax"',
        FORK | BIMODAL,
    ),
    "the drivers of Fork": ("hw1/experts.py", "clearance: float = 2.8", "clearance: float = 2.7", FORK),
    "where an import comes from": (
        "scripts/experiments/bimodal.py",
        "from hw1.learners import learner_of",
        "from hw1.learners import by_learner as learner_of",
        BIMODAL,
    ),
    "a constant of a job": ("scripts/experiments/lane/alarm.py", "SOON = 20", "SOON = 19", {"lane detector"}),
    "what fit reaches": ("hw1/training.py", "epochs = -(-steps", "epochs = 1 - (-steps", TRAINED),
    "the policy on the road": ("hw1/policy.py", "int(seed) * 1_000 + i", "seed * 999 + i", TRAINED),
    # what counts for all
    "a loss": ("hw1/losses.py", "(action - pred).square()", "(action - pred).abs()", ALL),
    "the loop that runs everything": (
        "hw1/rollout.py",
        "return flat_actions(env, expert(state.copy()))",
        "return -flat_actions(env, expert(state.copy()))",
        ALL - BIMODAL,
    ),
    "an environment, which is found by its name": ("hw1/envs/tightrope.py", "actions == 1", "actions != 0", ALL),
    "what a method imports": ("hw1/envs/render.py", "SHOULDER = 2.0", "SHOULDER = 2.5", ALL),
    "an effect of an import": ("hw1/envs/__init__.py", "single_fork, 135", "single_fork, 136", ALL),
    "a new effect": ("hw1/envs/road.py", "WHEELBASE =", 'print("effect")\nWHEELBASE =', ALL),
}


def digests(root: Path) -> dict[str, str]:
    sources = Sources(root)
    return {name: sources.closure(job.run).digest() for name, job in JOBS.items()}


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A copy of the project, and its digests."""
    root = tmp_path_factory.mktemp("tree")
    for part in ("hw1", "scripts"):
        shutil.copytree(ROOT / part, root / part, ignore=shutil.ignore_patterns("staff", "__pycache__"))
    return root, digests(root)


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_changes_the_key_of_what_depends_on_it(tree, edit):
    root, before = tree
    name, old, new, changed = EDITS[edit]
    file = root / name
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {name}"
    try:
        file.write_text(text.replace(old, new), encoding="utf-8")
        after = digests(root)
    finally:
        file.write_text(text, encoding="utf-8")
    assert {job for job in JOBS if before[job] != after[job]} == changed


def test_a_copy_elsewhere_has_the_same_keys(tree):
    assert tree[1] == digests(ROOT)


# --- imports of every kind --------------------------------------------------------------------------------------------
def start():
    """Stands for the function `start` of the module `project.main`; only its name is read."""


start.__module__ = "project.main"
KINDS = {
    "from project.other import f": "f()",
    "from project import other": "other.f()",
    "import project.other": "project.other.f()",
    "import project.third": "project.other.f()",
    "import project.other as o": "o.f()",
    "from .other import f as g": "g()",
    "from . import other": "other.f()",
    "from project.other import *": "f()",
    "from project.again import f": "f()",
    "from project import again": "again.f()",
    "import project.effect": "None",
    "if True:\n    from project.other import f": "f()",
    "from functools import partial\nfrom project.other import f\ncall = partial(f)": "call()",
}


def project(root: Path, imports: str, body: str, result: str) -> str:
    """The digest of `start` in a project whose function `f` returns `result`."""
    package = root / "project"
    package.mkdir(exist_ok=True)
    files = {
        "__init__": "",
        "main": f"{imports}\n\ndef start():\n    return {body}\n",
        "other": f"from project import main\n\ndef f():\n    return {result}\n",
        "third": "",
        "again": "from project.other import f\n",
        "effect": "import project.other\n\nproject.other.f()\n",
    }
    for name, text in files.items():
        (package / f"{name}.py").write_text(text)
    return Sources(root).closure(start).digest()


@pytest.mark.parametrize("imports", KINDS)
def test_every_kind_of_import_is_followed(tmp_path, imports):
    assert project(tmp_path, imports, KINDS[imports], "1") != project(tmp_path, imports, KINDS[imports], "2")
    local = imports.replace("\n", "\n    ")
    if "*" not in imports:  # which is not allowed in a function
        body = f"1\n    {local}\n    return {KINDS[imports]}"
        assert project(tmp_path, "", body, "1") != project(tmp_path, "", body, "2")


def test_what_is_imported_but_not_used_does_not_count(tmp_path):
    imports = "from project.other import f"
    assert project(tmp_path, imports, "1", "1") == project(tmp_path, imports, "1", "2")


# --- nothing that runs is missing -------------------------------------------------------------------------------------
TINY = {
    "demos": 2,
    "length": 12,
    "rounds": 1,
    "rollouts": 2,
    "watched": 2,
    "members": 2,
    "detectors": 2,
    "evaluations": 4,
}
TINY |= {"steps": 3, "episodes": 4, "walkers": 10, "tries": 1, "every": 50}


def executed(job) -> set[tuple[Path, int]]:
    """Files and first lines of all functions of the project that run in a tiny version of `job`."""
    codes = set()
    before = sys.getprofile()
    sys.setprofile(lambda frame, event, _: codes.add(frame.f_code) if event == "call" else None)
    try:
        job.run(
            (5, 6)[: job.seeds],
            **dict(job.options) | {name: value for name, value in TINY.items() if name in job.options},
        )
    finally:
        sys.setprofile(before)
    places = {(Path(code.co_filename), code.co_firstlineno) for code in codes if code.co_name != "<module>"}
    return {(file, line) for file, line in places if any(file.is_relative_to(ROOT / p) for p in ("hw1", "scripts"))}


def uncovered(job) -> list[str]:
    """What a job runs without depending on it."""
    reached = Sources(ROOT).closure(job.run)
    return [f"{file.relative_to(ROOT)}:{line}" for file, line in executed(job) if not reached.covers(file, line)]


@pytest.mark.parametrize("job", [job for name, job in QUICK.items() if name not in ABSENT], ids=lambda job: job.name)
def test_a_job_runs_nothing_that_is_not_in_its_closure(job):
    assert uncovered(job) == []


def test_effects_that_were_not_followed_would_be_noticed(monkeypatch):
    whole = closure._defined_by

    def without_effects(statement):
        defines = whole(statement)
        return ("a name that nobody uses",) if defines is None else defines

    monkeypatch.setattr(closure, "_defined_by", without_effects)
    assert any("hw1/envs/tightrope.py" in place for place in uncovered(QUICK["tightrope forever"]))


def test_modules_that_were_not_followed_would_be_noticed(monkeypatch):
    targets = Sources._targets

    def without_modules(self, node, module):
        for bound, (origin, what) in targets(self, node, module):
            yield bound, (origin, NOTHING if what == EVERYTHING else what)

    monkeypatch.setattr(Sources, "_targets", without_modules)
    assert any("hw1/heads.py" in place for place in uncovered(QUICK["fork flow"]))


def test_a_missing_definition_would_be_noticed(monkeypatch):
    add = Closure._add

    def without_choose(self, module, index):
        if module.statements[index].defines != ("_choose",):
            add(self, module, index)

    monkeypatch.setattr(Closure, "_add", without_choose)
    assert uncovered(QUICK["tightrope forever"])
