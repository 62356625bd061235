"""The notebooks, executed as students execute them: with every exercise done, with none, and without extra credit."""

import ast
import json
import re
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import nbformat
import pytest

from hw1 import exercises
from hw1.exercises import ROOT
from scripts import notebook
from tests.autograder.staff.markers import strip
from tests.staff.conftest import Student

NOTEBOOKS = {path.stem[0]: path for path in sorted((ROOT / "notebooks").glob("*.ipynb"))}
TABLE = exercises.load()
EXTRA = [id for id, exercise in TABLE.items() if exercise.extra]
# A cell that needs several exercises names the first that it comes to.
NEEDS = {
    "1": {"1.1", "1.2", "2.1", "2.2", "E.1", "E.2", "E.3"},
    "2": {"1.1", "3.3"},
    "3": {"1.1", "4.3"},
    "4": {"1.1", "2.2", "4.3"},
}
NEEDS_EXTRA = {"1": {"E.1", "E.2", "E.3"}, "2": set(), "3": {"E.4"}}
# Moves a slider as a student does; whoever executes it sees the last figure.
SLIDER = """
import ipywidgets
from matplotlib.figure import Figure

drawn = []

def draw(size=2):
    drawn.append(size)
    return Figure(figsize=(size, 1))

sliders(draw, size=[1, 2, 3])
(slider,) = (w for w in ipywidgets.widgets.widget._instances.values() if isinstance(w, ipywidgets.SelectionSlider))
slider.value = 3
assert drawn == [2, 3] and not slider.disabled
"""
# The same at the end of each notebook, with its first slider; a notebook with stubs may have none.
MOVE = """
import ipywidgets

kinds = ipywidgets.widgets.widget._instances.values()
for slider in [w for w in kinds if isinstance(w, ipywidgets.SelectionSlider)][:1]:
    slider.index = 0 if slider.index else 1
    assert not slider.disabled
    print("moved", slider.description)
"""


def read(number):
    return nbformat.read(NOTEBOOKS[number], as_version=4)


def setup_cell(number):
    return next(cell.source for cell in read(number).cells if cell.cell_type == "code")


# --- as they are written ---------------------------------------------------------------------------------------------
def test_there_are_four():
    assert list(NOTEBOOKS) == ["1", "2", "3", "4"]


@pytest.mark.parametrize("number", NOTEBOOKS)
class TestSource:
    def test_format_is_valid_with_ids_of_its_own_for_all_cells(self, number):
        notebook = json.loads(NOTEBOOKS[number].read_text(encoding="utf-8"))
        assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
        nbformat.validate(notebook)
        ids = [cell["id"] for cell in notebook["cells"]]
        assert len(ids) == len(set(ids))

    def test_begins_and_ends_with_a_question(self, number):
        first, *_, last = read(number).cells
        assert first.cell_type == last.cell_type == "markdown"
        assert re.search(r"^\*\*[^*]+\?\*\*$", first.source, re.MULTILINE)
        assert re.search(r"\*\*[^*]+\?\*\*[^\n]*\Z", last.source)

    def test_asks_for_a_prediction_before_every_figure(self, number):
        cells = [cell for cell in read(number).cells if not cell.source.startswith("predict(")]
        for before, cell in pairwise(cells):
            if cell.cell_type == "code" and re.search(r"\b(display|sliders)\(", cell.source):
                assert "**Before you" in before.source, cell.id

    def test_stores_predictions_whose_outcome_the_next_cell_shows(self, number):
        asked = 0
        for cell, after in pairwise(read(number).cells):
            if name := re.match(r'predict\("(.+?)"', cell.source):
                asked += 1
                assert name[1].startswith(f"{number}/")
                assert f'outcome("{name[1]}", ' in after.source
        assert asked >= 2

    def test_has_the_same_first_cell_as_the_others(self, number):
        assert setup_cell(number) == setup_cell("1")


def test_holds_no_outputs():
    command = [Path(sys.executable).with_name("nbstripout"), "--keep-id", "--verify", *NOTEBOOKS.values()]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


