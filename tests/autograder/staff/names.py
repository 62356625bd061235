"""Which submissions are graded, and what each of them is called.

A name is that of the file or the folder. Two submissions with one name get numbers: alice, alice-2. Names are compared
as a disk may compare them: without regard to capital letters and to how an accent is encoded. The folder of grades
remembers the path of every name, so a submission keeps its name from call to call.
"""

import itertools
import os
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from hw1 import exercises
from tests.autograder.containers import IGNORED

RESERVED = ("grades.csv", "summary.md", "class.html", "regrades")  # the folder of grades uses these names
# Names that do not tell whose file it is, also as a browser or a desktop numbers them; the folder above does.
NAMELESS = re.compile(r"(submission|hw1)( ?\(\d+\)| ?-? ?copy( ?\(?\d+\)?)?)?", re.IGNORECASE)
# Printable characters by Unicode's tables, but nothing is seen of them: fillers and variants.
INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
MAX_BYTES = 200
AROUND = 3  # levels of a folder in which hw1/ is looked for


# --- what is graded ---------------------------------------------------------------------------------------------------
def is_zip(name: str) -> bool:
    """Whether it is called like a zip; macOS keeps the properties of `x.zip` in a file `._x.zip`."""
    return name.lower().endswith(".zip") and not name.startswith("._")


def target(path: Path) -> Path:
    """What is graded for a path: itself, or the one zip in a folder that does not hold hw1/, as Moodle exports it."""
    try:
        if not path.is_dir():
            return path
        with os.scandir(path) as entries:
            zips = [path / e.name for e in entries if is_zip(e.name) and e.is_file(follow_symlinks=False)]
        return zips[0] if len(zips) == 1 and not holds_work(path) else path
    except OSError:  # reading it again for its grade gives the reason
        return path


def holds_work(folder: Path, depth: int = AROUND) -> bool:
    """Whether a folder contains hw1/ or a student's file, at most so many folders below."""
    files = {Path(file).name for file in exercises.files()}
    for place, below, names in os.walk(folder):
        if files & {name.casefold() for name in names} or "hw1" in {name.casefold() for name in below}:
            return True
        if len(Path(place).relative_to(folder).parts) >= depth:
            below.clear()
        below[:] = [name for name in below if name not in IGNORED and not name.startswith(".")]
    return False


# --- the name of one path ---------------------------------------------------------------------------------------------
def name_of(path: Path) -> str:
    """The name of a submission, as long as no other has it: that of its file or folder, or of the folder above if it
    is `submission.zip` or `hw1`.

    It has only printable characters and a limited length, and does not begin with a dot, so it is easy to see and type.
    """
    return cleaned(_stem(path))


def cleaned(text: str) -> str:
    """A text as the name of a folder."""
    name = printable(unicodedata.normalize("NFC", text)).replace("/", "_").strip()
    name = name.encode()[:MAX_BYTES].decode(errors="ignore").rstrip()
    return "_" + name.lstrip(".") if name.startswith(".") else name or "_"


def _source(path: Path) -> Path:
    """The file or folder that gives the name."""
    return path.parent if NAMELESS.fullmatch(_without_zip(path.name)) else path


def _stem(path: Path) -> str:
    source = _source(path)
    return source.name if source != path else _without_zip(path.name)


def _without_zip(name: str) -> str:
    return name[:-4] if name.lower().endswith(".zip") else name


def printable(text: object) -> str:
    """The text with `_` for each character that cannot be seen, moves the text around it, or is no character at all."""
    return "".join(c if c.isprintable() else "_" for c in INVISIBLE.sub("_", str(text)))


def quoted(path: object) -> str:
    """A path in quotation marks, with escapes that tell apart what `printable` does not."""
    escaped = (c if printable(c) == c else c.encode("unicode_escape").decode() for c in str(path))
    return '"' + "".join(escaped) + '"'


# --- one name for each path -------------------------------------------------------------------------------------------
def assign(paths: Iterable[Path], known: dict[str, str]) -> dict[str, Path]:
    """Paths by name.

    - A path that is known keeps its name.
    - A new path takes the name of its file if that is free, or if it replaces the submission that has it
      (`_may_replace`): the next download of the same student's work. If several would fit, the one whose folders are
      called alike is replaced.
    - All other new paths get numbers, in the order of the paths.

    Args:
        known: the path of each name, or "" where it is not known.
    """
    paths = list(paths)
    here = {str(path) for path in paths}
    by_path = {path: name for name, path in known.items() if path}
    found = {by_path[str(path)]: path for path in paths if str(path) in by_path}
    new = sorted(path for path in paths if str(path) not in by_path)
    taken = {compared(name) for name in (*known, *RESERVED)}

    same = defaultdict(list)  # names that somebody has, by what would have to be equal
    for name, path in known.items():
        if path and path not in here:
            same[_identity(Path(path))].append(name)
    offers = []
    for path in new:
        if compared(name_of(path)) not in taken or known.get(name_of(path)) == "":
            offers.append((0, path, 0, name_of(path)))
        for name in same[_identity(path)]:
            if _may_replace(path, known[name]):
                offers.append((-_alike(path, known[name]), path, len(name), name))
    placed: set[Path] = set()
    for _, path, _, name in sorted(offers):
        if path not in placed and name not in found and (name in known or compared(name) not in taken):
            found[name] = path
            taken.add(compared(name))
            placed.add(path)
    for path in new:
        if path not in placed:
            found[free(name_of(path), taken)] = path
    return found


def free(name: str, taken: set[str]) -> str:
    """The name, or with the first number with which it is unlike all that are taken; it then belongs to them.

    Args:
        taken: names as they are `compared`.
    """
    numbered = (f"{name}-{number}" for number in itertools.count(2))
    chosen = next(each for each in itertools.chain([name], numbered) if compared(each) not in taken)
    taken.add(compared(chosen))
    return chosen


def compared(name: str) -> str:
    """Equal for two names that are one file on some disk."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _identity(path: Path) -> str:
    """Equal for two paths that may be the same student's; other than a name, it is neither cut nor cleaned."""
    return unicodedata.normalize("NFC", _stem(path))


def _may_replace(path: Path, old: str) -> bool:
    """Whether a new path may be a later download of what was at `old`: not if both are in one folder."""
    return gone(old) or Path(old).parent != path.parent


def gone(path: str) -> bool:
    """Whether there is no such file any more; a file that cannot be reached now is not gone."""
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def unreadable(path: Path) -> str:
    """Why a file or a folder cannot even be opened; "" if it can."""
    try:
        if path.is_dir():
            os.listdir(path)
        else:
            path.open("rb").close()
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _alike(path: Path, old: str) -> int:
    """How many folders above both are called the same, from the bottom up."""
    pairs = zip(reversed(_source(path).parent.parts), reversed(_source(Path(old)).parent.parts), strict=False)
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))
