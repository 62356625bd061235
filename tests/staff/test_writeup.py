"""The writeup: the same ids and points everywhere, no measured number typed by hand, PDFs without flaws."""

import importlib.util
import re
import zipfile

import numpy as np
import pytest

from hw1 import exercises
from scripts import figures
from scripts.staff import picture, ranges, writeup
from scripts.staff.ranges import quantities, shown, summary
from scripts.staff.writeup import WRITEUP, Options, complaints, made
from tests.autograder.staff import markers

SOURCES = ("staff/handout.typ", "report.tex", "staff/rubric.tex")
HANDOUT, REPORT, RUBRIC = ((WRITEUP / name).read_text(encoding="utf-8") for name in SOURCES)
POINTS = {"1": 1.0, r"\half": 0.5, r"1\half": 1.5, "2": 2.0}


def questions(text: str) -> dict[str, str]:
    """By id, what is in the box of a written question, in LaTeX or Typst."""
    latex = re.findall(r"\\begin\{question\}\{(5\.\d)\}(.*?)\\end\{question\}", text, re.DOTALL)
    return dict(latex + re.findall(r'#question\("(5\.\d)"(.*?)\n\]\n', text, re.DOTALL))


# --- ids and points ---------------------------------------------------------------------------------------------------
def test_the_handout_has_one_box_for_every_exercise_and_no_other():
    boxes = re.findall(r'#exercise\("(.*?)"', HANDOUT)
    assert len(boxes) == len(set(boxes))
    assert set(boxes) == set(exercises.load())


@pytest.mark.parametrize("text", [HANDOUT, REPORT, RUBRIC], ids=["handout", "report", "rubric"])
def test_every_written_question_has_a_box_in_every_document(text):
    assert list(questions(text)) == list(exercises.written())


def test_the_parts_of_a_question_add_up_to_its_points_in_handout_and_rubric():
    for text in (HANDOUT, RUBRIC):
        sums = {id: sum(map(int, re.findall(r"(?:\\pts\{|#part\()(\d)", box))) for id, box in questions(text).items()}
        assert sums == exercises.written()


def test_the_rubric_gives_the_points_of_every_part():
    for id, box in questions(RUBRIC).items():
        for part in box.split(r"\textbf{(")[1:]:
            full = part.partition(r"\partly")[0]
            given = sum(POINTS[p] for p in re.findall(r"\\gives\{(.*?)\}\{", full))
            assert given == int(re.search(r"\\pts\{(\d)\}", part)[1]), (id, part[0])


def test_no_document_types_points_of_its_own():
    for text in (HANDOUT, REPORT, RUBRIC):
        assert not re.search(r"\d\s*points", text)


def test_generated_files_are_up_to_date():
    for path, content in made().items():
        assert path.read_bytes() == content, f"{path.name} is stale: run `make writeup`"


# --- what the handout says about the rest of the repository -----------------------------------------------------------
def test_figures_to_hand_in_are_made_by_their_experiment_and_have_a_box_in_the_report():
    asked = re.findall(r"#runs\(`python -m scripts\.figures --only (\w+)`\)\s*#hand-in\[(.*?)\]\n", HANDOUT, re.DOTALL)
    assert {name for name, _ in asked} == {
        e.name for e in figures.EXPERIMENTS.values() if e.drawings and not e.optional
    }
    wanted = []
    for name, text in asked:
        own = re.findall(r"`(\w+)\.png`", text)
        assert own
        assert set(own) <= {drawing.name for drawing in figures.EXPERIMENTS[name].drawings}
        wanted += own
    assert re.findall(r"\\hwfigure\{(\w+)\}", REPORT) == wanted
    assert list(picture.EXPECTED) == wanted
    shown_in_handout = re.findall(r'"(\w+)"', " ".join(re.findall(r"#reference\(.*", HANDOUT)))
    assert shown_in_handout == wanted


def test_every_command_of_the_handout_exists():
    modules = set(re.findall(r"python -m (scripts\.[\w.]+)", HANDOUT)) | {f"scripts.{m}" for m in ("check", "submit")}
    for module in modules:
        assert importlib.util.find_spec(module.rstrip(".")), module


def test_the_handout_gives_no_solution_away():
    for file in exercises.files():
        text = (writeup.ROOT / file).read_text()
        for begin, end in markers.solutions(text):
            solution = text[begin:end]
            for line in map(str.strip, solution.splitlines()):
                assert len(line) < 20 or line not in HANDOUT, line


# --- expected ranges --------------------------------------------------------------------------------------------------
def test_every_range_that_a_document_asks_for_is_measured():
    stored = ranges.stored()
    assert stored["seeds"] == figures.FULL_SEEDS
    assert set(stored["minutes"]) == {name for name, each in figures.EXPERIMENTS.items() if not each.optional}
    assert set(stored["ranges"]) <= set(quantities())
    for name, r in stored["ranges"].items():
        assert r["low"] <= r["median"] <= r["high"], name
    asked = re.findall(r"\\(?:median|fromto|expected)\{(.*?)\}", RUBRIC.replace("\n", " "))
    assert asked
    assert set(asked) <= set(stored["ranges"])


