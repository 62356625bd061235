"""What is wrong with the set-up, and the remedy for each: `python -m scripts.check --doctor`.

Begins with nothing but Python's standard library, on any Python from 3.8 on: packages may be missing, and `hw1` may be
broken. Needs no network.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
OK, NOTE, TODO = "ok", "note", "TO DO"
NEEDED = ("README.md", "requirements.txt", "hw1/exercises.toml", "tests/autograder/probes/expected.safetensors")
FOUR = ("hw1/losses.py", "hw1/heads.py", "hw1/compounding.py", "hw1/dagger.py")
PIN = re.compile(r"^([A-Za-z][\w.-]*)\S*?==(\S+)", re.MULTILINE)
CONFLICT = re.compile(rb"^(<{7}|>{7}) ", re.MULTILINE)
TEXTS = {".py", ".toml", ".md", ".txt", ".ipynb", ".tex", ".json", ""}
MADE = {".venv", ".git", "out", "__pycache__", ".ipynb_checkpoints"}
THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
GIB = 2**30
SLOW = 15.0  # seconds for an import
SLOW_REMEDY = (
    "try again: only the first import after an installation should be this slow; if it stays slow, let the virus "
    "scanner leave out this folder, or copy the homework from a network drive to a local disk"
)
MORE = "`python -m scripts.check --doctor` says what to do"


class Finding(NamedTuple):
    """One line of the report."""

    level: str
    says: str
    remedy: str = ""


def main(arguments: list[str]) -> int:
    """Prints every finding. Returns the exit status: 0 if nothing is to be done, 1 otherwise, 2 for other options."""
    if others := [each for each in arguments if each != "--doctor"]:
        print(f"error: --doctor stands alone; leave out {' '.join(others)}", file=sys.stderr)
        return 2
    try:
        with _own_files_last():
            findings = [_show(finding) for finding in examine(ROOT)]
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        return 130
    count = sum(finding.level == TODO for finding in findings)
    print(f"\n{count} thing{'s' * (count != 1)} to do, from the top" if count else "\nall is well")
    return 1 if count else 0


@contextmanager
def _own_files_last() -> Iterator[None]:
    """Python's own modules come first: a random.py in the homework must not stop the report that names it."""
    path = list(sys.path)
    own = {str(ROOT), str(Path.cwd()), ""}
    sys.path[:] = [each for each in path if each not in own] + [str(ROOT)]
    try:
        yield
    finally:
        sys.path[:] = path


def _show(finding: Finding) -> Finding:
    print(f"{finding.level:6} {finding.says}", flush=True)
    if finding.remedy:
        print(f"{'':6} -> {finding.remedy}", flush=True)
    return finding


def explain_imports() -> None:
    """From now on, a package that is missing and a file that is broken get a sentence instead of a traceback."""
    before = sys.excepthook

    def explain(kind, error, trace) -> None:
        if kind is ModuleNotFoundError and str(error.name).partition(".")[0] not in ("hw1", "scripts", "tests"):
            print(f"\nerror: the package {error.name} is missing; is .venv active? {MORE}", file=sys.stderr)
        elif isinstance(error, SyntaxError):
            found = [resolve(file, line) for file, line in conflicts(ROOT)]
            text = "; ".join(found) or f"{error.filename}, line {error.lineno}: {error.msg}; {MORE}"
            print(f"\nerror: {text}", file=sys.stderr)
        else:
            before(kind, error, trace)

    sys.excepthook = explain


def examine(root: Path) -> Iterator[Finding]:
    """All findings on the homework in `root`, the basic ones first."""
    yield from python()
    yield from folder(root, Path.cwd())
    yield from environment(root)
    yield from packages(root)
    yield from shadows(root)
    yield from imports(root)
    yield from machine(root)
    yield from conflicted(root)
    yield from own_files(root)
    yield from edited(root)
    yield from newest(root)


# --- Python and its packages ------------------------------------------------------------------------------------------
def python() -> Iterator[Finding]:
    text = f"Python {sys.version.split()[0]} in {sys.executable}"
    if sys.version_info < (3, 11):  # noqa: UP036 (this file also runs there, to say so)
        yield Finding(TODO, text, "install Python 3.11 or later, delete .venv, then `make check PYTHON=python3.11`")
    elif sys.version_info >= (3, 14):
        yield Finding(NOTE, text, "tested with 3.11 to 3.13; if a package cannot be installed, use one of these")
    else:
        yield Finding(OK, text)


def environment(root: Path) -> Iterator[Finding]:
    """Whether the Python that runs is the one of .venv."""
    own = root / ".venv"
    activate = r".venv\Scripts\activate" if sys.platform == "win32" else "source .venv/bin/activate"
    if Path(sys.prefix).resolve() == own.resolve() and own.exists():
        yield Finding(OK, ".venv is active")
    elif own.exists():
        yield Finding(TODO, f".venv is there, but this Python belongs to {sys.prefix}", f"{activate}, then try again")
    elif sys.prefix != sys.base_prefix or os.environ.get("CONDA_PREFIX"):
        yield Finding(NOTE, f"an environment of your own: {sys.prefix}")
    else:
        yield Finding(NOTE, "no virtual environment", "`make check` makes .venv; see README, the first ten minutes")


