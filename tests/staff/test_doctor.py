"""The doctor: finds what is wrong with a set-up, with nothing but the standard library, and names the remedy."""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hw1 import exercises
from hw1.exercises import ROOT
from scripts import doctor
from scripts.doctor import NOTE, OK, TODO
from tests.autograder.staff.markers import strip

WHO = ["-c", "user.name=A", "-c", "user.email=a@example.org"]


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *WHO, *arguments], cwd=folder, check=True, capture_output=True)


def levels(findings) -> list[str]:
    return [finding.level for finding in findings]


def bare(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    """The command with a Python that has no packages."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    command = [sys.executable, "-S", "-m", "scripts.check", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


# --- on a student's folder --------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def tree(student):
    made = student({})
    for name in ("README.md", "requirements.txt"):
        (made.folder / name).write_bytes((ROOT / name).read_bytes())
    return made.folder


def test_needs_no_package_and_names_all_that_are_missing(tree):
    done = bare(tree, "--doctor")
    assert done.returncode == 1
    assert done.stderr == ""
    assert "packages are missing: torch, numpy," in done.stdout
    assert "Python can read your four files" in done.stdout
    assert "all given files are as they were released" in done.stdout


def test_without_packages_the_check_itself_points_to_the_doctor(tree):
    done = bare(tree, "1.1")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "error: the package tyro is missing" in done.stderr
    assert "--doctor" in done.stderr


def test_runs_although_the_homework_is_broken(tree):
    spoiled = {
        "hw1/exercises.py": "x = (",
        "hw1/losses.py": "def f(:\n",
        "hw1/rollout.py": "a = 1\n<<<<<<< HEAD\nb = 2\n=======\n>>>>>>> theirs\n",
        "random.py": "",
    }
    before = {name: (tree / name).read_bytes() if (tree / name).exists() else None for name in spoiled}
    try:
        for name, text in spoiled.items():
            (tree / name).write_text(text)
        examined, checked = bare(tree, "--doctor"), bare(tree, "1.1")
    finally:
        for name, data in before.items():
            (tree / name).write_bytes(data) if data is not None else (tree / name).unlink()
    assert examined.returncode == 1
    assert "Traceback" not in examined.stderr
    for said in (
        "hw1/losses.py, line 1:",
        "hw1/rollout.py, line 2: a pull left conflict markers",
        "random.py hides the module random",
        "given files cannot be compared",
    ):
        assert said in examined.stdout
    assert "Traceback" not in checked.stderr


def test_an_edited_given_file_is_a_note_and_the_students_own_files_are_not(tree):
    gates = tree / "hw1/gates.py"
    text = gates.read_text()
    try:
        gates.write_text(text + "\n# mine\n")
        found = list(doctor.edited(tree))
    finally:
        gates.write_text(text)
    assert [(f.level, f.remedy) for f in found] == [(NOTE, "if that was not on purpose: git checkout -- hw1/gates.py")]
    assert levels(doctor.edited(tree)) == [OK]


def test_a_given_file_that_is_missing_must_be_restored_and_one_of_the_students_own_is_named(tree, tmp_path):
    shutil.copytree(tree, tmp_path / "hw1-copy")
    (tmp_path / "hw1-copy/hw1/gates.py").rename(tmp_path / "hw1-copy/hw1/my_gates.py")
    missing, own = doctor.edited(tmp_path / "hw1-copy")
    assert (missing.level, missing.says) == (TODO, "hw1/gates.py is missing: your code may need it")
    assert (own.level, own.remedy) == (NOTE, "delete or keep it")


def test_what_is_missing_is_named(tree, tmp_path):
    assert levels(doctor.folder(tree, tree)) == [OK]
    found = list(doctor.folder(tmp_path, tmp_path))
    assert {f.says for f in found} >= {"hw1/losses.py is missing", "requirements.txt is missing"}
    assert levels(doctor.folder(tree, tmp_path)) == [NOTE]
    (wrong,) = doctor.folder(tree, ROOT)
    assert (wrong.level, wrong.remedy) == (TODO, f"cd {tree}")


# --- in this process --------------------------------------------------------------------------------------------------
def test_imports_nothing_but_the_standard_library_and_can_be_parsed_by_an_old_python():
    source = Path(doctor.__file__).read_text(encoding="utf-8")
    tree = ast.parse(source, feature_version=(3, 8))
    top = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {getattr(node, "module", None) or node.names[0].name for node in top}
    assert {name.partition(".")[0] for name in names} <= set(sys.stdlib_module_names)


def test_knows_the_files_that_students_edit():
    assert list(doctor.FOUR) == exercises.files()


def test_versions_are_compared_with_the_pins(tmp_path, monkeypatch):
    (tmp_path / "requirements.txt").write_text("# pins\nnumpy==1.0\nminari[hdf5]==0.5.4\nabsent-package==3.1\n")
    assert doctor.pinned(tmp_path) == {"numpy": "1.0", "minari": "0.5.4", "absent-package": "3.1"}
    monkeypatch.setattr(doctor, "_installed", {"numpy": "2.0", "minari": "0.5.4", "absent-package": ""}.get)
    missing, other = doctor.packages(tmp_path)
    assert missing.says == "packages are missing: absent-package"
    assert other.says == "other versions than in requirements.txt: numpy 2.0 instead of 1.0"
    assert "-r requirements.txt" in other.remedy or other.remedy == "make check"


def test_a_package_that_cannot_be_imported_is_reported_with_its_error(tmp_path, monkeypatch):
    (tmp_path / "requirements.txt").write_text("numpy==1.0\n")
    (tmp_path / "numpy.py").write_text("raise ImportError('libgfortran is missing')")
    monkeypatch.setattr(doctor, "_installed", {"numpy": "1.0", "torch": ""}.get)
    (found,) = doctor.imports(tmp_path)
    assert found.level == TODO
    assert "libgfortran is missing" in found.says
    monkeypatch.chdir(tmp_path)
    assert [f.says for f in doctor.shadows(tmp_path)] == [f"{tmp_path / 'numpy.py'} hides the module numpy"]


@pytest.mark.parametrize(("free", "level"), [(100 * doctor.GIB, OK), (0.2 * doctor.GIB, TODO)])
def test_a_full_disk_is_to_do(monkeypatch, free, level):
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: type("Usage", (), {"free": free}))
    assert next(doctor.machine(ROOT)).level == level


def test_more_threads_are_a_note(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "8")
    assert any("OMP_NUM_THREADS=8" in f.says for f in doctor.machine(ROOT) if f.level == NOTE)


def test_another_environment_than_the_one_of_the_homework(tmp_path):
    (tmp_path / ".venv").mkdir()
    (found,) = doctor.environment(tmp_path)
    assert found.level == TODO
    assert "activate" in found.remedy


def test_stands_alone(capsys):
    assert doctor.main(["--doctor", "1.3"]) == 2
    assert capsys.readouterr().err == "error: --doctor stands alone; leave out 1.3\n"


@pytest.mark.parametrize("text", ["<<<<<<< HEAD\n", "a\n>>>>>>> upstream/student\n"])
def test_conflict_markers_are_found_only_at_the_start_of_a_line(tmp_path, text):
    (tmp_path / "a.py").write_text(text)
    (tmp_path / "b.py").write_text(f"x = '{text[:7]}'  # {text}".replace("\n", ""))
    (tmp_path / "c.md").write_text("a heading\n=======\n")
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv/d.py").write_text(text)
    assert doctor.conflicts(tmp_path) == [("a.py", 1 + text.startswith("a"))]


def test_a_conflict_is_reported_once(tmp_path):
    (tmp_path / "hw1").mkdir()
    for file in doctor.FOUR:
        (tmp_path / file).write_text("x = 1\n")
    (tmp_path / doctor.FOUR[1]).write_text("<<<<<<< HEAD\nx = 1\n=======\nx = 2\n>>>>>>> upstream/student\n")
    assert len(list(doctor.conflicted(tmp_path))) == 1
    assert list(doctor.own_files(tmp_path)) == []
    (tmp_path / doctor.FOUR[0]).write_text("x = (\n")
    (broken,) = doctor.own_files(tmp_path)
    assert broken.says.startswith(f"{doctor.FOUR[0]}, line 1: ")


# --- corrections ------------------------------------------------------------------------------------------------------
def test_corrections_that_wait_are_counted_without_a_network(tmp_path):
    git(tmp_path, "init", "-q", "-b", "student", "public")
    public, mine = tmp_path / "public", tmp_path / "mine"
    git(public, "commit", "-q", "--allow-empty", "-m", "HW1")
    git(tmp_path, "clone", "-q", "public", "mine")
    (found,) = doctor.newest(mine)
    assert found.level == OK
    assert "git fetch" in found.says
    git(public, "commit", "-q", "--allow-empty", "-m", "1.3: the docstring")
    assert levels(doctor.newest(mine)) == [OK]  # nobody asked yet
    git(mine, "fetch", "-q")
    (found,) = doctor.newest(mine)
    assert found.level == TODO
    assert "1.3: the docstring" in found.says
    git(mine, "pull", "-q")
    assert levels(doctor.newest(mine)) == [OK]


def test_a_download_without_git_is_a_note(tmp_path):
    assert levels(doctor.newest(tmp_path)) == [NOTE]


# --- installing -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("seconds", "level"), [(2.0, OK), (31.0, NOTE)])
def test_a_slow_import_is_explained(monkeypatch, seconds, level):
    clock = iter([0.0, seconds])
    monkeypatch.setattr(doctor.time, "perf_counter", lambda: next(clock))
    monkeypatch.setattr(
        doctor.subprocess, "run", lambda command, **options: subprocess.CompletedProcess(command, 0, "", "")
    )
    (found,) = doctor.imports(ROOT)
    assert found.level == level
    assert ("first import" in found.remedy) == (level == NOTE)


@pytest.mark.parametrize("uv", [True, False])
def test_make_installs_the_same_pins_with_uv_and_with_pip(tmp_path, uv):
    script = '#!/bin/sh\necho "NAME $@" >> LOG\n'.replace("LOG", str(tmp_path / "log"))
    tools = tmp_path / "tools"
    tools.mkdir()
    made = f'[ "$2" = venv ] && mkdir -p .venv/bin && cp {tools}/python .venv/bin/python\nexit 0\n'
    for name, more in (("python", made), *([("uv", "")] if uv else [])):
        (tools / name).write_text(script.replace("NAME", name) + more)
        (tools / name).chmod(0o755)
    (tmp_path / "Makefile").write_text(strip((ROOT / "Makefile").read_text(), "Makefile"))
    (tmp_path / "requirements.txt").write_text("a==1\n")
    path = f"{tools}:/usr/bin:/bin"
    command = ["make", "check", f"PYTHON={tools}/python"]
    done = subprocess.run(command, cwd=tmp_path, env={"PATH": path}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (installed,) = [line for line in (tmp_path / "log").read_text().splitlines() if "install" in line]
    assert installed.startswith("uv pip install" if uv else "python -m pip install")
    assert installed.endswith("-r requirements.txt")
    assert "--quiet" not in installed
    assert "warm_up" in (tmp_path / "log").read_text()
    assert (tmp_path / ".venv/ready").exists()