# --- as they run -----------------------------------------------------------------------------------------------------
class Executed:
    """A notebook after its execution by nbmake in a student's folder."""

    def __init__(self, student: Student, source: nbformat.NotebookNode, name: str):
        path = student.folder / "notebooks" / name
        nbformat.write(source, path)
        options = ["-q", "--nbmake", "--overwrite", "--nbmake-timeout=180", "-p", "no:cacheprovider"]
        for _ in range(3):
            process = student.start("pytest", *options, f"notebooks/{name}")
            self.said, _ = process.communicate(timeout=900)
            # Jupyter chooses ports before it uses them: of two kernels that start at once, one may find its port taken.
            if "Kernel died before replying to kernel_info" not in self.said:
                break
        self.passed = process.returncode == 0
        self.cells = nbformat.read(path, as_version=4).cells

    def text(self, stream="stdout") -> str:
        outputs = [output for cell in self.cells for output in cell.get("outputs", ())]
        return "".join(o.text for o in outputs if o.output_type == "stream" and o.name == stream)

    def missing(self) -> set[str]:
        """The exercises that it reports as needed."""
        said = re.findall(r"^needs exercise (\S+): not done yet; python -m scripts.check (\S+)$", self.text(), re.M)
        assert all(first == second for first, second in said)
        return {id for id, _ in said}

    def pictures(self) -> dict[str, list[str]]:
        """Figures by cell, as base64."""
        found = {
            c.id: [o.data["image/png"] for o in c.get("outputs", ()) if "image/png" in o.get("data", ())]
            for c in self.cells
        }
        return {id: pictures for id, pictures in found.items() if pictures}


def as_released(number: str) -> nbformat.NotebookNode:
    """The notebook that students get; its first cell comes once more at the end, and its first slider is moved."""
    notebook = nbformat.reads(strip(NOTEBOOKS[number].read_text(encoding="utf-8"), ".ipynb"), as_version=4)
    again = nbformat.v4.new_code_cell(setup_cell(number), id="setup-again")
    notebook.cells += [again, nbformat.v4.new_code_cell(MOVE, id="move-slider")]
    return notebook


def slider_notebook() -> nbformat.NotebookNode:
    cells = [nbformat.v4.new_code_cell(setup_cell("1"), id="setup"), nbformat.v4.new_code_cell(SLIDER, id="slider")]
    return nbformat.v4.new_notebook(cells=cells)


@pytest.fixture(scope="module")
def executed(student):
    """All executed notebooks, by state of the homework and number; two run at a time."""
    states = {"done": {}, "stubs": dict.fromkeys(TABLE), "no extra": dict.fromkeys(EXTRA)}
    students = {state: student(edits) for state, edits in states.items()}
    for each in students.values():
        (each.folder / "notebooks").mkdir()
    # The longest first.
    wanted = [("done", n) for n in "3142"] + [("no extra", n) for n in NEEDS_EXTRA] + [("stubs", n) for n in NOTEBOOKS]
    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(2) as pool:
        patch.setenv("HW1_FAST", "1")
        running = {
            (state, n): pool.submit(Executed, students[state], as_released(n), NOTEBOOKS[n].name) for state, n in wanted
        }
        running["done", "slider"] = pool.submit(Executed, students["done"], slider_notebook(), "slider.ipynb")
        return {key: future.result() for key, future in running.items()}


@pytest.mark.parametrize("number", NOTEBOOKS)
def test_reference_draws_every_figure_without_a_warning(executed, number):
    run = executed["done", number]
    assert run.passed, run.said
    assert run.missing() == set()
    assert run.text("stderr") == ""
    drawing = {
        cell.id for cell in run.cells if cell.cell_type == "code" and re.search(r"\b(display|sliders)\(", cell.source)
    }
    assert set(run.pictures()) == drawing
    assert run.text().count("fast mode") == 2  # the first cell, and the first cell again
    assert len(re.findall("^moved ", run.text(), re.MULTILINE)) == 1


@pytest.mark.parametrize("number", NOTEBOOKS)
def test_stubs_stop_no_notebook_and_are_named(executed, number):
    run = executed["stubs", number]
    assert run.passed, run.said
    assert run.missing() == NEEDS[number]


@pytest.mark.parametrize("number", NEEDS_EXTRA)
def test_without_extra_credit_only_its_figures_are_missing(executed, number):
    run = executed["no extra", number]
    assert run.passed, run.said
    assert run.missing() == NEEDS_EXTRA[number]
    needs_extra = {"3": {"doubt-figure", "roc-figure"}}.get(number, set())
    assert set(run.pictures()) == set(executed["done", number].pictures()) - needs_extra


def test_two_runs_agree(executed):
    """The second notebook needs no extra credit: both runs are of the same code."""
    assert executed["no extra", "2"].pictures() == executed["done", "2"].pictures()


def test_moved_slider_draws_again(executed):
    run = executed["done", "slider"]
    assert run.passed, run.said


