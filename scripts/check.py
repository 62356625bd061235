"""Your grade so far, with hints: runs the autograder's checks on what you have written in hw1.

    python -m scripts.check              everything
    python -m scripts.check 1.3 E.2      two exercises
    python -m scripts.check 1            part 1
    python -m scripts.check 1.3 --debug  in this process, so that breakpoint() works

Exit status: 0 if every exercise that you have attempted passes, 1 if one does not, 2 if nothing could be checked.
"""

import bdb
import os
import shutil
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from hw1 import exercises
from hw1.exercises import ROOT, Exercise
from tests.autograder import report, worker
from tests.autograder.judge import Verdict, judge
from tests.autograder.oracle import SnapshotError, Stored
from tests.autograder.probes import Homework, Probe, of
from tests.autograder.report import Result
from tests.autograder.runner import Answer, Runner, Spawned
from tests.autograder.wire import Arrays


@dataclass(frozen=True)
class Options:
    """What to check."""

    exercises: Annotated[tyro.conf.Positional[tuple[str, ...]], tyro.conf.arg(metavar="[ID ...]")] = ()
    """Exercises, such as 1.3 or E.2, or parts, such as 1 or E; everything if none is named."""
    debug: bool = False
    """Run in this process, with full tracebacks, so that breakpoint() works. Without it your code runs in a process of
    its own, which is stopped if it does not end."""
    timeout: float | None = None
    """Seconds for each check instead of its own limit, which is 10 for most: more, say, for a slow computer."""


class ArgumentError(Exception):
    """What was asked for cannot be done. A sentence."""


def main(arguments: list[str]) -> int:
    options = tyro.cli(
        tyro.conf.FlagCreatePairsOff[Options], args=arguments, prog="python -m scripts.check", description=__doc__
    )
    prepare_terminal()
    try:
        if options.timeout is not None and not options.timeout > 0:
            raise ArgumentError(f"--timeout must be more than 0 seconds, not {options.timeout:g}")
        asked = select(options.exercises)
        oracle = Stored(ROOT, [probe for exercise in asked for probe in of(exercise.id)])
        if edited := oracle.edited(ROOT):
            print(f"note: {', '.join(edited)}: not as given. The server uses the given files, so it may differ.\n")
        runner = Debug() if options.debug else Runner(lambda: Spawned(ROOT), probe_seconds=options.timeout)
        results = grade(asked, ROOT, runner, oracle)
    except (ArgumentError, SnapshotError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        return 130
    return 0 if all(result.status == "passed" for result in results if result.attempted) else 1


def select(names: tuple[str, ...] = ()) -> list[Exercise]:
    """Exercises by id or part, in the order of the handout; all for no names. Raises ArgumentError for others."""
    table = exercises.load()
    part = {id: id.partition(".")[0] for id in table}
    wanted = {name.upper() for name in names}
    if unknown := sorted(wanted - part.keys() - set(part.values())):
        raise ArgumentError(
            f"there is no exercise {', '.join(unknown)}. There are {', '.join(table)}; "
            f"a part ({', '.join(dict.fromkeys(part.values()))}) means all of its exercises"
        )
    return [e for e in table.values() if not wanted or wanted & {e.id, part[e.id]}]


def grade(asked: list[Exercise], student: Path, runner: "Runner | Debug", oracle: Stored) -> list[Result]:
    """Check exercises in the files of folder `student`, and print each when it is done."""
    probes = [probe for exercise in asked for probe in of(exercise.id)]
    with runner:
        return show(judge(runner, oracle, probes, reveal=True), asked, student)


def show(verdicts: Iterator[list[Verdict]], asked: list[Exercise], student: Path) -> list[Result]:
    """Print the table, row by row, with the exercise that is being checked below it."""
    places = report.places(student)
    width = max(80, min(120, shutil.get_terminal_size().columns))
    results = []
    for done, exercise in enumerate(asked):
        with progress(f"checking {exercise.id} {exercise.title} ({done + 1} of {len(asked)})"):
            results.append(Result.of(next(verdicts)))
        print(report.row(results[-1], places, width, colour()), flush=True)
    print(report.footer(results))
    return results


@contextmanager
def progress(text: str) -> Iterator[None]:
    """Show what is being done for as long as it is, on a terminal."""
    if not sys.stderr.isatty():
        yield
        return
    text = text[: shutil.get_terminal_size().columns - 1]
    print(text, end="", flush=True, file=sys.stderr)
    try:
        yield
    finally:
        print("\r" + " " * len(text) + "\r", end="", flush=True, file=sys.stderr)


def colour() -> bool:
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ


def prepare_terminal() -> None:
    """Let any text be printed, and colours on Windows."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")
    if sys.platform == "win32":
        import colorama  # pytest brings it there

        colorama.just_fix_windows_console()


class Debug:
    """Asks probes in this process: for the debugger. Tracebacks are printed in full; an endless loop has no end."""

    def __init__(self):
        self.hw1 = Homework()
        self.shown: set[str] = set()

    def __enter__(self) -> "Debug":
        return self

    def __exit__(self, *exception) -> None:
        pass

    def ask(self, probe: Probe, inputs: Arrays) -> Answer:
        try:
            return Answer("ok", {k: worker.to_numpy(v) for k, v in probe.run(self.hw1, inputs).items()})
        except bdb.BdbQuit:  # `q` in the debugger
            raise KeyboardInterrupt from None
        except Exception as error:
            detail = worker.describe(error, ROOT)
            text = "".join(traceback.format_exception(error))
            if detail["status"] == "error" and text not in self.shown:
                print(f"\n{probe.id} {probe.title}:\n{text}", file=sys.stderr)
                self.shown.add(text)
            return Answer(detail["status"], detail=detail)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