def packages(root: Path) -> Iterator[Finding]:
    """Whether the pinned packages are there, in these versions."""
    pins = pinned(root)
    found = {name: _installed(name) for name in pins}
    absent = [name for name in pins if not found[name]]
    other = [f"{name} {found[name]} instead of {pins[name]}" for name in pins if found[name] not in ("", pins[name])]
    pip = "uv pip" if shutil.which("uv") else f"{Path(sys.executable).stem} -m pip"
    alone = sys.prefix == sys.base_prefix and not os.environ.get("CONDA_PREFIX")
    remedy = "make check" if alone and shutil.which("make") else f"{pip} install -r requirements.txt"
    if absent:
        yield Finding(TODO, f"packages are missing: {', '.join(absent)}", remedy)
    if other:
        yield Finding(TODO, f"other versions than in requirements.txt: {', '.join(other)}", remedy)
    if pins and not absent and not other:
        yield Finding(OK, f"{len(pins)} packages, in the versions of requirements.txt")


def pinned(root: Path) -> dict[str, str]:
    """The versions in requirements.txt; none without the file, which `folder` reports."""
    try:
        return dict(PIN.findall((root / "requirements.txt").read_text(encoding="utf-8", errors="replace")))
    except OSError:
        return {}


def _installed(name: str) -> str:
    from importlib import metadata  # imports modules that a student's file may hide

    try:
        return metadata.version(name).partition("+")[0]  # torch has 2.13.0+cpu
    except metadata.PackageNotFoundError:
        return ""


def shadows(root: Path) -> Iterator[Finding]:
    """Files beside `hw1` that Python takes for a package or for one of its own modules."""
    names = {name.replace("-", "_") for name in pinned(root)} | set(getattr(sys, "stdlib_module_names", ()))
    for path in sorted({Path.cwd(), root}):
        for file in sorted(path.glob("*.py")):
            if file.stem in names:
                yield Finding(TODO, f"{file} hides the module {file.stem}", "give your file another name")


def imports(root: Path) -> Iterator[Finding]:
    """Whether the two large packages can be imported, in a process of its own because that may crash or hang."""
    start = time.perf_counter()
    for name in ("numpy", "torch"):
        if not _installed(name):
            continue
        try:
            done = subprocess.run(
                [sys.executable, "-c", f"import {name}"], cwd=root, capture_output=True, text=True, timeout=120
            )
            last = done.stderr.strip().splitlines()[-1:] or [f"the process ended with {done.returncode}"]
        except subprocess.TimeoutExpired:
            yield Finding(TODO, f"import {name} takes longer than two minutes", f"is the disk full? {SLOW_REMEDY}")
            continue
        if done.returncode:
            remedy = f"{Path(sys.executable).stem} -m pip install --force-reinstall {name}=={pinned(root).get(name)}"
            yield Finding(TODO, f"import {name} fails: {last[0]}", remedy)
        elif name == "torch":
            seconds = time.perf_counter() - start
            text = f"numpy and torch can be imported ({seconds:.1f} s)"
            yield Finding(OK, text) if seconds < SLOW else Finding(NOTE, f"{text}, which is slow", SLOW_REMEDY)


# --- the machine ------------------------------------------------------------------------------------------------------
def machine(root: Path) -> Iterator[Finding]:
    """Disk, cores, and threads of the libraries for linear algebra."""
    free = shutil.disk_usage(root).free / GIB
    needed = 1 if _installed("torch") else 8
    text = f"{free:.1f} GiB of disk are free"
    yield Finding(OK, text) if free >= needed else Finding(TODO, text, f"make room: at least {needed} GiB")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    yield Finding(OK, f"{cores} core{'s' * (cores != 1)}; a GPU is not needed")
    more = [f"{name}={os.environ[name]}" for name in THREADS if os.environ.get(name, "1") != "1"]
    if more:
        yield Finding(NOTE, f"{', '.join(more)}: tiny networks are faster with one thread", "unset it, or set it to 1")
    else:
        yield Finding(OK, "one thread for linear algebra (hw1 sets it)")


# --- the files --------------------------------------------------------------------------------------------------------
def folder(root: Path, here: Path) -> Iterator[Finding]:
    """Whether the homework is complete, and whether the shell stands in it."""
    absent = [name for name in (*NEEDED, *FOUR) if not (root / name).is_file()]
    for name in absent:
        yield Finding(TODO, f"{name} is missing", f"git checkout -- {name}, or download the homework again")
    if here != root and (here / "hw1/exercises.toml").is_file():
        yield Finding(TODO, f"you are in {here}, but this command belongs to the copy in {root}", f"cd {root}")
    elif here != root:
        yield Finding(NOTE, f"the homework is in {root}, you are in {here}", f"cd {root}")
    elif not absent:
        yield Finding(OK, f"the homework in {root}, version {released_version(root)}")


