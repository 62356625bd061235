"""A correction reaches a student's half-done work: two releases, and a pull between them."""

import json
import subprocess
from pathlib import Path

import pytest
from safetensors import safe_open
from safetensors.numpy import save

from hw1.exercises import stub
from scripts import doctor
from scripts.staff import release
from scripts.staff.release import Repository, student_files
from tests.autograder import originals
from tests.autograder.staff.markers import strip
from tests.staff.test_release import WHO, commit, edit, git, new_version, staff, without_filling_in

__all__ = ["staff", "without_filling_in"]  # fixtures

pytestmark = pytest.mark.usefixtures("without_filling_in")
ENTRY = "- code: 1.1, 1.2, 1.3 and 4.1: clearer."
DONE = "return (pred - action).pow(2).sum(1).mean()"


def with_digests(folder: Path) -> None:
    """Take the digests of the given files into the snapshot, as `make snapshot` does after a change of one."""
    path = folder / originals.SNAPSHOT
    with safe_open(path, framework="np") as file:
        index = json.loads(file.metadata()["index"])
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    index["given"] = {
        name: originals.digest(strip((folder / name).read_text(), name).encode()) for name in originals.given(folder)
    }
    path.write_bytes(save(arrays, metadata={"index": json.dumps(index)}))


def released(folder: Path) -> None:
    """A release of what stands in the staff's folder, without its proofs, in which no correction differs."""
    with_digests(folder)
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "--allow-empty", "-m", "change")
    repository = Repository(folder)
    student, old = student_files(repository.files("HEAD")), repository.files(release.BRANCH)
    message = release.describe_change(old, student)
    repository.commit(student, message, release.new_tag(repository, old, student))


@pytest.fixture
def half_done(staff, tmp_path) -> Path:
    """A student's clone: 1.1 is solved below its TODO, 1.2 instead of its TODO, the rest is open; nothing is pushed."""
    released(staff)
    git(tmp_path, "clone", "-q", "-b", "student", "staff", "student")
    student = tmp_path / "student"
    edit(student, "hw1/losses.py", stub("1.1"), DONE)
    text = (student / "hw1/losses.py").read_text()
    begin, end = text.index("    # TODO 1.2"), text.index(stub("1.2"))
    solved = text[:begin] + "    return mine(logits, index)" + text[end + len(stub("1.2")) :]
    (student / "hw1/losses.py").write_text(solved)
    (student / "notes.md").write_text("mine\n")
    return commit(student, "half done")


def pull(student: Path) -> subprocess.CompletedProcess:
    """The lines of the README."""
    subprocess.run(
        ["git", *WHO, "commit", "-q", "-am", "my work so far"], cwd=student, capture_output=True, check=False
    )
    command = ["git", *WHO, "pull", "--no-rebase", "--no-edit"]
    return subprocess.run(command, cwd=student, capture_output=True, text=True, check=False)


def test_a_correction_of_given_files_never_conflicts_and_is_no_edit_of_the_student(staff, half_done):
    assert originals.edited(half_done, originals.released(half_done)) == []
    for file in ("hw1/rollout.py", "hw1/envs/lane.py", "scripts/check.py", "tests/autograder/probes/losses.py"):
        (staff / file).write_text((staff / file).read_text() + "\n\n# corrected\n")
    edit(staff, "hw1/exercises.toml", 'title = "Squared error"', 'title = "The squared error"')
    edit(staff, "README.md", "## Two commands", "## Two good commands")
    new_version(staff, ENTRY)
    released(staff)
    (half_done / "hw1/dagger.py").write_text((half_done / "hw1/dagger.py").read_text() + "\n# still at work\n")
    done = pull(half_done)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "# corrected" in (half_done / "hw1/rollout.py").read_text()
    assert DONE in (half_done / "hw1/losses.py").read_text()
    assert "# still at work" in (half_done / "hw1/dagger.py").read_text()
    assert originals.edited(half_done, originals.released(half_done)) == []
    assert doctor.conflicts(half_done) == []


def test_statements_in_the_four_files_can_be_corrected_below_and_above_what_is_solved(staff, half_done):
    """Docstrings also where the student has replaced the TODO; a TODO where the exercise is still open."""
    edit(staff, "hw1/losses.py", "Example: pred (0, 0)", "Example: the prediction (0, 0)")
    edit(staff, "hw1/losses.py", "never exponentiate by hand.", "never exponentiate by hand. Not once.")
    edit(staff, "hw1/losses.py", "# TODO 1.3: the formula above", "# TODO 1.3: the whole formula above")
    edit(staff, "hw1/dagger.py", "beta: between 0 and 1.", "beta: between 0 and 1, both included.")
    new_version(staff, ENTRY)
    released(staff)
    done = pull(half_done)
    assert done.returncode == 0, done.stdout + done.stderr
    text = (half_done / "hw1/losses.py").read_text()
    for part in ("the prediction (0, 0)", "Not once.", "the whole formula above", DONE, "return mine(logits, index)"):
        assert part in text


def test_only_a_line_that_both_have_changed_conflicts_and_the_check_names_it(staff, half_done):
    edit(staff, "hw1/losses.py", "# TODO 1.2: normalise", "# TODO 1.2: first normalise")
    edit(staff, "hw1/rollout.py", "Who drives? One loop", "Who drives? The one loop")
    new_version(staff, ENTRY)
    released(staff)
    done = pull(half_done)
    assert done.returncode != 0
    ((file, line),) = doctor.conflicts(half_done)
    lines = (half_done / file).read_text().splitlines()
    assert (file, lines[line - 1]) == ("hw1/losses.py", "<<<<<<< HEAD")
    (found,) = doctor.conflicted(half_done)
    assert f"hw1/losses.py, line {line}: a pull left conflict markers." in found.says
    assert originals.edited(half_done, originals.released(half_done)) == []
    # As the sentence says: keep one version, delete the markers, commit.
    kept = [text for text in lines if not text.startswith(("<<<<<<<", "=======", ">>>>>>>", "    # TODO 1.2: first"))]
    (half_done / file).write_text("\n".join(text for text in kept if text.strip() != stub("1.2")) + "\n")
    git(half_done, "commit", "-q", "-a", "--no-edit")
    assert list(doctor.conflicted(half_done)) == []
    compile((half_done / file).read_text(), file, "exec")
