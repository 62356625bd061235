"""What all commands share: how options are read, how wrong ones are refused, and how a command ends.

A mistake of whoever calls a command gets one sentence that names the option or the file, its value and the remedy, and
never a traceback. A traceback is a mistake of ours. Exit status: 0, 1 if something failed, 2 if the command was called
wrongly or could not begin, 130 if interrupted.
"""

import json
import os
import sys
import traceback
from collections.abc import Callable, Collection, Iterable
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, TypeVar

import tyro

from hw1.exercises import ROOT
from scripts.terminal import prepare_terminal

Chosen = TypeVar("Chosen")
# Options that may be left out. Without these, help and errors of tyro say {None}|FLOAT.
Seconds = Annotated[float | None, tyro.conf.arg(constructor=float, metavar="SECONDS", help_behavior_hint="")]
File = Annotated[Path | None, tyro.conf.arg(constructor=Path, metavar="FILE", help_behavior_hint="")]
LONGEST = 86_400.0  # seconds in a day: the operating system's timers take no arbitrary number
LEFTOVERS = {"__pycache__", ".pytest_cache", ".ruff_cache", ".venv", "out"}  # folders that running our code makes


class UserError(Exception):
    """A mistake of whoever calls the command, or something that is missing on the machine, in a sentence."""

    status = 2
    title = "error"


def read_options(options: type[Chosen], arguments: list[str], name: str, about: str | None) -> Chosen:
    """The command line of `python -m NAME` as an object of the dataclass `options`; for a wrong one, SystemExit(2)."""
    prepare_terminal()
    chosen = tyro.cli(
        tyro.conf.FlagCreatePairsOff[options], args=arguments, prog=f"python -m {name}", description=about
    )
    for field in fields(options):
        option = f"--{field.name.replace('_', '-')}"
        if option in arguments and getattr(chosen, field.name) == ():  # tyro takes it for the default, which means all
            raise SystemExit(_say(f"error: {option} has no value; name at least one, see --help", 2))
    return chosen


def ended(work: Callable[[], int | None], expected: dict[type[Exception], int] | None = None, files: int = 2) -> int:
    """Do the work of a command; returns its exit status.

    Args:
        expected: further exceptions that are sentences for the user, with the exit status of each.
        files: the exit status if a file or folder cannot be read or written.
    """
    expected = expected or {}
    try:
        return work() or 0
    except UserError as error:
        return _say(f"{error.title}: {error}", error.status)
    except tuple(expected) as error:
        return _say(f"error: {error}", next(status for kind, status in expected.items() if isinstance(error, kind)))
    except BrokenPipeError:  # whoever read the output, such as `head`, has seen enough
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 (Python flushes it at the end)
        return 1
    except OSError as error:
        if error.strerror is None:
            raise  # none of the operating system's: a mistake of ours
        return _say(f"error: {f'{error.filename}: ' * bool(error.filename)}{error.strerror}", files)
    except KeyboardInterrupt as error:
        return _say(f"\ninterrupted{f'; {error}' * bool(str(error))}", 130)


def _say(text: str, status: int) -> int:
    print(text, file=sys.stderr)
    return status


def line_of(error: Exception, places: Iterable[str]) -> str:
    """The last line of these files and folders of the homework that led to the error, in brackets; empty if none."""
    roots = [ROOT / place for place in places]
    frames = [(Path(f.filename), f.lineno) for f in traceback.extract_tb(error.__traceback__)]
    own = [(file, line) for file, line in frames if any(file.is_relative_to(root) for root in roots)]
    return f" ({own[-1][0].relative_to(ROOT).as_posix()}, line {own[-1][1]})" if own else ""


# --- options that are refused before anything is computed ------------------------------------------------------------
def require_whole(option: str, value: int, least: int, most: int) -> None:
    """Raises UserError unless least <= value <= most."""
    if not least <= value <= most:
        raise UserError(f"{option} is {value}; choose a whole number from {least} to {most:,}")


def require_seconds(option: str, value: float | None) -> None:
    """Raises UserError unless the value is None or a time that can pass."""
    if value is not None and not 0 < value <= LONGEST:  # nan is refused, too
        raise UserError(f"{option} must be more than 0 and at most {LONGEST:.0f} seconds, not {value:g}")


def require_folder(option: str, path: Path) -> None:
    """Raises UserError unless `path` is a folder that can be written, or can be made."""
    _require_space(option, path, path)


def require_file(option: str, path: Path, ours: Callable[[Path], bool] | None = None) -> None:
    """Raises UserError unless a file can be written at `path`.

    Args:
        ours: whether an existing file may be replaced, because a command of ours wrote it.
    """
    if path.name in ("", "..") or path.is_dir():
        raise UserError(f"{option} {path}: this is a folder; add the name of a file")
    _require_space(option, path, path.parent)
    if path.exists() and ours and not ours(path):
        raise UserError(f"{option} {path}: this file exists, but this command did not write it; choose another name")


def _require_space(option: str, path: Path, folder: Path) -> None:
    there = folder.absolute()
    while not os.path.lexists(there):
        there = there.parent
    if not there.is_dir():
        raise UserError(f"{option} {path}: {there} is a file, but a folder is needed; choose another folder")
    if not os.access(there, os.W_OK | os.X_OK):
        raise UserError(f"{option} {path}: you may not write into {there}; choose another folder")


def read_json(path: Path, remedy: str) -> Any:
    """The contents of a JSON file. Raises UserError, with the remedy, if it is damaged."""
    try:
        return json.loads(path.read_bytes())
    except ValueError as error:  # also if it is no UTF-8
        raise UserError(f"{path} is no JSON ({error}); {remedy}") from error
    except RecursionError:
        raise UserError(f"{path} is no JSON that can be read: it is nested too deeply; {remedy}") from None


def require_ours(option: str, path: Path, ours: Collection[str]) -> None:
    """Raises UserError if `path`, whose contents are to be deleted, holds a file that no command of ours wrote.

    Args:
        ours: the files that may be deleted, relative to `path`; what running them leaves behind may be, too.
    """
    require_folder(option, path)
    for place, below, names in os.walk(path):
        files = (Path(place, name).relative_to(path).as_posix() for name in names)
        if foreign := next((file for file in files if file not in ours), None):
            raise UserError(
                f"{option} {path}: the old contents of this folder would be deleted, but {foreign} was not written by "
                "this command; choose a new folder, or move that file away"
            )
        below[:] = [name for name in below if name not in LEFTOVERS]