def released_version(root: Path) -> str:
    try:
        found = re.search(r'^version = "(.+?)"', (root / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)
    except (OSError, ValueError):
        return "unknown"
    return found[1] if found else "unknown"


def conflicts(root: Path) -> list[tuple[str, int]]:
    """Files and lines where a pull left its markers, the first of each file."""
    found = []
    for place, below, names in os.walk(root):
        below[:] = sorted(name for name in below if name not in MADE and not name.startswith(".venv"))
        for name in sorted(names):
            path = Path(place, name)
            try:
                data = path.read_bytes() if path.suffix in TEXTS else b""
            except OSError:
                continue
            if mark := CONFLICT.search(data):
                found.append((path.relative_to(root).as_posix(), data.count(b"\n", 0, mark.start()) + 1))
    return found


def resolve(file: str, line: int) -> str:
    """What to do about a conflict, in a sentence."""
    return (
        f"{file}, line {line}: a pull left conflict markers. Keep one version of the lines between <<<<<<< and "
        ">>>>>>>, delete the lines with the markers, then `git commit -a --no-edit`"
    )


def conflicted(root: Path) -> Iterator[Finding]:
    found = conflicts(root)
    yield from (Finding(TODO, resolve(file, line)) for file, line in found)
    if not found and _git(root, "rev-parse", "-q", "--verify", "MERGE_HEAD"):
        yield Finding(TODO, "a pull is not finished", "git commit -a --no-edit (or `git merge --abort` to undo it)")


def own_files(root: Path) -> Iterator[Finding]:
    """Whether Python can read the four files."""
    broken = False
    marked = {file for file, _ in conflicts(root)}  # `conflicted` reports these
    for name in FOUR:
        try:
            compile((root / name).read_bytes(), name, "exec")
        except (SyntaxError, ValueError) as error:
            broken = True
            if name not in marked:
                yield Finding(TODO, f"{name}, line {getattr(error, 'lineno', '?')}: {getattr(error, 'msg', error)}")
        except OSError:
            broken = True  # `folder` reports it
    if not broken:
        yield Finding(OK, "Python can read your four files")


def edited(root: Path) -> Iterator[Finding]:
    """Which given files differ from those of the release."""
    try:
        from tests.autograder import originals

        released = originals.released(root)
        marked = {file for file, _ in conflicts(root)}  # `conflicted` reports these
        changed = [file for file in originals.edited(root, released) if file not in marked]
    except Exception as error:  # a broken hw1 or snapshot may raise anything
        yield Finding(TODO, f"given files cannot be compared ({error})", "git checkout -- hw1/exercises.* tests")
        return
    for file in changed:
        if not (root / file).exists():
            remedy = f"git checkout -- {file}, or copy it from a new download"
            yield Finding(TODO, f"{file} is missing: your code may need it", remedy)
        elif file not in released:
            yield Finding(NOTE, f"{file} is not part of the release: the server does not have it", "delete or keep it")
        else:
            text = f"{file} is not as it was released: the server uses the original"
            yield Finding(NOTE, text, f"if that was not on purpose: git checkout -- {file}")
    if not changed and not marked:
        yield Finding(OK, "all given files are as they were released")


# --- corrections ------------------------------------------------------------------------------------------------------
def newest(root: Path) -> Iterator[Finding]:
    """Whether there are newer releases, as far as the last `git fetch` knows."""
    top = _git(root, "rev-parse", "--show-toplevel")
    if not top or Path(top).resolve() != root:
        yield Finding(NOTE, "not a clone of the release: compare its version with the one on the course page")
        return
    refs = _git(root, "for-each-ref", "--format=%(refname)", "refs/remotes/*/student").split()
    upstream = _git(root, "rev-parse", "--symbolic-full-name", "@{upstream}")
    refs = [*dict.fromkeys([*refs, *([upstream] if upstream else [])])]
    if not refs:
        yield Finding(NOTE, "git knows no remote branch with releases: compare the version with the course page")
        return
    waiting = _git(root, "log", "--format=%s", *refs, "--not", "HEAD").splitlines()
    if waiting:
        yield Finding(TODO, f"corrections wait to be pulled: {'; '.join(waiting[:3])}", "README, corrections: git pull")
    else:
        yield Finding(OK, f"the newest release that git knows (asked {_last_fetch(root)}); `git fetch` asks again")


def _last_fetch(root: Path) -> str:
    for name in ("FETCH_HEAD", "HEAD"):
        path = root / _git(root, "rev-parse", "--git-path", name)
        if path.is_file():
            return time.strftime("%Y-%m-%d %H:%M", time.localtime(path.stat().st_mtime))
    return "some time ago"


def _git(root: Path, *arguments: str) -> str:
    """What git prints; empty if it fails, or if there is no git."""
    try:
        done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
