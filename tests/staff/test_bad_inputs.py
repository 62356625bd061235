"""What users do wrong: every command answers with a sentence and an exit status, and touches nothing.

`scripts.train` has its own tests. Each row of bad_inputs.toml is run in a folder with the files of `desk`.
"""

import errno
import hashlib
import importlib
import inspect
import os
import re
import shlex
import signal
import subprocess
import sys
import tomllib
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from hw1.exercises import ROOT
from scripts.command import UserError, ended, read_options, require_ours
from tests.staff.test_scripts import COMMANDS, tracked


# --- the world of a row ----------------------------------------------------------------------------------------------
@pytest.fixture
def desk(tmp_path, monkeypatch) -> Path:
    """The current folder of somebody who has files of all kinds."""
    files = {
        "empty.zip": b"",
        "broken.zip": b"PK\x03\x04 broken",
        "notes.txt": b"important\n",
        "latin.txt": b"M\xfcnchen\n",
        "nested.json": b"[" * 100_000,
        "photos/me.txt": b"smile\n",
        "a b/\u00fc.txt": b"x\n",
        "damaged/claims.json": b'[{"claim": ',
        "no-utf-8/claims.json": b'["\xff"]',
        "other/claims.json": b"[1, 2]",
        "other-bench/bench.json": b'[{"measurement": "demo"}]',
        "damaged-bench/bench.json": b"",
        "deep/bench.json": b"[" * 100_000,
        "guessed/predictions.json": b'{"1_why/mode": "left"}',
        "page-of-mine/report.html": b"<p>important</p>",
        "folder-for-file/claims.json/me.txt": b"smile\n",
        "page-is-folder/index.html/me.txt": b"smile\n",
        "cache-is-file/cache": b"important\n",
        "mine/report-template/thesis.tex": b"important\n",
        "weak/autograder.seed": b"fall-2026\n",
        "weak-latin/autograder.seed": b"\xff\xfe\n",
        "seed-is-folder/autograder.seed/me.txt": b"smile\n",
        "snapshot-damaged/tests/autograder/probes/expected.safetensors": b"\x00" * 100,
        "snapshot-empty/tests/autograder/probes/expected.safetensors": b"",
        "snapshot-is-folder/tests/autograder/probes/expected.safetensors/me.txt": b"smile\n",
    }
    folder = tmp_path / "desk"
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    with zipfile.ZipFile(folder / "thesis.zip", "w") as archive:
        archive.writestr("thesis.tex", "important")
    monkeypatch.chdir(folder)
    return folder


def contents(folder: Path) -> dict[str, str]:
    """Every file and folder in `folder`, with a hash."""
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*")}
    return {
        name: "" if path.is_dir() else hashlib.sha256(path.read_bytes()).hexdigest() for name, path in found.items()
    }


def ours() -> tuple[dict[str, int], list[str]]:
    """What a command could change in the homework."""
    return tracked(), sorted(os.listdir(ROOT))


def call(module: str, arguments: list[str]) -> int:
    """The exit status of `python -m MODULE ARGUMENTS`, run in this process."""
    command = load(module)
    (parameter,) = inspect.signature(command.main).parameters
    try:
        given = arguments if parameter == "arguments" else read_options(command.Options, arguments, module, "")
        return command.main(given)
    except SystemExit as stop:
        if isinstance(stop.code, str):
            print(stop.code, file=sys.stderr)
        return stop.code if isinstance(stop.code, int) else 1


def load(module: str):
    return importlib.import_module(f"{module}.__main__" if (ROOT / module.replace(".", "/")).is_dir() else module)


# --- the table -------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Row:
    """A wrong command line, and the answer."""

    line: str
    """The module without "scripts.", and the arguments."""
    says: str
    """Parts of the answer, separated by " | "; the case does not matter."""
    status: int
    patch: dict[str, str]
    """Constants of the module that are paths, replaced by these paths in `desk`."""


def table() -> list[Row]:
    groups = tomllib.loads((ROOT / "tests/staff/bad_inputs.toml").read_text(encoding="utf-8"))["group"]
    return [
        Row(*line.split(" -> "), group["status"], group.get("patch", {}))
        for group in groups
        for line in group["rows"].splitlines()
    ]


TABLE = table()


@pytest.mark.parametrize("row", TABLE, ids=[row.line for row in TABLE])
def test_a_mistake_gets_a_sentence_and_touches_nothing(row, desk, monkeypatch, capsys):
    name, *arguments = shlex.split(row.line)
    for constant, path in row.patch.items():
        monkeypatch.setattr(load(f"scripts.{name}"), constant, desk / path)
    before = contents(desk), ours()
    status = call(f"scripts.{name}", arguments)
    out, err = capsys.readouterr()
    said = " ".join((out + err).replace("│", " ").split()).lower()
    assert "traceback" not in said
    for part in row.says.split(" | "):
        assert part.lower() in said
    assert status == row.status
    assert (contents(desk), ours()) == before


def test_every_command_and_kind_has_a_row():
    tried = {f"scripts.{row.line.split()[0]}" for row in TABLE}
    assert tried == set(COMMANDS) - {"scripts.train"}
    assert len({row.line for row in TABLE}) >= 60