# --- where it is, what is installed ----------------------------------------------------------------------------------
def run_setup(folder: Path) -> subprocess.CompletedProcess:
    """The first cell, executed in `folder`."""
    return subprocess.run([sys.executable, "-I", "-c", setup_cell("1")], cwd=folder, capture_output=True, text=True)


def test_first_cell_finds_an_uploaded_zip(student, tmp_path):
    homework = student({})
    with zipfile.ZipFile(tmp_path / "upload.zip", "w") as archive:
        for path in homework.folder.rglob("*.*"):
            archive.write(path, Path("hw1-imitation") / path.relative_to(homework.folder))
    with zipfile.ZipFile(tmp_path / "another.zip", "w") as archive:
        archive.writestr("data.csv", "1,2")
    done = run_setup(tmp_path)
    assert done.returncode == 0, done.stderr
    assert "the homework in hw1-imitation/" in done.stdout
    assert not (tmp_path / "another").exists()


@pytest.fixture
def colab(tmp_path) -> Path:
    """What is in /content before anything is uploaded."""
    for name in (".config/gce", "sample_data/README.md", "sample_data/mnist_test.csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("1,2\n")
    return tmp_path


@pytest.mark.parametrize("place", ["hw1-imitation", "drive/MyDrive/hw1", "drive/MyDrive/my courses/hw1 (copy)"])
def test_first_cell_finds_a_clone_and_a_mounted_drive_on_colab(student, colab, place):
    homework = student({})
    (colab / place).parent.mkdir(parents=True, exist_ok=True)
    homework.folder.rename(colab / place)
    for _ in range(2):  # it may run again
        done = run_setup(colab)
        assert done.returncode == 0, done.stderr
        assert f"the homework in {Path(place).name}/" in done.stdout


def test_first_cell_keeps_what_was_edited_after_a_zip_was_unpacked(student, colab):
    homework = student({})
    with zipfile.ZipFile(colab / "hw1-student.zip", "w") as archive:
        for path in homework.folder.rglob("*.*"):
            archive.write(path, Path("hw1-student") / path.relative_to(homework.folder))
    assert run_setup(colab).returncode == 0
    (edited,) = colab.glob("**/hw1/losses.py")
    edited.write_text(edited.read_text() + "\n# mine\n")
    assert run_setup(colab).returncode == 0
    assert "# mine" in edited.read_text()


def test_first_cell_reports_that_there_is_no_homework(tmp_path):
    done = run_setup(tmp_path)
    assert done.returncode == 1
    assert "upload its zip" in done.stderr
    assert "Traceback" not in done.stderr


def test_setup_names_the_command_that_installs_what_is_missing(monkeypatch):
    there = notebook.find_spec
    monkeypatch.setattr(notebook, "find_spec", lambda name: None if name == "gymnasium" else there(name))
    with pytest.raises(SystemExit, match=r"missing: gymnasium\. .*\n%pip install gymnasium==\d"):
        notebook.setup()


def test_setup_looks_for_every_package_that_a_notebook_needs():
    needed = set()
    for folder in (ROOT / "hw1", ROOT / "scripts" / "experiments"):
        for file in folder.rglob("*.py"):
            for node in ast.parse(file.read_text(encoding="utf-8")).body:
                names = (
                    [a.name for a in node.names] if isinstance(node, ast.Import) else [getattr(node, "module", None)]
                )
                needed |= {name.partition(".")[0] for name in names if name}
    comes_along = {"PIL"}  # Pillow, with matplotlib
    assert needed - sys.stdlib_module_names - {"hw1", "scripts"} - comes_along == set(notebook.PACKAGES)


def test_without_ipywidgets_there_is_only_the_figure(monkeypatch, capsys):
    monkeypatch.setattr(notebook, "find_spec", lambda name: None)
    drawn = []
    notebook.sliders(lambda size=2: drawn.append(size), size=[1, 2, 3])
    assert drawn == [2]
    assert "size=2" in capsys.readouterr().out


def test_only_unfinished_exercises_are_caught(capsys):
    with notebook.if_done():
        raise NotImplementedError("TODO 1.3")
    assert capsys.readouterr().out == "needs exercise 1.3: not done yet; python -m scripts.check 1.3\n"
    for error in (NotImplementedError("TODO 9.9"), NotImplementedError("no such operator"), ValueError("TODO 1.3")):
        with pytest.raises(type(error)), notebook.if_done():
            raise error
