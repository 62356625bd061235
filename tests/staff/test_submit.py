"""`python -m scripts.submit`: what it packs, what it prints, and that the server accepts the zip."""

import ast
import os
import re
import zipfile

import pytest

from hw1 import exercises
from hw1.exercises import ROOT
from scripts import portable, submit
from tests.autograder.intake import Intake, IntakeError, take
from tests.autograder.oracle import SNAPSHOT, Stored
from tests.autograder.probes import of
from tests.autograder.report import Result
from tests.autograder.verdict import Verdict


@pytest.fixture(scope="module")
def tree(student):
    """A student who changed a given file, imports a new file, and left one exercise out."""
    tree = student({"1.1": None, "3.3": "from hw1.helper import cost; return cost"})
    (tree.folder / "hw1/helper.py").write_text("cost = 0.0\n")
    with (tree.folder / "hw1/experts.py").open("a") as file:
        file.write("\n# a better expert\n")
    losses = tree.folder / "hw1/losses.py"
    losses.write_bytes(losses.read_bytes().replace(b"\n", b"\r\n"))
    return tree


@pytest.fixture(scope="module")
def submitted(tree):
    done = tree.run("scripts.submit")
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_zip_contains_the_four_files_and_nothing_else(tree, submitted):
    with zipfile.ZipFile(tree.folder / "submission.zip") as archive:
        assert archive.namelist() == exercises.files()
        for file in exercises.files():
            assert archive.read(file) == (tree.folder / file).read_bytes()


def test_the_server_accepts_the_zip(tree, submitted, tmp_path):
    intake = take(tree.folder / "submission.zip", tmp_path / "server")
    assert intake.missing == []
    for file in exercises.files():
        ast.parse((tmp_path / "server" / file).read_text())


def test_it_prints_the_contents_and_the_points(tree, submitted):
    for file in exercises.files():
        size = (tree.folder / file).stat().st_size
        assert re.search(rf"^ +{file} +{size:,} bytes +sha256 [0-9a-f]{{16}}$", submitted, re.MULTILINE)
    assert re.search(r"^1\.1 .* 0/4 +not attempted", submitted, re.MULTILINE)
    assert re.search(r"^E\.4 .* 5/5 +passed", submitted, re.MULTILINE)
    code, extra = (exercises.totals()[kind] for kind in ("code", "extra"))
    earned = re.search(rf"points +([\d.]+)/{code}", submitted)[1]
    assert code - 20 < float(earned) < code
    points = f"{earned} of {code} points and {extra} of {extra} points of extra credit."
    assert f"On the public checks it earns {points}" in submitted
    assert "only the seed" in submitted


def test_it_warns_of_changes_that_do_not_count_and_of_files_that_are_not_packed(submitted):
    assert re.search(r"^warning: hw1/experts.py: you changed this file.*ignored", submitted, re.MULTILINE)
    assert re.search(
        r"^warning: hw1/compounding.py, line \d+: the import will fail on the server: hw1.helper is not",
        submitted,
        re.M,
    )
    assert re.search(r"^warning: hw1/losses.py: Windows line ends", submitted, re.MULTILINE)


def test_it_says_if_no_check_could_run():
    def results(*statuses):
        return [Result.of([Verdict(probe, status) for probe, status in zip(of("1.1"), statuses, strict=False)])]

    assert "No check could run" in submit.earned(results("crashed", "timed out"))
    assert "it earns 0 of" in submit.earned(results("crashed", "failed"))


def test_a_file_that_is_not_text_is_named_and_costs_its_own_exercises_only(student):
    broken = student({})
    (broken.folder / "hw1/heads.py").write_bytes(b"# \0\xff\n")
    done = broken.run("scripts.submit")
    assert done.returncode == 1, done.stderr
    assert "warning: hw1/heads.py is missing: its exercises earn no points.\n" in done.stdout
    assert "warning: hw1/heads.py, line 1: a null byte, which Python does not accept; save the file" in done.stdout


