"""Your points so far, and what is wrong: runs the autograder's checks on your code in hw1.

    python -m scripts.check              everything
    python -m scripts.check 1.3 E.2      two exercises
    python -m scripts.check 1            part 1
    python -m scripts.check 1.3 --debug  without a separate process, so that breakpoint() works
    python -m scripts.check 1.3 --hint   a hint on what is wrong; each call gives one more, up to three
    python -m scripts.check --doctor     what is wrong with Python, its packages, your files, and what to do about it

Exit status: 0 if every exercise that you have attempted passes, 1 if one does not, 2 if nothing could be checked, 130
if interrupted. With --exit-zero (make check) an exercise that does not pass yet is no error: 0 instead of 1.
"""

import sys

if __name__ == "__main__" and not __spec__:
    raise SystemExit("error: run it as a module, from the folder of the homework: python -m scripts.check")

from scripts import doctor

if __name__ == "__main__":  # before anything is imported that may be missing or broken
    doctor.explain_imports()
    if "--doctor" in sys.argv:
        sys.exit(doctor.main(sys.argv[1:]))

import shutil
import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from hw1 import exercises
from hw1.exercises import ROOT, Exercise
from scripts import hints
from scripts.command import File, Seconds, UserError, ended, read_options, require_file, require_seconds
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
    summary: File = None
    """A file to which the results are added as a Markdown table, as the page of a job on GitHub shows them."""
    debug: bool = False
    """Run your code without a separate process and time limits, print full tracebacks; breakpoint() works."""
    timeout: Seconds = None
    """Seconds for each check, instead of its own limit (10 for most checks). Increase it on a slow computer."""
    hint: bool = False
    """Print a hint on the first exercise that does not pass yet: a question, then an example, then a formula."""
    exit_zero: bool = False
    """Exit status 0 instead of 1 if an exercise does not pass yet."""
    doctor: bool = False
    """Examine the set-up instead: Python, packages, disk, files, corrections. Stands alone."""


def main(arguments: list[str]) -> int:
    if "--doctor" in arguments:
        return doctor.main(arguments)
    options = read_options(Options, arguments, "scripts.check", __doc__)
    return ended(lambda: run(options), {SnapshotError: 2})


def run(options: Options) -> int:
    """Check what is asked for. Returns the exit status; raises UserError or SnapshotError if nothing can be checked."""
    require_seconds("--timeout", options.timeout)
    if options.summary:
        require_file("--summary", options.summary)
    asked = select(options.exercises)
    for file, line in doctor.conflicts(ROOT):
        print(f"conflict: {doctor.resolve(file, line)}.\n")
    oracle = Stored(ROOT, [probe for exercise in asked for probe in of(exercise.id)])
    for note in about_given(oracle.edited(ROOT), oracle):
        print(f"note: {note}\n")
    runner = in_process() if options.debug else Runner(lambda: Spawned(ROOT), probe_seconds=options.timeout)
    results = grade(asked, ROOT, runner, oracle, needs_help if options.hint else never)
    if options.summary:
        options.summary.parent.mkdir(parents=True, exist_ok=True)
        with options.summary.open("a", encoding="utf-8") as file:
            file.write(report.summary(results))
    if options.hint:
        print(hint(results))
    return 0 if options.exit_zero or all(result.status == "passed" for result in results if result.attempted) else 1


def select(names: tuple[str, ...] = ()) -> list[Exercise]:
    """Exercises by id or part in the handout's order, or all without names. Raises UserError for unknown names."""
    table = exercises.load()
    part = {id: id.partition(".")[0] for id in table}
    known = part.keys() | set(part.values())
    wanted = {name.upper() for name in names}
    if unknown := sorted({name for name in names if name.upper() not in known}):
        raise UserError(
            f"there is no exercise {', '.join(unknown)}{''.join(map(meant, unknown))}. The exercises are "
            f"{', '.join(table)}; a part ({', '.join(dict.fromkeys(part.values()))}) stands for all of its exercises"
        )
    return [e for e in table.values() if not wanted or wanted & {e.id, part[e.id]}]


def meant(name: str) -> str:
    """What somebody may have meant by the name of no exercise, in brackets; empty if that cannot be told."""
    table = exercises.load()
    if name.upper().rpartition(".")[0] in table:
        return f" (a check of {name.upper().rpartition('.')[0]})"
    if name.startswith("5"):
        return " (a question for the report: python -m scripts.report)"
    same = [e.id for e in table.values() if name.upper() in (e.id.replace(".", ""), *map(str.upper, e.names))]
    return f" (did you mean {same[0]}?)" if same else ""


def needs_help(result: Result) -> bool:
    return result.attempted and result.status != "passed" and not result.waits


def never(result: Result) -> bool:
    return False


def hint(results: list[Result]) -> str:
    """The next hint on the first exercise that needs help; if there is none, on how to begin the first open one."""
    missed = [result for result in results if result.status != "passed"]
    if not missed:
        return "\nnothing to hint at: everything passes"
    chosen = next(filter(needs_help, missed), missed[0])
    if chosen.waits:
        return f"\n{chosen.exercise.id} needs another exercise first: {chosen.status}"
    return f"\n{chosen.exercise.id} {chosen.exercise.title}{hints.next_hint(chosen, ROOT, width())}"


def about_given(edited: list[str], oracle: Stored) -> Iterator[str]:
    """What it means that files other than the four differ from the release."""
    changed = [file for file in edited if file in oracle.given]
    if changed:
        yield f"{you_changed(changed)}. The server uses the original, so its results may differ."
    if added := [file for file in edited if file not in oracle.given]:
        yield f"{', '.join(added)}: not part of the release, so not handed in; the server does not have it."


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
    asked: list[Exercise],
    student: Path,
    runner: AbstractContextManager[Runner | InProcess],
    oracle: Stored,
    stop: Callable[[Result], bool] = never,
) -> list[Result]:
    """Check exercises in the files of the folder `student`, and print each result when it is known.

    Ends after a result at which `stop` says so.
    """
    probes = [probe for exercise in asked for probe in of(exercise.id)]
    with runner as running:
        return show(judge(running, oracle, probes, reveal=True, known=oracle), asked, student, stop)


def show(
    verdicts: Iterator[list[Verdict]], asked: list[Exercise], student: Path, stop: Callable[[Result], bool] = never
) -> list[Result]:
    """Print the table row by row, and below it the exercise that is being checked."""
    places, handout = report.places(student), (student / report.HANDOUT).is_file()
    results = []
    for done, exercise in enumerate(asked):
        with progress(f"checking {exercise.id} {exercise.title} ({done + 1} of {len(asked)})"):
            results.append(Result.of(next(verdicts)))
        print(report.row(results[-1], places, width(), colour(), report.like(results), handout), flush=True)
        if stop(results[-1]):
            return results
    print(report.footer(results))
    return results


def width() -> int:
    """Of what is printed, in characters."""
    return max(80, min(120, shutil.get_terminal_size().columns))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
