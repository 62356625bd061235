"""Packs your four files into submission.zip, and checks what it has packed as the server will.

    python -m scripts.submit

The zip is unpacked again and graded with the public checks. The server runs the same checks on other inputs. Your
report is handed in apart from the code. Exit status: 0 if the zip can be handed in, however many points it earns.
"""

import ast
import hashlib
import io
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import tyro

from hw1 import exercises
from hw1.exercises import ROOT
from scripts.check import grade, prepare_terminal, select
from tests.autograder.intake import Intake, IntakeError, take
from tests.autograder.oracle import SnapshotError, Stored
from tests.autograder.probes import PROBES
from tests.autograder.report import total
from tests.autograder.runner import Runner, Spawned

EPOCH = (1980, 1, 1, 0, 0, 0)  # the first time that a zip can hold


@dataclass(frozen=True)
class Options:
    """What to write."""

    out: Path = Path("submission.zip")
    """The zip."""


def main(arguments: list[str]) -> int:
    options = tyro.cli(Options, args=arguments, prog="python -m scripts.submit", description=__doc__)
    prepare_terminal()
    try:
        submit(options.out)
    except (IntakeError, SnapshotError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"error: {error.filename}: {error.strerror}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"\ninterrupted; {options.out} was not checked to the end", file=sys.stderr)
        return 130
    return 0


def submit(out: Path) -> None:
    """Write `out`, grade what is in it, and say what it holds. Raises IntakeError if the server could not grade it."""
    oracle = Stored(ROOT, PROBES.values())
    contents = pack(ROOT)
    with tempfile.TemporaryDirectory() as folder:
        packed, unpacked = Path(folder) / out.name, Path(folder) / "unpacked"
        packed.write_bytes(contents)
        intake = take(packed, unpacked)
        out.write_bytes(contents)
        points, extra = total(grade(select(), unpacked, Runner(lambda: Spawned(unpacked)), oracle))
    print(f"\n{out} ({len(contents):,} bytes) holds")
    for file, data in handed_in(ROOT).items():
        print(f"    {file:20} {len(data):7,} bytes   sha256 {hashlib.sha256(data).hexdigest()[:16]}")
    for warning in warnings(ROOT, intake, oracle):
        print(f"warning: {warning}")
    possible = exercises.totals()
    print(
        f"On the public checks it earns {points:g} of {possible['code']} points, and {extra:g} of {possible['extra']} "
        "of extra credit.\nThe server runs the same checks; only the seed of their inputs differs."
    )


def handed_in(root: Path) -> dict[str, bytes]:
    """The student's files, as they are."""
    return {file: (root / file).read_bytes() for file in exercises.files() if (root / file).is_file()}


def pack(root: Path) -> bytes:
    """A zip of the student's files: the same bytes for the same files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for file, data in handed_in(root).items():
            entry = zipfile.ZipInfo(file, EPOCH)
            entry.compress_type, entry.external_attr, entry.create_system = zipfile.ZIP_DEFLATED, 0o100644 << 16, 3
            archive.writestr(entry, data)
    return buffer.getvalue()


def warnings(root: Path, intake: Intake, oracle: Stored) -> Iterator[str]:
    """Why the server may come to another result, or what may not be as the student meant it."""
    for file in intake.missing:
        yield f"{file} is missing: its exercises earn nothing."
    yield from intake.notes
    changed = [file for file in oracle.edited(root) if file in oracle.given]
    if changed:
        yield f"{', '.join(changed)}: not as given. Your version is ignored: the server uses its own."
    for file, module in strangers(root, oracle):
        yield f"{file} imports {module}, which is not handed in: on the server the import will fail."


def strangers(root: Path, oracle: Stored) -> Iterator[tuple[str, str]]:
    """Files handed in, and what they import that lies in the student's folder but is neither given nor handed in."""
    for file, data in handed_in(root).items():
        try:
            tree = ast.parse(data)
        except (SyntaxError, ValueError):  # the table says so
            continue
        for name in dict.fromkeys(_imported(tree)):
            path = name.replace(".", "/")
            for place in (f"{path}.py", f"{path}/__init__.py"):
                if (root / place).is_file() and place not in exercises.files() and place not in oracle.given:
                    yield file, place


def _imported(tree: ast.Module) -> Iterator[str]:
    """Dotted names of all that may be a module; relative ones are of hw1."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = ".".join(["hw1"] * bool(node.level) + [node.module] * bool(node.module))
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
