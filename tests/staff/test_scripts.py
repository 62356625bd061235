"""The commands, run as people run them."""

import json
import os
import runpy
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pytest

from hw1.exercises import ROOT
from hw1.tasks import FORK, LANE, LANE_NO_HEADING, TASKS
from scripts import train
from scripts.experiments.base import Claim, Job, interval
from scripts.store import VERSIONS, Store


def command(module: str, *arguments: object) -> list[str]:
    return [sys.executable, "-m", module, *map(str, arguments)]


def run(module: str, *arguments: object, **options) -> subprocess.CompletedProcess:
    return subprocess.run(
        command(module, *arguments), cwd=ROOT, text=True, capture_output=True, timeout=900, check=False, **options
    )


# Modules with a `__main__`, except those that other programs run by their path.
COMMANDS = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__main__")
    for path in (ROOT / "scripts").rglob("*.py")
    if '__name__ == "__main__"' in path.read_text(encoding="utf-8") and path.parent.name not in ("gradescope", "peers")
)


@pytest.mark.parametrize("name", ["check", "figures", "report", "submit", "train"])
def test_a_command_that_is_called_as_a_file_says_how_it_is_called(name):
    done = subprocess.run([sys.executable, f"scripts/{name}.py"], cwd=ROOT, text=True, capture_output=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith(f"python -m scripts.{name}")
    assert "Traceback" not in done.stderr


def test_a_reader_who_has_seen_enough_is_no_error():
    """As in `python -m scripts.check | head -1`."""
    with subprocess.Popen(command("scripts.check", "1.1", "1.2", "1.3"), cwd=ROOT, stdout=-1, stderr=-1) as process:
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=120) == 1


