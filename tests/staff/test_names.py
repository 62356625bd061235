"""The names of submissions: easy to see and type, one for each submission, and the same in every call."""

import os
import unicodedata
from pathlib import Path

import pytest

from tests.autograder.staff import layouts
from tests.autograder.staff.batch import BatchError
from tests.autograder.staff.names import assign, name_of, printable, quoted, target


# --- the name of one path ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("in/alice", "alice"),
        ("in/alice.zip", "alice"),
        ("in/alice.ZIP", "alice"),
        ("in/alice/submission.zip", "alice"),
        ("in/alice/submission (1).zip", "alice"),
        ("in/alice/submission(12).zip", "alice"),
        ("in/alice/Submission - Copy (2).zip", "alice"),
        ("in/alice/hw1", "alice"),
        ("in/alice/hw1 copy.zip", "alice"),
        ("in/submission_12345", "submission_12345"),  # Gradescope's export
        ("in/Student 1_12341_assignsubmission_file/submission.zip", "Student 1_12341_assignsubmission_file"),
        ("in/.hidden.zip", "_hidden"),
        ("in/a\x1b[31mb\n.zip", "a_[31mb_"),
        ("in/a\u202egpj.zip", "a_gpj"),  # shown from right to left
        ("in/a\u200bb\ufeff\u3164.zip", "a_b__"),  # nothing is seen of these
        ("in/a\udcffb.zip", "a_b"),  # no UTF-8
        ("in/ alice .zip", "alice"),
        ("in/v1.2", "v1.2"),
        ("in/Jürgen.zip", "Jürgen"),
        ("in/" + unicodedata.normalize("NFD", "Jürgen") + ".zip", "Jürgen"),
        ("/submission.zip", "_"),
    ],
)
def test_a_submission_has_the_name_of_its_file_or_its_folder(path, name):
    assert name_of(Path(path)) == name


@pytest.mark.parametrize("letter", ["ä", "\u0436", "\U0001f600", "\u0958"])  # the last is longer in NFC
def test_no_name_is_too_long_for_a_folder(tmp_path, letter):
    names = assign([Path(f"/in/.{letter * 85}{i}.zip") for i in range(12)], {})
    assert len(names) == 12
    for name in names:
        (tmp_path / name).mkdir()


def test_a_quoted_path_tells_apart_what_a_name_does_not():
    paths = ["a\x07b", "a\u200bb", "a\udcffb", "a\u3164b", "a\\x07b"]
    assert {printable(path) for path in paths[:4]} == {"a_b"}
    assert len({quoted(path) for path in paths[:4]}) == 4
    assert all(quoted(path).isprintable() for path in paths)


# --- what is graded ---------------------------------------------------------------------------------------------------
def found(paths: list[Path], out: Path) -> tuple[list[Path], list[Path]]:
    attempts, skipped = layouts.found(paths, out)
    return [attempt.files[0] for attempt in attempts], skipped


def test_a_repeated_path_counts_once(tmp_path):
    (tmp_path / "alice").mkdir()
    paths = [tmp_path / "alice", tmp_path / "alice", tmp_path / "x" / ".." / "alice"]
    assert found(paths, tmp_path / "out") == ([tmp_path / "alice"], [])


def test_what_is_neither_a_folder_nor_a_zip_is_no_submission(tmp_path):
    junk = ["grades.yml", "desktop.ini", "Thumbs.db", ".DS_Store", "roster.csv", "index.html", "._a.zip"]
    for name in [*junk, "alice.zip"]:
        (tmp_path / name).touch()
    for name in ["__MACOSX", ".git", "bob", "out"]:
        (tmp_path / name).mkdir()
    submissions, skipped = found(sorted(tmp_path.iterdir()), tmp_path / "out")
    assert [path.name for path in submissions] == ["alice.zip", "bob"]
    assert {path.name for path in skipped} == {*junk, "__MACOSX", ".git", "out"}


def test_a_path_that_does_not_exist_is_an_error(tmp_path):
    with pytest.raises(BatchError, match='nowhere" does not exist'):
        found([tmp_path / "nowhere"], tmp_path)


@pytest.mark.parametrize(
    ("files", "what"),
    [
        (["submission.zip"], "submission.zip"),
        (["My Work.ZIP", "onlinetext.html", "._My Work.ZIP"], "My Work.ZIP"),
        (["a.zip", "b.zip"], ""),  # which of them?
        (["data.zip", "hw1/losses.py"], ""),
        (["data.zip", "homework/HW1/x.txt"], ""),
        (["data.zip", "homework/losses.py"], ""),
        (["notes.txt"], ""),
    ],
)
def test_a_folder_that_holds_only_a_zip_is_graded_by_it(tmp_path, files, what):
    for file in files:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    assert target(tmp_path) == tmp_path / what


def test_a_link_to_a_zip_is_not_followed(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "bob.zip").touch()
    (tmp_path / "a" / "x.zip").symlink_to(tmp_path / "bob.zip")
    assert target(tmp_path / "a") == tmp_path / "a"


