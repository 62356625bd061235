"""What the demo says and draws: claims by their intervals, seeds, figures with tables and words."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure

from scripts import figures
from scripts.demo.page import page
from scripts.demo.present import Computed, present, withdraw
from scripts.experiments.base import Claim, Clip, Drawing, Experiment, Job, interval, table_of_means
from scripts.experiments.style import COLOURS, LINES, MARKERS, lecture_hall, look


# --- claims ----------------------------------------------------------------------------------------------------------
def test_a_claim_holds_if_the_whole_interval_keeps_the_bounds():
    values = np.array([0.8, 1.0, 1.2, 1.4])
    low, high = interval(values)
    assert low < 1.0 < values.mean() < high
    assert Claim("", values, at_least=low).holds
    assert not Claim("", values, at_least=1.0).holds  # the mean would keep it
    assert Claim("", values, at_most=high).holds
    assert not Claim("", values, at_most=1.2).holds
    assert Claim("", np.array([1.1]), at_least=1.0).holds  # one number for all seeds is judged itself


def ratio(rows: np.ndarray) -> float:
    return rows[:, 0].mean() / rows[:, 1].mean()


def test_an_estimate_over_all_seeds_is_bootstrapped():
    rows = np.random.default_rng(0).normal((4.0, 2.0), 0.2, (20, 2))
    claim = Claim("", rows, at_least=1.5, estimate=ratio)
    low, high = claim.interval
    assert claim.measured == ratio(rows)
    assert 1.8 < low < claim.measured < high < 2.2
    assert claim.holds


def test_a_draw_of_seeds_without_an_estimate_holds_nothing():
    rows = np.array([[1.0], [2.0], [np.nan], [3.0]])
    assert not Claim("", rows, at_least=0.0, estimate=lambda r: float(r.mean())).holds
    assert not Claim("", rows, at_most=9.0, estimate=lambda r: float(r.mean())).holds


def test_other_estimates_have_the_interval_of_the_mean_where_they_are_the_mean():
    values = np.random.default_rng(1).normal(size=12)
    assert interval(values, lambda rows: float(np.mean(rows))) == pytest.approx(interval(values))


# --- seeds -----------------------------------------------------------------------------------------------------------
def test_seeds_begin_where_they_are_told_and_some_jobs_need_only_the_first(tmp_path):
    def job(seeds):
        return {}

    job.__module__, job.__qualname__ = "scripts.experiments.tightrope", "simulate"
    experiment = Experiment(
        "x", "X", lambda quick: [Job("all", job), Job("large", job, together=4), Job("one", job, seeds=1)], (), ()
    )
    options = figures.Options(first_seed=700, seeds=7, together=5)
    parts = list(figures.parts_of([experiment], options, figures.Store(tmp_path), Computed().sources))
    assert [(part.job.name, part.seeds) for part in parts] == [
        ("all", (700, 701, 702, 703, 704)),
        ("all", (705, 706)),
        ("large", (700, 701, 702, 703)),
        ("large", (704, 705, 706)),
        ("one", (700,)),
    ]
    assert figures.measured_on(options) == "A full run: 7 seeds (700 to 706)."
    assert "20 seeds (10000 to 10019)" in figures.measured_on(figures.Options())


# --- optional experiments --------------------------------------------------------------------------------------------
def test_an_optional_experiment_runs_only_if_it_is_named_and_says_what_is_missing(monkeypatch, tmp_path, capsys):
    remedy = "the package mujoco is not installed: pip install -r requirements-mujoco.txt"
    experiment = Experiment("far", "Far", lambda quick: [], (), (), optional=True, absent=lambda: remedy)
    monkeypatch.setitem(figures.EXPERIMENTS, "far", experiment)
    assert "far" not in [each.name for each in figures.chosen(figures.Options())[0]]
    assert figures.run(figures.Options(only=("far",), out=tmp_path)) == 0
    assert f"left out: far: {remedy}" in capsys.readouterr().out
    assert f"Left out: far: {remedy}." in (tmp_path / "index.html").read_text()


# --- one experiment after the other ---------------------------------------------------------------------------------
def claims_in(folder) -> set[str]:
    return {row["claim"].partition(":")[0] for row in json.loads((folder / "claims.json").read_text())}


def numbered(n: int) -> Experiment:
    """An experiment with one claim, "claim n"."""

    def job(seeds):
        return {"y": np.ones(len(seeds))}

    job.__module__, job.__qualname__ = "scripts.experiments.tightrope", "simulate"
    claim = lambda results: [Claim(f"claim {n}: is one", results[f"job {n}"]["y"], 1.0, jobs=(f"job {n}",))]  # noqa: E731
    return Experiment(str(n), f"Number {n}", lambda quick: [Job(f"job {n}", job)], (claim,), ())


def test_experiments_that_run_one_by_one_share_a_page(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(figures, "EXPERIMENTS", {str(n): numbered(n) for n in (1, 2, 3)})
    options = figures.Options(out=tmp_path, seeds=2, jobs=1)
    for n, shown in (("2", {"claim 2"}), ("1", {"claim 1", "claim 2"}), ("2", {"claim 1", "claim 2"})):
        assert figures.run(replace(options, only=(n,))) == 0
        assert claims_in(tmp_path) == shown
    assert figures.run(replace(options, only=("3",), seeds=3)) == 0
    assert claims_in(tmp_path) == {"claim 3"}, "the others have not run with these seeds"
    assert "are kept" not in capsys.readouterr().out
    assert figures.run(replace(options, quick=True)) == 0
    assert "showed a full run before; its results are kept" in capsys.readouterr().out
    assert figures.run(replace(options, only=("1",))) == 0
    assert "showed a coarse run before; its results are kept" in capsys.readouterr().out


# --- figures ---------------------------------------------------------------------------------------------------------
def drawn(results) -> Figure:
    figure = Figure(figsize=(4, 3))
    figure.add_subplot().plot(results["a job"]["y"].mean(axis=0), **look(1))
    return figure


def numbers(results):
    return table_of_means("x (m)", [1, 2], {"the method": results["a job"]["y"]})


def own_jobs(quick: bool) -> list[Job]:
    return [Job("a job", drawn)]


DRAWING = Drawing("a_figure", "Look at the line.", drawn, "A line that rises from left to right.", numbers)


@pytest.fixture
def computed() -> Computed:
    made = Computed()
    made.results["a job"] = {"y": np.arange(6.0).reshape(3, 2), "seconds": np.ones(3)}
    return made


def test_a_figure_is_written_twice_with_its_numbers_and_always_the_same_bytes(computed, tmp_path):
    experiment = Experiment("x", "X", own_jobs, (), [DRAWING])
    contents = []
    for name in ("one", "two"):
        picture = present(experiment, computed, tmp_path / name)[2]["a_figure"]
        contents.append([(tmp_path / name / "figures" / file).read_bytes() for file in picture.files])
        assert picture.files == ("a_figure.svg", "a_figure.png", "a_figure.csv")
    assert contents[0] == contents[1]
    rows = list(csv.reader((tmp_path / "one/figures/a_figure.csv").read_text().splitlines()))
    assert rows[0] == ["curve", "x (m)", "mean", "95 % from", "95 % to"]
    assert [(row[0], row[1], float(row[2])) for row in rows[1:]] == [("the method", "1", 2.0), ("the method", "2", 3.0)]


def test_a_figure_is_drawn_again_only_if_what_it_depends_on_has_changed(computed, tmp_path, monkeypatch):
    calls = []

    def draw(results) -> Figure:
        calls.append(results)
        return drawn(results)

    experiment = Experiment("x", "X", own_jobs, (), [Drawing("a_figure", "Look.", draw, "A line.", numbers)])

    def files() -> dict[str, bytes]:
        picture = present(experiment, computed, tmp_path)[2]["a_figure"]
        assert picture.inches == (4, 3)
        assert [tuple(row[:2]) for row in picture.table[1]] == [("the method", 1), ("the method", 2)]
        return {file: (tmp_path / "figures" / file).read_bytes() for file in picture.files}

    files(), files()
    assert len(calls) == 2, "nobody knows what these results depend on"
    computed.files["a job"] = ["one"]
    first = files()
    assert (files(), len(calls)) == (first, 3)
    computed.files["of another experiment"], computed.results["of another experiment"] = ["three"], {}
    assert (files(), len(calls)) == (first, 3), "what runs beside it does not matter"
    computed.files["a job"], computed.results["a job"]["y"][0] = ["two"], 9.0
    assert files() != first
    assert len(calls) == 4
    monkeypatch.setattr("matplotlib.__version__", "0.1")
    files()
    assert len(calls) == 5
    for kept in (tmp_path / "cache").iterdir():
        kept.write_bytes(b"damaged")
    files()
    assert len(calls) == 6


def test_a_figure_that_cannot_be_drawn_costs_no_other(computed, tmp_path):
    broken = Drawing("broken", "No.", lambda results: 1 / 0, "Nothing.")
    needs = Drawing("needs", "No.", lambda results: results["another job"], "Nothing.")
    clip = Clip("clip", "No.", "Nothing.", "another job")
    experiment = Experiment("x", "X", own_jobs, (), [broken, needs, DRAWING], clips=[clip])
    _, _, pictures = present(experiment, computed, tmp_path)
    assert list(pictures) == ["a_figure"]
    assert list(computed.missing) == ["figure broken"]


def test_figures_that_are_not_on_the_page_are_withdrawn(computed, tmp_path):
    experiment = Experiment("x", "X", own_jobs, (), [DRAWING])
    shown = present(experiment, computed, tmp_path)
    (tmp_path / "figures/my_own.png").write_bytes(b"mine")
    withdraw([experiment], [shown], tmp_path)
    assert len(list((tmp_path / "figures").iterdir())) == 4
    withdraw([experiment], [(experiment, [], {})], tmp_path)
    assert [file.name for file in (tmp_path / "figures").iterdir()] == ["my_own.png"]


def test_an_experiment_sees_no_results_but_its_own(computed, tmp_path):
    computed.results["of another experiment"] = {"y": np.zeros((3, 2))}
    nosy = Drawing("nosy", "No.", lambda results: drawn({"a job": results["of another experiment"]}), "Nothing.")
    _, _, pictures = present(Experiment("x", "X", own_jobs, (), [nosy, DRAWING]), computed, tmp_path)
    assert list(pictures) == ["a_figure"]


def test_an_estimate_that_needs_an_exercise_costs_only_its_claims(computed, tmp_path):
    def unfinished(rows):
        raise NotImplementedError("TODO 3.2")

    def claims(results):
        return [Claim("c", results["a job"]["y"], at_least=0.0, estimate=unfinished)]

    good = [lambda results: [Claim("d", results["a job"]["y"], at_least=0.0)]]
    _, made, _ = present(Experiment("x", "X", own_jobs, [claims, *good], ()), computed, tmp_path)
    assert [claim.claim for claim in made] == ["d"]
    assert computed.missing == {"claims 1 of x": "needs TODO 3.2"}


def test_text_of_figures_is_escaped_and_numbers_are_in_the_page(computed, tmp_path):
    nasty = Drawing(
        "nasty", "a < b & c", drawn, 'the "line" <rises>', lambda results: (("<x>",), [("<1>",), (2.5,), (22_000,)])
    )
    presented = present(Experiment("x", "<X>", own_jobs, (), [nasty]), computed, tmp_path)
    text = page([presented], [], "Seeds <1>.", computed)
    assert 'alt="the &quot;line&quot; &lt;rises&gt;"' in text
    assert "a &lt; b &amp; c" in text
    assert '<th scope="row">&lt;1&gt;</th>' in text
    assert '<th scope="row">2.5</th>' in text
    assert '<th scope="row">22,000</th>' in text
    assert "<rises>" not in text
    assert "<X>" not in text


def test_rows_of_several_numbers_for_each_seed_are_in_the_json(computed):
    claim = Claim("c", np.array([[1.0, np.nan]] * 3), at_least=0.0, jobs=("a job",), estimate=lambda rows: rows[0, 0])
    row = figures.as_row(claim, computed.results, figures.Options(first_seed=40, seeds=3))
    assert json.loads(json.dumps(row, allow_nan=False))["values"] == [[1.0, None]] * 3
    assert row["seeds"] == [40, 42]


ALL = [each for experiment in figures.EXPERIMENTS.values() for each in (*experiment.drawings, *experiment.clips)]


@pytest.mark.parametrize("about", ALL, ids=lambda about: about.name)
def test_every_figure_is_described_in_words_of_its_own(about):
    assert len(about.description) >= 80
    assert about.description.endswith(".")
    assert about.description != about.caption


# --- style -----------------------------------------------------------------------------------------------------------
def luminance(colour: str) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in
              (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))]  # fmt: skip
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))


def test_methods_differ_in_more_than_colour_and_are_seen_on_white():
    looks = [(look(i)["color"], look(i)["marker"], look(i)["linestyle"]) for i in range(len(COLOURS))]
    assert len({marker for _, marker, _ in looks}) == len(MARKERS) == len(LINES) == len(COLOURS)
    assert all(1.05 / (luminance(colour) + 0.05) > 2.2 for colour in COLOURS)


def test_letters_are_large_enough_for_a_lecture_hall():
    with lecture_hall():
        figure = Figure()
        ax = figure.add_subplot(xlabel="x", ylabel="y", title="t")
        ax.plot([1, 2], label="a")
        texts = [ax.title, ax.xaxis.label, ax.yaxis.label, *ax.get_xticklabels(), *ax.legend().get_texts()]
        assert min(text.get_fontsize() for text in texts) >= 10