# --- whatever happens on the way -------------------------------------------------------------------------------------
DEEP = {
    "scripts.check 1.1": "scripts.check.Stored",
    "scripts.check 1.1 --hint": "scripts.check.Stored",
    "scripts.submit --out new.zip": "scripts.submit.Stored",
    "scripts.figures --out new": "scripts.figures.Store",
    "scripts.report --out new": "scripts.report.read_answers",
    "scripts.staff.tables --check": "scripts.staff.tables.load",
    "scripts.staff.writeup --out new": "scripts.staff.writeup.made",
    "scripts.staff.bench --out new.json": "scripts.staff.bench.__main__.torch.set_num_threads",
    "scripts.staff.mutation": "scripts.staff.mutation.secrets.token_hex",
    "scripts.staff.snapshot": "scripts.staff.snapshot.make",
    "scripts.staff.packages": "scripts.staff.packages.contents",
    "scripts.staff.picture": "scripts.staff.picture.scene",
    "scripts.staff.drive_picture": "scripts.staff.drive_picture.train",
    "scripts.staff.hopper_expert": "scripts.staff.hopper_expert.refuse_without_mujoco",
    "scripts.drive --port 0": "scripts.drive.__main__.listen",
    "scripts.staff.release": "scripts.staff.release.Repository",
    "scripts.staff.grade photos": "scripts.staff.grade.handed_in",
    "scripts.staff.how_long photos": "scripts.staff.how_long.measured",
    "scripts.staff.gradebook --grades photos --roster notes.txt --out new": "scripts.staff.gradebook.read_policy",
    "scripts.staff.classroom photos": "scripts.staff.classroom.__main__.Grades",
    "scripts.staff.similar photos --out new": "scripts.staff.similar.__main__.submissions",
    "scripts.staff.autograder --out new.zip": "scripts.staff.autograder.keep_seed",
}
"""For each command, something that it does early."""


def raising(error: BaseException):
    def work(*arguments, **options):
        raise error

    return work


@pytest.mark.parametrize("line", DEEP)
def test_ctrl_c_ends_every_command_with_130(line, desk, monkeypatch, capsys):
    module, *arguments = line.split()
    load(module)
    monkeypatch.setattr(DEEP[line], raising(KeyboardInterrupt()))
    assert call(module, arguments) == 130
    assert "interrupted" in capsys.readouterr().err
    assert not list(desk.glob("new*"))


@pytest.mark.parametrize("line", DEEP)
def test_a_full_disk_is_told_with_the_file(line, desk, monkeypatch, capsys):
    module, *arguments = line.split()
    load(module)
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "some/file")
    monkeypatch.setattr(DEEP[line], raising(full))
    assert call(module, arguments) in (1, 2)
    assert re.search(r"error: .*some/file.*: No space left on device", capsys.readouterr().err)


def test_a_mistake_of_ours_keeps_its_traceback():
    for error in (TypeError("x"), OSError("not of the operating system")):
        with pytest.raises(type(error)):
            ended(raising(error))


def run(module: str, *arguments: str | bytes, path: str = "") -> subprocess.CompletedProcess:
    """A command as people run it, from another folder."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([path, str(ROOT)]), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.run(command, capture_output=True, env=environment, check=False, timeout=120)


@pytest.mark.parametrize("module", ["scripts.check", "scripts.staff.tables", "scripts.staff.release"])
def test_an_argument_that_is_no_text_breaks_no_command(module, desk):
    before = contents(desk)
    done = run(module, b"--\xff")
    assert done.returncode == 2
    assert b"Traceback" not in done.stderr
    assert contents(desk) == before


def test_ctrl_c_while_packages_are_imported_needs_no_traceback(desk):
    (desk / "torch.py").write_text("raise KeyboardInterrupt")
    done = run("scripts.figures", path=str(desk))
    assert done.stderr == b"\ninterrupted\n"
    assert done.returncode == (1 if sys.platform == "win32" else -signal.SIGINT), "a shell calls this 130"


def test_a_command_runs_from_any_folder_and_writes_there(desk):
    (desk / "free").mkdir()
    done = run("scripts.staff.autograder", "--out", "free/new.zip")
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (desk / "free").iterdir()} == {"new.zip", "autograder.seed"}
    assert run("scripts.staff.autograder", "--out", "free/new.zip").returncode == 0, "its own zip is replaced"


# --- nothing foreign is deleted --------------------------------------------------------------------------------------
def test_a_release_deletes_no_folder_of_others(desk, monkeypatch, capsys):
    from scripts.staff import release

    (desk / ".gitignore").write_text("*\n")
    subprocess.run(["git", "init", "-q"], check=True)
    monkeypatch.setattr(release, "ROOT", desk)
    for out in ("photos", "."):
        assert release.main(["--out", out]) == 2
        assert "was not written by this command; choose a new folder" in capsys.readouterr().err
    assert (desk / "photos/me.txt").exists()


def test_a_folder_of_ours_may_be_replaced_with_what_running_it_left(tmp_path):
    for name in ("hw1/bc.py", "hw1/__pycache__/bc.pyc", ".venv/bin/python"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    require_ours("--out", tmp_path, {"hw1/bc.py"})
    require_ours("--out", tmp_path / "new", set())
    (tmp_path / "hw1" / "mine.py").touch()
    with pytest.raises(UserError, match=r"hw1/mine\.py was not written"):
        require_ours("--out", tmp_path, {"hw1/bc.py"})