def tracked() -> dict[str, int]:
    """When each tracked file was written."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, text=True, capture_output=True, check=True).stdout
    return {name: (ROOT / name).stat().st_mtime_ns for name in listed.splitlines() if (ROOT / name).exists()}


@pytest.mark.parametrize("module", COMMANDS)
def test_every_command_has_a_help_that_changes_nothing(module, monkeypatch, capsys):
    before = tracked()
    monkeypatch.setattr(sys, "argv", ["by path", "--help"])
    with warnings.catch_warnings(action="ignore"), pytest.raises(SystemExit) as ended:  # it may be imported already
        runpy.run_module(module, run_name="__main__")
    assert ended.value.code == 0
    out = capsys.readouterr().out
    assert out.startswith(f"usage: python -m {module} ")
    assert "(default: )" not in out
    assert tracked() == before


@pytest.mark.parametrize("module", ["scripts.staff.packages", "scripts.staff.picture", "scripts.staff.snapshot"])
def test_commands_without_options_refuse_arguments(module):
    before = tracked()
    assert run(module, "--nonsense").returncode == 2
    assert tracked() == before


SMALL = ("--demonstrations", 4, "--steps", 40, "--evaluations", 4, "--hidden", 16)


# --- train -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("head", ["l2", "mixture", "flow"])
def test_train_writes_a_policy_that_can_be_loaded_and_its_options(tmp_path, head):
    from hw1.policy import Actor

    done = run("scripts.train", "--task", "fork", "--head", head, "--out", tmp_path, *SMALL)
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["options"]["policy"]["head"] == head
    assert len(result["evaluation"]["success"]) == 1
    assert Actor.load(tmp_path / "policy.safetensors").config.head == head


def test_train_runs_dagger_on_lane(tmp_path):
    done = run("scripts.train", "--task", "lane", "--dagger", 1, "--seeds", 2, "--out", tmp_path, *SMALL)
    assert done.returncode == 0, done.stderr
    assert len(json.loads((tmp_path / "result.json").read_text())["evaluation"]["return"]) == 2


def test_train_stores_demonstrations_and_clones_from_them(tmp_path):
    stored = ("--datasets", tmp_path / "demos", "--out", tmp_path / "run", "--task", "fork", *SMALL)
    assert run("scripts.train", "--save-demos", "fork/both-v0", *stored).returncode == 0
    done = run("scripts.train", "--dataset", "fork/both-v0", *stored)
    assert done.returncode == 0, done.stderr
    assert "4 demonstrations" in done.stdout


@pytest.mark.parametrize("head", [name for name in FORK.recipes if name != "l2 x16"])
def test_train_on_fork_uses_the_settings_of_the_figures(head):
    options = train.parse(["--task", "fork", "--head", head])
    assert (options.policy, options.train) == (FORK.recipes[head].policy, FORK.recipes[head].train)


@pytest.mark.parametrize(("name", "task"), TASKS.items())
def test_train_has_defaults_for_every_task(name, task):
    options = train.parse(["--task", name])
    recipe = next(iter(task.recipes.values()))
    assert (options.policy, options.train) == (recipe.policy, recipe.train)


def test_explicit_options_of_train_win():
    options = train.parse(["--task", "fork", "--head", "flow", "--steps", "7", "--chunk", "9"])
    assert (options.train.steps, options.policy.chunk) == (7, 9)
    assert (options.train.ema, options.policy.execute) == (0.75, 4)


def test_a_preset_of_train_is_trained_by_the_recipe_of_its_head():
    options = train.parse(["--task", "fork", "--preset", "pi0"])
    assert (options.policy.head, options.policy.chunk) == ("flow", 50)
    assert options.train == FORK.recipes["flow"].train
    options = train.parse(["--task", "lane", "--preset", "openvla", "--head", "l2"])
    assert (options.policy.head, options.policy.action_scale) == ("l2", "quantile")
    assert options.policy.observation_scale == "none"  # pixels
    assert options.train == LANE.recipes["l2"].train


def test_a_head_without_a_recipe_has_ordinary_settings():
    options = train.parse(["--task", "lane-no-heading", "--head", "gaussian"])
    assert (options.policy, options.train) == tuple(
        getattr(LANE_NO_HEADING.recipe("gaussian"), part) for part in ("policy", "train")
    )


def test_train_clones_discrete_demonstrations(tmp_path):
    done = run("scripts.train", "--task", "tightrope", "--dagger", 1, "--out", tmp_path, *SMALL)
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "result.json").read_text())["options"]["policy"]["head"] == "categorical"


def test_train_refuses_dagger_with_two_drivers_before_it_computes_anything(tmp_path):
    done = run("scripts.train", "--task", "fork", "--dagger", 1, "--out", tmp_path / "run", *SMALL)
    assert done.returncode == 1
    assert "disagree" in done.stderr
    assert done.stdout == ""
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--task", "fork", "--dagger", 1), "lane"),
        (("--task", "nonsense"), "tightrope"),
        (("--dataset", "none/such-v0"), "none/such-v0"),
        (("--chunk", 2, "--execute", 3), "execute"),
        (("--head", "nonsense"), "nonsense"),
        (("--preset", "nonsense"), "nonsense"),
        (("--device", "cuda"), "GPU"),
        (("--patience", 3), "validation"),
    ],
)
def test_train_answers_a_mistake_with_one_sentence(tmp_path, arguments, says):
    done = run("scripts.train", "--out", tmp_path, *SMALL, *arguments)
    assert done.returncode != 0
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_an_interrupted_training_continues_and_ends_like_an_uninterrupted_one(tmp_path):
    options = (
        "--task",
        "fork",
        "--demonstrations",
        4,
        "--steps",
        3_000,
        "--hidden",
        16,
        "--evaluations",
        4,
    )
    process = subprocess.Popen(
        command("scripts.train", "--out", tmp_path / "a", *options), cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    checkpoint = tmp_path / "a" / "checkpoint.safetensors"
    deadline = time.monotonic() + 120
    while not checkpoint.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 130
    assert "run the same command" in process.stderr.read()
    process.stderr.close()
    assert checkpoint.exists()
    assert run("scripts.train", "--out", tmp_path / "a", *options).returncode == 0
    assert run("scripts.train", "--out", tmp_path / "b", *options).returncode == 0
    results = [json.loads((tmp_path / name / "result.json").read_text()) for name in ("a", "b")]
    assert results[0]["train_loss"] == results[1]["train_loss"]
    assert results[0]["evaluation"] == results[1]["evaluation"]


def test_a_training_interrupted_before_its_options_are_known_names_no_folder(monkeypatch, capsys):
    def interrupt(arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(train, "parse", interrupt)
    assert train.main([]) == 130
    assert capsys.readouterr().err == "interrupted\n"


def test_a_training_interrupted_before_it_began_names_no_folder(tmp_path, monkeypatch, capsys):
    def interrupt(options):
        raise KeyboardInterrupt

    monkeypatch.setattr(train, "run", interrupt)
    assert train.main(["--out", str(tmp_path)]) == 130
    assert capsys.readouterr().err == "interrupted\n"


# --- figures ---------------------------------------------------------------------------------------------------------
def test_quick_demo_makes_every_figure_and_claim_and_is_cached_afterwards(tmp_path):
    first = run("scripts.figures", "--quick", "--out", tmp_path)
    assert first.returncode == 0, first.stderr[-2000:]
    rows = json.loads((tmp_path / "claims.json").read_text())
    assert len(rows) >= 20
    for row in rows:
        assert {"claim", "target", "measured", "low", "high", "holds", "minutes"} <= set(row)
        assert (row["seeds"], row["quick"]) == ([10000, 10002], True)
        assert None in (row["measured"], row["low"]) or row["low"] <= row["measured"] <= row["high"]
        assert isinstance(row["holds"], bool)
    page = (tmp_path / "index.html").read_text()
    figures = list((tmp_path / "figures").glob("*.png"))
    assert len(figures) >= 10
    assert all(f"figures/{figure.name}" in page for figure in figures)

    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "cache").iterdir()}
    again = run("scripts.figures", "--quick", "--out", tmp_path)
    assert again.returncode == 0
    assert {path.name: path.stat().st_mtime_ns for path in (tmp_path / "cache").iterdir()} == before
    assert json.loads((tmp_path / "claims.json").read_text()) == rows


def test_a_run_on_one_core_agrees_with_a_run_on_two_and_replaces_a_damaged_result(tmp_path):
    only = ("--quick", "--only", "tightrope", "--together", 1)
    assert run("scripts.figures", *only, "--jobs", 1, "--out", tmp_path / "one").returncode == 0
    assert run("scripts.figures", *only, "--jobs", 2, "--out", tmp_path / "two").returncode == 0

    def measured(out: Path) -> list[float]:
        return [row["measured"] for row in json.loads((out / "claims.json").read_text())]

    assert measured(tmp_path / "one") == measured(tmp_path / "two")
    damaged = sorted((tmp_path / "one" / "cache").iterdir())[0]
    damaged.write_bytes(damaged.read_bytes()[:100])
    assert run("scripts.figures", *only, "--jobs", 1, "--out", tmp_path / "one").returncode == 0
    assert measured(tmp_path / "one") == measured(tmp_path / "two")


def test_a_mistake_in_an_exercise_costs_its_own_job_and_is_placed():
    from hw1.compounding import growth_exponent
    from scripts.figures import Computed, Part

    def unfinished(seeds):
        raise NotImplementedError("TODO 3.2")

    def wrong(seeds):
        growth_exponent(np.ones(2), np.ones((2, 2, 2)))

    _, arrays, why = Part(Job("unfinished", unfinished), (0,), Path("a")).run()
    assert (arrays, why) == (None, "needs TODO 3.2")
    assert not Computed(missing={"unfinished": why}).failed
    _, arrays, why = Part(Job("wrong", wrong), (0,), Path("a")).run()
    assert arrays is None
    assert why.startswith("TypeError: ")
    assert "(hw1/compounding.py, line " in why
    assert Computed(missing={"wrong": why}).failed


def test_figures_names_an_unknown_experiment(tmp_path):
    done = run("scripts.figures", "--only", "lanes", "--out", tmp_path)
    assert done.returncode != 0
    assert "lanes" in done.stderr
    assert "'lane'" in done.stderr
    assert "'fork'" in done.stderr


def test_figures_reports_that_no_dask_scheduler_answers(tmp_path):
    done = run("scripts.figures", "--quick", "--only", "tightrope", "--dask", "tcp://127.0.0.1:9", "--out", tmp_path)
    assert done.returncode != 0
    assert "no Dask scheduler answers" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_dask_cluster_takes_the_seeds(tmp_path):
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None, protocol="tcp"
    ) as cluster:
        done = run(
            "scripts.figures", "--quick", "--only", "tightrope", "--dask", cluster.scheduler_address, "--out", tmp_path
        )
    assert done.returncode == 0, done.stderr[-2000:]
    assert len(json.loads((tmp_path / "claims.json").read_text())) == 2


# --- claims and results ----------------------------------------------------------------------------------------------
def test_a_claim_holds_only_within_its_bounds():
    values = np.array([0.96, 0.98, 1.0])
    assert Claim("", values, at_least=0.95).holds
    assert not Claim("", values, at_least=0.99).holds
    assert not Claim("", values, at_most=0.9).holds
    assert Claim("", values, at_least=0.95, at_most=0.99).target == "0.95 to 0.99"
    assert not Claim("", np.array([np.nan]), at_least=0.0).holds


def test_a_claim_shows_its_unit_once_and_an_interval_only_for_several_numbers():
    claim = Claim("", np.array([0.25, 0.5, 0.75]), at_most=0.5, unit="%")
    low, high = (f"{100 * bound:.1f}" for bound in claim.interval)
    assert (claim.shown, claim.target) == (f"50.0 [{low}, {high}] %", "at most 50.0 %")
    claim = Claim("", np.array([1.25]), at_least=1.0, at_most=3.0, unit="steps")
    assert (claim.shown, claim.target) == ("1.25 steps", "1 to 3 steps")
    assert Claim("", np.array([-1324.0]), at_most=2e7).shown == "-1,320", "no 1.32e+03 in a sentence"
    assert Claim("", np.array([2e7])).shown == "2e+07"


def test_the_interval_covers_the_mean_of_many_normal_samples():
    rng = np.random.default_rng(0)
    hits = [low <= 3.0 <= high for low, high in (interval(rng.normal(3.0, 1.0, 20)) for _ in range(300))]
    assert 0.87 < np.mean(hits) < 0.98


def test_results_are_found_again_only_for_the_same_options_code_and_versions(tmp_path, monkeypatch):
    store = Store(tmp_path)
    path = store.path("a job", "code", {"steps": 1})
    store.save(path, {"x": np.arange(3)})
    assert store.load(path)["x"].tolist() == [0, 1, 2]
    assert store.path("a job", "code", {"steps": 1}) == path
    assert store.path("a job", "code", {"steps": 2}) != path
    assert store.path("a job", "other code", {"steps": 1}) != path
    assert not list(tmp_path.glob("*.part"))
    monkeypatch.setitem(VERSIONS, "torch", "0.1")
    assert store.path("a job", "code", {"steps": 1}) != path


def test_the_large_l2_policy_has_sixteen_times_the_parameters():
    from hw1.policy import PolicyNetwork

    small, large = (
        sum(p.numel() for p in PolicyNetwork(FORK.recipes[name].policy, 5, 2).parameters()) for name in ("l2", "l2 x16")
    )
    assert 16 <= large / small < 17


def test_every_job_and_claim_names_what_exists():
    from scripts.figures import EXPERIMENTS

    for experiment in EXPERIMENTS.values():
        for quick in (False, True):
            names = [job.name for job in experiment.jobs(quick)]
            assert len(set(names)) == len(names)
            assert all(isinstance(job, Job) for job in experiment.jobs(quick))
            assert names == [job.name for job in experiment.jobs(not quick)] or experiment.name == "clips"


def test_importing_scripts_sets_one_thread():
    assert os.environ["OMP_NUM_THREADS"] == "1"
