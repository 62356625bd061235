"""Release the homework to students: from `main` to the branch `student` and the folder out/student.

    python -m scripts.staff.release             prove, commit to `student`, write out/student
    python -m scripts.staff.release --dry-run   prove only

Solutions become stubs, staff's parts vanish, and everything is proved on the very files that are released before
anything is written (`scripts.staff.proofs`). A release is one commit on top of the last one, so that students can pull
it; `student` shares no history with `main`. What has not changed makes no commit. The command also installs a guard
that lets nothing but `student` be pushed to the public remote, which `git config hw1.public NAME-OR-ADDRESS` sets.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import tyro

from hw1 import exercises
from hw1.exercises import ROOT
from scripts.staff import leaks, proofs
from tests.autograder.staff.markers import strip

BRANCH = "refs/heads/student"
NOT_FOR_STUDENTS = {".ci", "requirements-staff.txt", "requirements-bench.txt"}
GUARD = "hook of scripts.staff.release"

Files = dict[str, bytes]


class ReleaseError(Exception):
    """Why there is no release; a sentence, or several."""


@dataclass(frozen=True)
class Options:
    """How to release."""

    out: Path = Path("out/student")
    """Folder for the released files; replaced."""
    dry_run: bool = False
    """Prove, but write nothing."""
    quick: bool = False
    """Leave out the proofs that run the student's commands."""


def main(arguments: list[str]) -> int:
    options = tyro.cli(Options, args=arguments, description=__doc__)
    try:
        print(release(ROOT, options))
    except ReleaseError as error:
        print(f"no release: {error}", file=sys.stderr)
        return 1
    return 0


def release(root: Path, options: Options) -> str:
    """Make a release of the repository at `root`; returns what was done. Raises ReleaseError, with nothing written."""
    start = time.perf_counter()
    repository = Repository(root)
    repository.require_clean()
    guard = repository.guard()
    main = repository.files("HEAD")
    student = student_files(main)
    old = repository.files(BRANCH)
    message = describe_change(old, student)
    if message is None:
        repository.write_folder(options.out, student)
        return f"nothing has changed since the last release; {options.out} holds it"
    prove(repository, main, student, options.quick)
    took = f"all proofs hold ({time.perf_counter() - start:.0f} s)"
    if options.dry_run:
        return f"{took}; nothing written. The commit would say:\n{message}"
    commit = repository.commit(student, message)
    repository.write_folder(options.out, student)
    repository.install(guard)
    return f"{took}\n{commit[:10]} on student, {len(student)} files in {options.out}:\n{message}"


def prove(repository: "Repository", main: Files, student: Files, quick: bool) -> None:
    """Every proof, on the files to be released and all that was released before. Raises ReleaseError."""
    words = [str(repository.root), str(Path.home()), *hidden_names(main), *seeds(repository.root / "out")]
    secrets = leaks.Secrets.of(main, words)
    found = leaks.scan(student, secrets)
    found += leaks.scan(repository.history(BRANCH), secrets)
    if found:
        raise ReleaseError("something would leak:\n" + "\n".join(f"  {leak}" for leak in dict.fromkeys(found)))
    try:
        proofs.hold(main, student, quick)
    except proofs.ProofError as error:
        raise ReleaseError(str(error)) from None


def hidden_names(main: Files) -> list[str]:
    """The titles of the probes that students do not get."""
    texts = [data.decode() for name, data in main.items() if name.startswith("tests/autograder/staff/probes/")]
    return [title for text in texts for title in re.findall(r'Probe\(\s*"[\w.]+",\s*"(.+?)"', text)]


def seeds(out: Path) -> list[str]:
    """The secret seeds that are kept below `out`."""
    return [text for path in out.glob("**/*.seed") if (text := path.read_text().strip())]


# --- what students get ------------------------------------------------------------------------------------------------
def student_files(main: Files, keep: frozenset[str] = frozenset()) -> Files:
    """Staff's files as students get them; with the solutions of the exercises in `keep`, for the proofs."""
    kept = {name: data for name, data in main.items() if is_for_students(name)}
    files = {}
    for name, data in kept.items():
        try:
            files[name] = strip(data.decode(), name, keep).encode()
        except UnicodeDecodeError:
            files[name] = data
        except ValueError as error:
            raise ReleaseError(f"{name}, {error}") from None
    return tidied(files)


