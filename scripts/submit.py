"""Packs your four files into submission.zip, and checks the packed files as the server will.

    python -m scripts.submit

The zip is unpacked again and graded with the public checks, in an empty folder and under the rules of the server. What
may be different there is listed: imports, newer Python, other versions of packages. You hand in your report separately.

Exit status: 0 if the zip is complete, whatever points it earns, 1 if one of the four files is missing in it, 2 if there
is no zip, 130 if interrupted.
"""

import hashlib
import io
import stat
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

if __name__ == "__main__":
    if not __spec__:
        raise SystemExit("error: run it as a module, from the folder of the homework: python -m scripts.submit")
    from scripts.doctor import explain_imports

    explain_imports()  # of what may be missing or broken

from hw1 import exercises
from hw1.exercises import ROOT
from scripts import portable
from scripts.check import grade, select, you_changed
from scripts.command import ended, read_options, require_file
from tests.autograder.intake import Intake, IntakeError, take
from tests.autograder.oracle import SnapshotError, Stored
from tests.autograder.probes import PROBES
from tests.autograder.report import Result, total
from tests.autograder.runner import Runner, Spawned

EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip can store


@dataclass(frozen=True)
class Options:
    """Where to write."""

    out: Path = Path("submission.zip")
    """The zip to write."""


def main(arguments: list[str]) -> int:
    options = read_options(Options, arguments, "scripts.submit", __doc__)
    return ended(lambda: run(options), {IntakeError: 2, SnapshotError: 2})


def run(options: Options) -> int:
    require_file("--out", options.out, ours=is_submission)
    try:
        return int(bool(submit(options.out).missing))
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"{options.out} is not completely checked") from None


def submit(out: Path) -> Intake:
    """Write `out`, grade its contents, and list them.

    Raises IntakeError if the server could not grade it, or if it would replace a zip that has more of the files.
    """
    oracle = Stored(ROOT, PROBES.values())
    contents = pack(ROOT)
    with tempfile.TemporaryDirectory() as folder:
        packed, unpacked = Path(folder) / out.name, Path(folder) / "unpacked"
        packed.write_bytes(contents)
        intake = take(packed, unpacked)
        if more := sorted(names_in(out) - names_in(packed)):
            lost = f"{', '.join(more)}: in the earlier {out}, but no longer in your folder"
            raise IntakeError(f"{lost}; bring it back, or write another zip with --out")
        out.write_bytes(contents)
        results = grade(select(), unpacked, Runner(lambda: Spawned(unpacked)), oracle)
    print(f"\n{out} ({len(contents):,} bytes) contains")
    for file, data in handed_in(ROOT).items():
        print(f"    {file:20} {len(data):7,} bytes   sha256 {hashlib.sha256(data).hexdigest()[:16]}")
    for warning in warnings(ROOT, intake, oracle):
        print(f"warning: {warning}")
    print(earned(results))
    return intake


def earned(results: list[Result]) -> str:
    """What the checks said about the zip, or that they did not run."""
    if all(verdict.status in ("timed out", "crashed") for result in results for verdict in result.verdicts):
        return (
            "No check could run, so nobody knows yet what it earns: the zip is packed, but not checked. "
            "`python -m scripts.check --doctor` says what may be wrong; then try again."
        )
    (points, extra), possible = total(results), exercises.totals()
    return (
        f"On the public checks it earns {points:g} of {possible['code']} points and {extra:g} of {possible['extra']} "
        "points of extra credit.\nThe server runs the same checks; only the seed of their inputs is different."
    )


def handed_in(root: Path) -> dict[str, bytes]:
    """The student's files, unchanged."""
    return {file: (root / file).read_bytes() for file in exercises.files() if (root / file).is_file()}


def pack(root: Path) -> bytes:
    """A zip of the student's files."""
    files = handed_in(root)
    return zipped(files, dict.fromkeys(files, 0o644))


def zipped(files: dict[str, bytes], modes: dict[str, int]) -> bytes:
    """A zip of files by name, with these permissions. The same files give the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.create_system = 3  # Unix: has modes
            entry.external_attr = (stat.S_IFREG | modes[name]) << 16
            archive.writestr(entry, data, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def is_submission(path: Path) -> bool:
    """Whether a file is a zip as this command writes it."""
    return bool(names := names_in(path)) and names <= set(exercises.files())


def names_in(path: Path) -> set[str]:
    """The files in a zip; none if it is no zip, or not there."""
    try:
        with zipfile.ZipFile(path) as archive:
            return set(archive.namelist())
    except (FileNotFoundError, zipfile.BadZipFile, ValueError):
        return set()


def warnings(root: Path, intake: Intake, oracle: Stored) -> Iterator[str]:
    """Reasons why the server's result may differ, or why the zip may not be what the student wants to hand in."""
    for file in intake.missing:
        back = f"; git checkout -- {file} brings it back in a clone, else copy it from the release"
        remedy = "" if (root / file).exists() else back
        yield f"{file} is missing: its exercises earn no points{remedy}."
    yield from intake.notes
    changed = [file for file in oracle.edited(root) if file in oracle.given]
    if changed:
        yield f"{you_changed(changed)}. Your changes are ignored: the server uses the original."
    yield from portable.warnings(handed_in(root))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
