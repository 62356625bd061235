"""Your grade so far, with hints: runs the autograder's checks on your code in hw1.

    python -m scripts.check              everything
    python -m scripts.check 1.3 E.2      two exercises
    python -m scripts.check 1            part 1
    python -m scripts.check 1.3 --debug  without a separate process, so that breakpoint() works

Exit status: 0 if every exercise that you have attempted passes, 1 if one does not, 2 if nothing could be checked, 130
if interrupted.
"""

import shutil
import sys
import traceback
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from hw1 import exercises
from hw1.exercises import ROOT, Exercise
from scripts.command import UserError, ended, read_options, require_file, require_seconds
from scripts.terminal import colour, progress
from tests.autograder import report
from tests.autograder.judge import judge
from tests.autograder.oracle import SnapshotError, Stored
from tests.autograder.probes import Homework, Probe, of
from tests.autograder.report import Result
from tests.autograder.runner import InProcess, Runner, Spawned
from tests.autograder.verdict import Verdict


@dataclass(frozen=True)
class Options:
    """What to check."""

    exercises: Annotated[
        tyro.conf.Positional[tuple[str, ...]], tyro.conf.arg(metavar="[ID ...]", help_behavior_hint="")
    ] = ()
    """Exercises, such as 1.3 or E.2, or parts, such as 1 or E; without any, everything is checked."""
    summary: Path | None = None
    """A file to which the results are added as a Markdown table, as the page of a job on GitHub shows them."""
    debug: bool = False
    """Run your code without a separate process and time limits, print full tracebacks; breakpoint() works."""
    timeout: float | None = None
    """Seconds for each check, instead of its own limit (10 for most checks). Increase it on a slow computer."""


def main(arguments: list[str]) -> int:
    options = read_options(Options, arguments, "scripts.check", __doc__)
    return ended(lambda: run(options), {SnapshotError: 2})


def run(options: Options) -> int:
    """Check what is asked for. Returns the exit status; raises UserError or SnapshotError if nothing can be checked."""
    require_seconds("--timeout", options.timeout)
    if options.summary:
        require_file("--summary", options.summary)
    asked = select(options.exercises)
    oracle = Stored(ROOT, [probe for exercise in asked for probe in of(exercise.id)])
    if edited := oracle.edited(ROOT):
        print(f"note: {you_changed(edited)}. The server uses the original, so its results may differ.\n")
    runner = in_process() if options.debug else Runner(lambda: Spawned(ROOT), probe_seconds=options.timeout)
    results = grade(asked, ROOT, runner, oracle)
    if options.summary:
        with options.summary.open("a", encoding="utf-8") as file:
            file.write(report.summary(results))
    return 0 if all(result.status == "passed" for result in results if result.attempted) else 1


def select(names: tuple[str, ...] = ()) -> list[Exercise]:
    """Exercises by id or part in the handout's order, or all without names. Raises UserError for unknown names."""
    table = exercises.load()
    part = {id: id.partition(".")[0] for id in table}
    wanted = {name.upper() for name in names}
    if unknown := sorted(wanted - part.keys() - set(part.values())):
        raise UserError(
            f"there is no exercise {', '.join(unknown)}. The exercises are {', '.join(table)}; "
            f"a part ({', '.join(dict.fromkeys(part.values()))}) stands for all of its exercises"
        )
    return [e for e in table.values() if not wanted or wanted & {e.id, part[e.id]}]


def you_changed(files: list[str]) -> str:
    return f"{', '.join(files)}: you changed {'this file' if len(files) == 1 else 'these files'}"


def in_process() -> AbstractContextManager[InProcess]:
    """Runs probes in this process, and prints the whole traceback of each exception, but the same one only once."""
    shown: set[str] = set()

    def show(probe: Probe, error: BaseException) -> None:
        text = "".join(traceback.format_exception(error))
        if text not in shown:
            print(f"\n{probe.id} {probe.title}:\n{text}", file=sys.stderr)
            shown.add(text)

    return nullcontext(InProcess(Homework(), ROOT, on_error=show))


def grade(
    asked: list[Exercise], student: Path, runner: AbstractContextManager[Runner | InProcess], oracle: Stored
) -> list[Result]:
    """Check exercises in the files of the folder `student`, and print each result when it is known."""
    probes = [probe for exercise in asked for probe in of(exercise.id)]
    with runner as running:
        return show(judge(running, oracle, probes, reveal=True, known=oracle), asked, student)


def show(verdicts: Iterator[list[Verdict]], asked: list[Exercise], student: Path) -> list[Result]:
    """Print the table row by row, and below it the exercise that is being checked."""
    places = report.places(student)
    width = max(80, min(120, shutil.get_terminal_size().columns))
    results = []
    for done, exercise in enumerate(asked):
        with progress(f"checking {exercise.id} {exercise.title} ({done + 1} of {len(asked)})"):
            results.append(Result.of(next(verdicts)))
        print(report.row(results[-1], places, width, colour()), flush=True)
    print(report.footer(results))
    return results


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