def is_for_students(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return "staff" not in parts and not NOT_FOR_STUDENTS & set(parts)


def tidied(files: Files) -> Files:
    """Without the imports that only the solutions needed, and formatted as if written so."""
    with tempfile.TemporaryDirectory() as folder:
        proofs.write(Path(folder), files)
        ruff = [sys.executable, "-m", "ruff"]
        for step in (["check", "--quiet", "--fix", "--select", "F401,I001"], ["format", "--quiet"]):
            done = subprocess.run([*ruff, *step, "--no-cache", "."], cwd=folder, capture_output=True, text=True)
            if done.returncode:
                raise ReleaseError(f"ruff {step[0]}: {done.stdout or done.stderr}")
        return {name: (Path(folder) / name).read_bytes() for name in files}


# --- what to tell them ------------------------------------------------------------------------------------------------
def describe_change(old: Files, new: Files) -> str | None:
    """The commit's message: the changelog's new lines. None if nothing has changed.

    Raises ReleaseError if an exercise changed and no new line names it.
    """
    if old == new:
        return None
    if not old:
        return "HW1: Imitation Learning\n"
    before = set(old.get("CHANGELOG.md", b"").decode().splitlines())
    lines = [line for line in new.get("CHANGELOG.md", b"").decode().splitlines() if line not in before]
    told = "\n".join(lines)
    silent = [id for id in changed_exercises(old, new) if not proofs.names(told, id)]
    if silent:
        raise ReleaseError(
            f"{', '.join(silent)} changed since the last release, but no new line of CHANGELOG.md names "
            f'{"it" if len(silent) == 1 else "them"}; add one such as "- code: {silent[0]}: what was corrected"'
        )
    entries = [line.strip() for line in lines if line.lstrip().startswith("-")]
    changed = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
    title = entries[0].removeprefix("- ") if entries else f"Changes in {', '.join(changed)}"
    return "\n".join([title if len(title) <= 72 else title[:69] + "...", "", *(entries or changed)]) + "\n"


def changed_exercises(old: Files, new: Files) -> list[str]:
    """Exercises whose stub differs between two releases."""
    return [
        exercise.id
        for exercise in exercises.load().values()
        if proofs.stub(old.get(exercise.file, b""), exercise) != proofs.stub(new[exercise.file], exercise)
    ]


# --- git --------------------------------------------------------------------------------------------------------------
class Repository:
    """The git repository of staff. The working tree is only read, and no branch but `student` is touched."""

    def __init__(self, root: Path):
        self.root = root

    def git(self, *arguments: str, data: bytes | None = None, environment: dict | None = None) -> bytes:
        done = subprocess.run(
            ["git", *arguments], cwd=self.root, input=data, capture_output=True, env=environment, check=False
        )
        if done.returncode:
            raise ReleaseError(f"git {arguments[0]}: {done.stderr.decode().strip()}")
        return done.stdout

    def exists(self, ref: str) -> bool:
        return (
            subprocess.run(["git", "rev-parse", "-q", "--verify", ref], cwd=self.root, capture_output=True).returncode
            == 0
        )

    def require_clean(self) -> None:
        dirty = self.git("status", "--porcelain").decode().splitlines()
        if dirty:
            shown = "\n".join(f"  {line}" for line in dirty[:10])
            raise ReleaseError(f"what is released must be committed first; not committed:\n{shown}")

    def files(self, ref: str) -> Files:
        """The files of a commit; none if there is no such branch yet."""
        if not self.exists(ref):
            return {}
        rows = self.git("ls-tree", "-r", "-z", ref).decode().split("\0")[:-1]
        objects = {row.split("\t", 1)[1]: row.split()[2] for row in rows}
        contents = self.contents(list(objects.values()))
        return dict(zip(objects, contents, strict=True))

    def contents(self, objects: list[str]) -> list[bytes]:
        """The contents of many objects by one call."""
        stream = self.git("cat-file", "--batch", data="".join(f"{o}\n" for o in objects).encode())
        found, at = [], 0
        for _ in objects:
            end = stream.index(b"\n", at)
            size = int(stream[at:end].split()[2])
            found.append(stream[end + 1 : end + 1 + size])
            at = end + size + 2
        return found

    def history(self, ref: str) -> Files:
        """Every object that can be reached from a branch: files of all commits, and the commits' messages."""
        if not self.exists(ref):
            return {}
        rows = [row.partition(" ") for row in self.git("rev-list", "--objects", ref).decode().splitlines()]
        kinds = self.git("cat-file", "--batch-check=%(objecttype)", data="".join(f"{r[0]}\n" for r in rows).encode())
        kept = [
            (object, path or "message.txt")
            for (object, _, path), kind in zip(rows, kinds.decode().split(), strict=True)
            if kind in ("blob", "commit", "tag")
        ]
        contents = self.contents([object for object, _ in kept])
        return {f"{object[:10]}/{path}": data for (object, path), data in zip(kept, contents, strict=True)}

    def commit(self, files: Files, message: str) -> str:
        """One commit with `files` on top of the branch `student`; its id."""
        modes = {
            row.split("\t", 1)[1]: row.split()[0] for row in self.git("ls-tree", "-r", "HEAD").decode().splitlines()
        }
        entries = []
        for name, data in files.items():
            blob = self.git("hash-object", "-w", "--stdin", data=data).decode().strip()
            entries.append(f"{modes.get(name, '100644')} {blob}\t{name}\n")
        with tempfile.TemporaryDirectory() as folder:
            index = os.environ | {"GIT_INDEX_FILE": f"{folder}/index"}
            self.git("update-index", "--add", "--index-info", data="".join(entries).encode(), environment=index)
            tree = self.git("write-tree", environment=index).decode().strip()
        parents = ["-p", BRANCH] if self.exists(BRANCH) else []
        commit = self.git("commit-tree", tree, *parents, data=message.encode()).decode().strip()
        self.git("update-ref", "-m", "release", BRANCH, commit)
        return commit

    def write_folder(self, out: Path, files: Files) -> None:
        """Replace `out` by the released files."""
        out = self.root / out
        shutil.rmtree(out, ignore_errors=True)
        proofs.write(out, files)

    def guard(self) -> Path:
        """Where the hook belongs that refuses to push anything but `student` to the public remote."""
        hook = self.root / self.git("rev-parse", "--git-path", "hooks").decode().strip() / "pre-push"
        if hook.exists() and GUARD not in hook.read_text():
            raise ReleaseError(
                f"{hook} is there already and is not ours: call scripts/staff/pre-push from it, and say so "
                f"in a comment with the words {GUARD!r}"
            )
        return hook

    def install(self, hook: Path) -> None:
        if not hook.exists():
            hook.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / "scripts/staff/pre-push", hook)
            hook.chmod(0o755)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
