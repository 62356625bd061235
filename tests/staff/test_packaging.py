"""Packaging: versions are pinned once, the version agrees everywhere, and an editable install runs from any folder."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from hw1.exercises import ROOT
from scripts.staff import proofs
from scripts.staff.release import Repository, student_files

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PIN = re.compile(r"[A-Za-z][\w.-]*(\[\w+\])?==[\w.]+")


def pins(name: str) -> list[str]:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


@pytest.fixture(scope="module")
def main() -> dict[str, bytes]:
    names = Repository(ROOT).git("ls-files", "-co", "--exclude-standard", "-z").decode().split("\0")[:-1]
    return {name: (ROOT / name).read_bytes() for name in names if (ROOT / name).is_file()}


def test_the_version_is_the_newest_of_the_changelog(main):
    proofs.version(main)


def test_every_requirement_is_pinned_and_only_once():
    lines = [*pins("requirements.txt"), *pins("requirements-staff.txt")]
    assert all(PIN.fullmatch(line) for line in lines)
    names = [re.split(r"[\[=]", line)[0].lower() for line in lines]
    assert sorted(names) == sorted(set(names))
    assert not re.search(r"==\d", (ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_what_students_files_import_is_required(main):
    pinned = {re.split(r"[\[=]", line)[0].lower() for line in pins("requirements.txt")}
    packages = {"IPython": "jupyter", "PIL": "pillow"}
    optional = {"distributed", "colorama"}  # for --dask, which says so; on Windows, where pytest installs it
    optional |= {re.split(r"[\[=]", line)[0].lower() for line in pins("requirements-mujoco.txt")}  # for Hopper
    own = {"hw1", "scripts", "tests", *sys.stdlib_module_names}
    for file, data in student_files(main).items():
        for name in imported(data.decode()) - own - optional if file.endswith(".py") else ():
            assert packages.get(name, name) in pinned, (file, name)


def imported(source: str) -> set[str]:
    """The packages that a module imports anywhere."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module.partition(".")[0])
    return found


def test_python_is_as_new_as_the_makefile_demands():
    assert PROJECT["project"]["requires-python"] == ">=3.11"
    assert "sys.version_info < (3, 11)" in (ROOT / "Makefile").read_text(encoding="utf-8")


@pytest.mark.parametrize("branch", ["main", "student"])
def test_an_editable_install_runs_from_any_folder(branch, main, tmp_path):
    tree, site, elsewhere = tmp_path / "tree", tmp_path / "site", tmp_path / "elsewhere"
    elsewhere.mkdir()
    proofs.write(tree, main if branch == "main" else student_files(main))
    pip = ["-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    run(tmp_path, *pip, "--disable-pip-version-check", "--target", str(site), "--editable", str(tree))

    metadata = next(site.glob("hw1_imitation_learning-*.dist-info/METADATA")).read_text()
    required = re.findall(r"^Requires-Dist: ([^;\n]+?)$", metadata, re.MULTILINE)
    assert sorted(required) == sorted(pins("requirements.txt"))
    staff = re.findall(r'^Requires-Dist: (.+?) ?; extra == "staff"$', metadata, re.MULTILINE)
    assert sorted(staff) == (sorted(pins("requirements-staff.txt")) if branch == "main" else [])

    for start, arguments, expected in (
        ("import hw1, tests.autograder as a; print(hw1.__file__, a.__file__)", (), str(tree / "hw1/__init__.py")),
        ("import runpy; runpy.run_module('scripts.check', run_name='__main__')", ("1.1",), "Squared error"),
    ):
        code = f"import site; site.addsitedir({str(site)!r}); {start}"
        assert expected in run(elsewhere, "-c", code, *arguments)


def run(folder: Path, *arguments: str) -> str:
    """Run Python in a folder; returns what it printed."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=clean, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