def test_ranges_are_read_from_the_results_of_a_demo(monkeypatch, tmp_path):
    values = np.arange(10.0)

    def arrays(self, job):
        shapes = {"J": (10, 2, 5), "cost": (10, 8), "labels": (10, 6), "variation": (10, 2, 400)}
        shapes |= {"roc": (10, 3, 101), "area": (10, 3)}
        flat = {name: np.ones(shape) for name, shape in shapes.items()}
        alone = {name: values / 10 for name in ("between", "success", "per_tree")}
        return flat | alone | {"seconds": np.full(10, 30.0)}

    results = type("Fake", (dict,), {"__missing__": arrays})()
    monkeypatch.setattr(figures, "compute", lambda _, __, computed: setattr(computed, "results", results))
    found = ranges.measure(tmp_path)
    assert found["minutes"]["tightrope"] == 10.0  # two jobs of ten seeds of half a minute
    assert found["ranges"]["fork l2"] == {"median": 0.45, "low": 0.045, "high": 0.855, "percent": True}
    assert found["ranges"]["lane history 2"]["median"] == pytest.approx(1 / 400)


def test_a_summary_is_the_median_and_the_outer_quantiles():
    assert summary(np.arange(101.0), False) == {"median": 50.0, "low": 5.0, "high": 95.0, "percent": False}


@pytest.mark.parametrize(
    ("value", "percent", "text"),
    [
        (0.165, True, "16"),
        (0.025, True, "2.5"),
        (0.00025, True, "<0.1"),
        (0.0, True, "0"),
        (1.0, True, "100"),
        (22_000.0, False, "22,000"),
        (0.01444, False, "0.014"),
        (1.008, False, "1.0"),
        (0.04, True, "4.0"),
        (133.6, False, "130"),
        (0.0, False, "0"),
    ],
)
def test_numbers_are_printed_to_the_precision_that_they_have(value, percent, text):
    assert shown(value, percent) == text


# --- PDFs -------------------------------------------------------------------------------------------------------------
def test_without_latex_the_packages_are_named(monkeypatch, capsys):
    monkeypatch.setattr(writeup.shutil, "which", lambda name: None)
    assert writeup.main(Options()) == 2
    assert "apt-get install latexmk texlive-pictures texlive-latex-extra" in capsys.readouterr().err


def test_flaws_of_a_page_are_found_in_the_log():
    log = """LaTeX Warning: Reference `eq:bond' on page 6 undefined on input line 300.
Overfull \\hbox (4.9pt too wide) in paragraph at lines 1--2
Overfull \\hbox (5.1pt too wide) in paragraph at lines 3--4
Missing character: There is no x in font cmr10!
LaTeX Warning: Label `ex:1.1' multiply defined."""
    assert [line.split()[0] for line in complaints(log)] == ["LaTeX", "LaTeX", "Missing", "Overfull"]
    assert complaints("Output written on handout.pdf (11 pages, 1 bytes).\n") == []


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The folder of the PDFs, and the exit status."""
    if missing := writeup.missing_packages():
        pytest.skip(f"LaTeX is not complete here; apt-get install {' '.join(missing)}")
    out = tmp_path_factory.mktemp("writeup")
    return out, writeup.build(out)


def log_of(built, name: str) -> str:
    return (built[0] / "build" / f"{name}.log").read_text(errors="replace")


def test_the_documents_are_typeset_without_flaws(built):
    out, status = built
    assert status == 0
    for name in ("rubric", "report-template"):
        assert (out / f"{name}.pdf").read_bytes().startswith(b"%PDF"), name
        assert not complaints(log_of(built, name))


def test_the_same_sources_give_the_same_pdf(built, tmp_path):
    writeup.latex(WRITEUP, "staff/rubric.tex", tmp_path)
    assert (tmp_path / "rubric.pdf").read_bytes() == (built[0] / "rubric.pdf").read_bytes()


def test_the_report_template_stands_alone_and_holds_nothing_of_staff(built):
    with zipfile.ZipFile(built[0] / "report-template.zip") as archive:
        names = archive.namelist()
        assert archive.read("report.tex").decode() == REPORT
    assert sorted(names) == ["figures/README.txt", "hw1.sty", "points.tex", "report.tex"]


def test_a_mistake_in_a_document_is_reported_with_its_line(built, tmp_path):
    (tmp_path / "wrong.tex").write_text("\\documentclass{article}\n\\begin{document}\n\\nosuchmacro\n\\end{document}\n")
    with pytest.raises(writeup.LatexError, match=r"wrong\.tex:3: Undefined control sequence"):
        writeup.latex(tmp_path, "wrong.tex", tmp_path / "out")