# --- one name for each path -------------------------------------------------------------------------------------------
class Class:
    """A class whose names are assigned call by call, as the folder of grades remembers them."""

    def __init__(self, root: Path):
        self.root = root
        self.known: dict[str, str] = {}

    def add(self, *files: str) -> list[Path]:
        paths = [self.root / os.fsdecode(file) for file in files]
        for path in paths:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        return paths

    def call(self, *files: str) -> dict[str, str]:
        """Paths below the root by name."""
        found = assign(self.add(*files), self.known)
        assert len(found) == len(files)
        self.known |= {name: str(path) for name, path in found.items()}
        return {name: str(path.relative_to(self.root)) for name, path in found.items()}


@pytest.fixture
def course(tmp_path):
    return Class(tmp_path)


def test_two_submissions_with_the_same_name_get_numbers_in_the_order_of_their_paths(course):
    assert course.call("b/alice.zip", "c/alice.zip", "a/alice.zip") == {
        "alice": "a/alice.zip",
        "alice-2": "b/alice.zip",
        "alice-3": "c/alice.zip",
    }


def test_a_known_path_keeps_its_name_whatever_else_is_graded(course):
    course.call("a/alice.zip", "b/alice.zip")
    assert course.call("b/alice.zip") == {"alice-2": "b/alice.zip"}
    assert course.call("0/alice.zip", "a/alice.zip", "b/alice.zip") == {
        "alice": "a/alice.zip",
        "alice-2": "b/alice.zip",
        "alice-3": "0/alice.zip",
    }
    (course.root / "a/alice.zip").unlink()
    assert course.call("b/alice.zip") == {"alice-2": "b/alice.zip"}


def test_a_new_download_replaces_the_same_students_work(course):
    course.call("week1/alice.zip", "week1/bob.zip")
    assert course.call("week2/alice.zip") == {"alice": "week2/alice.zip"}
    assert course.call("week2/bob/submission.zip") == {"bob": "week2/bob/submission.zip"}
    assert course.call("week2/alice/hw1") == {"alice": "week2/alice/hw1"}


def test_a_second_file_in_the_same_folder_replaces_the_first_only_if_that_is_gone(course):
    course.call("in/alice.zip")
    assert course.call("in/alice") == {"alice-2": "in/alice"}
    (course.root / "in/alice.zip").unlink()
    assert course.call("in/alice.ZIP") == {"alice": "in/alice.ZIP"}


def test_a_new_download_of_two_with_one_name_replaces_each_by_its_own(course):
    course.call("week1/a/project.zip", "week1/b/project.zip")
    assert course.call("week2/b/project.zip") == {"project-2": "week2/b/project.zip"}
    assert course.call("week3/0/project.zip", "week3/a/project.zip", "week3/b/project.zip") == {
        "project": "week3/a/project.zip",
        "project-2": "week3/b/project.zip",
        "project-3": "week3/0/project.zip",
    }


def test_nobody_gets_a_number_that_is_another_students_name(course):
    assert course.call("a/alice.zip", "b/alice.zip", "c/alice-2.zip") == {
        "alice": "a/alice.zip",
        "alice-2": "c/alice-2.zip",
        "alice-3": "b/alice.zip",
    }


def test_a_numbered_name_is_not_replaced_by_a_student_who_is_called_so(course):
    course.call("a/alice.zip", "b/alice.zip")
    assert course.call("c/alice-2.zip") == {"alice-2-2": "c/alice-2.zip"}


@pytest.mark.parametrize(
    "stems",
    [
        ("Alice", "alice"),  # one folder on macOS and Windows
        ("STRASSE", "straße"),
        ("J\u00fcrgen", "Ju\u0308rgen"),
        ("student\x07x", "student_x"),
        ("\u0436" * 110 + "a", "\u0436" * 110 + "b"),  # equal in their first 200 bytes
        ("a\u200bb", "a\u202eb"),
    ],
)
def test_names_that_a_disk_or_a_reader_would_confuse_get_numbers_and_keep_them(course, stems):
    files = sorted(f"in/{stem}.zip" for stem in stems)
    names = course.call(*files)
    first = name_of(Path(files[0]))
    assert names == {first: files[0], f"{name_of(Path(files[1]))}-2": files[1]}
    assert course.call(files[1]) == {name: file for name, file in names.items() if file == files[1]}
    assert course.call(files[0]) == {first: files[0]}


def test_a_student_with_a_similar_name_replaces_nobody(course):
    course.call("week1/Alice.zip")
    assert course.call("week2/alice.zip") == {"alice-2": "week2/alice.zip"}


def test_the_names_of_the_tables_are_taken(course):
    assert course.call("a/grades.csv.zip", "a/Summary.md") == {
        "grades.csv-2": "a/grades.csv.zip",
        "Summary.md-2": "a/Summary.md",
    }


def test_a_folder_of_grades_that_does_not_remember_paths_goes_on_as_before(course):
    course.known = {"alice": "", "bob": ""}
    assert course.call("a/alice.zip", "b/alice.zip") == {"alice": "a/alice.zip", "alice-2": "b/alice.zip"}
