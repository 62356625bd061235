"""What the class found hard, as a page: `python -m scripts.staff.classroom DIR`.

    python -m scripts.staff.classroom                                 out/grades/class.html, from what is in out/grades
    python -m scripts.staff.classroom out/second --out second.html    of another folder, to another file

`python -m scripts.staff.grade` writes the same page at its end. It needs no network. It has the names of students:
do not pass it on.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from scripts.command import File, UserError, ended, read_options, require_file
from scripts.staff.classroom.page import TITLE, write
from tests.autograder.staff.batch import BatchError
from tests.autograder.staff.folder import Grades
from tests.autograder.staff.summary import Grade


@dataclass(frozen=True)
class Options:
    """Which grades, and where to."""

    grades: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="[DIR]")] = Path("out/grades")
    """The folder of grades."""
    out: File = None
    """The page; by default class.html in that folder."""


def main(arguments: list[str]) -> int:
    options = read_options(Options, arguments, "scripts.staff.classroom", __doc__)
    return ended(lambda: run(options), {BatchError: 2})


def run(options: Options) -> None:
    if not options.grades.is_dir():
        raise UserError(f"{options.grades} is no folder of grades; `python -m scripts.staff.grade --out DIR` makes one")
    folder = Grades(options.grades)
    out = options.out or options.grades / "class.html"
    require_file("the page", out, ours)
    names = folder.names()
    if not names:
        raise UserError(f"{options.grades} holds no grades (NAME/results.json); name the --out of scripts.staff.grade")
    write(out, options.grades, [Grade(name, folder.read(name)) for name in names])
    print(f"{out}: what {len(names)} submissions show")


def ours(path: Path) -> bool:
    """Whether this command wrote a file."""
    return f"<title>{TITLE}</title>".encode() in path.read_bytes()[:1000]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