def test_nothing_is_written_if_nothing_can_be_graded(student):
    broken = student({})
    for file in exercises.files():
        (broken.folder / file).write_bytes(b"# \0\xff\n")
    done = broken.run("scripts.submit")
    assert done.returncode == 2
    assert done.stderr.startswith("error: hw1/losses.py, line 1: a null byte")
    assert not (broken.folder / "submission.zip").exists()


# --- in this process --------------------------------------------------------------------------------------------------
@pytest.fixture
def own(tmp_path):
    """A folder with the student's files; one is broken and one is missing."""
    (tmp_path / "hw1").mkdir()
    for file in exercises.files()[:-1]:
        (tmp_path / file).write_text("import numpy\nfrom hw1.rollout import rollout\nfrom . import losses\n")
    (tmp_path / exercises.files()[0]).write_text("import (\n")
    (tmp_path / "tests/autograder/probes").mkdir(parents=True)
    (tmp_path / SNAPSHOT).write_bytes((ROOT / SNAPSHOT).read_bytes())
    return tmp_path


def test_the_same_files_make_the_same_zip_whenever_they_were_written(own):
    first = submit.pack(own)
    for file in submit.handed_in(own):
        os.utime(own / file, (1e9, 1e9))
        (own / file).chmod(0o600)
    assert submit.pack(own) == first


def test_a_zip_that_was_complete_is_not_replaced_by_less(own, tmp_path, monkeypatch):
    (own / exercises.files()[0]).write_text("x = 1\n")
    out, last = tmp_path / "submission.zip", exercises.files()[-1]
    files = {file: b"x = 1\n" for file in exercises.files()}
    out.write_bytes(before := submit.zipped(files, dict.fromkeys(files, 0o644)))
    monkeypatch.setattr(submit, "ROOT", own)
    with pytest.raises(IntakeError, match=f"{last}: in the earlier .*submission.zip, but no longer in your folder"):
        submit.submit(out)
    assert out.read_bytes() == before


def test_there_is_a_warning_for_a_missing_file_but_none_for_a_broken_one(own):
    intake = Intake("", [exercises.files()[-1]], ["a note"])
    warnings = list(submit.warnings(own, intake, Stored(own)))
    last = exercises.files()[-1]
    back = f"; git checkout -- {last} brings it back in a clone, else copy it from the release."
    assert warnings[:2] == [f"{last} is missing: its exercises earn no points{back}", "a note"]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("import alone", "no module called alone"),
        ("import numpy, mine.deep", "no module called mine"),
        ("from mine import deep", "no module called mine"),
        ("from hw1 import own", "hw1.own is not handed in"),
        ("from . import own", "hw1.own is not handed in"),
        ("from .own import x", "hw1.own is not handed in"),
        ("from hw1.own import x", "hw1.own is not handed in"),
        ("from hw1.package import x", "hw1.package is not handed in"),
        ("def f():\n    import hw1.own", "hw1.own is not handed in"),
        ("from hw1.losses import mse_loss", None),
        ("from hw1 import rollout, heads", None),
        ("import math, torch", None),
    ],
)
def test_imports_of_files_that_are_not_packed_are_found(own, line, found, monkeypatch):
    monkeypatch.setattr(portable, "ROOT", own)
    (own / "requirements.txt").write_text("")
    for file in ("alone.py", "mine/deep.py", "hw1/own.py", "hw1/package/__init__.py", "hw1/rollout.py"):
        (own / file).parent.mkdir(exist_ok=True)
        (own / file).write_text("")
    warnings = list(portable.warnings({"hw1/heads.py": f"{line}\n".encode()}))
    assert len(warnings) == bool(found)
    assert not found or found in warnings[0]


def test_an_output_that_cannot_be_written_gets_an_error_of_one_sentence(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(submit, "grade", lambda *arguments: [])
    assert submit.main(["--out", str(tmp_path / "no" / "such.zip")]) == 2
    assert re.match(r"error: .*such\.zip.*: No such file or directory\n", capsys.readouterr().err)
