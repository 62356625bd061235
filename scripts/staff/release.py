"""Release the homework to students: from `main` to the branch `student` and the folder out/student.

    python -m scripts.staff.release             prove, commit to `student`, tag, write out/student
    python -m scripts.staff.release --dry-run   only prove

Solutions become stubs, and what concerns only course staff is removed. Everything is proved on the very files that are
released (`scripts.staff.proofs`) before anything is written. A release is one commit on top of the last one, so that
students can pull it, with the tag `student-VERSION`; the version is the newest one in CHANGELOG.md. `student` shares no
history with `main`. If no released file has changed, there is no commit. The command also installs a hook, which lets
only `student` and its tags be pushed to the public remote; `git config hw1.public NAME-OR-ADDRESS` sets that remote.
"""

import ast
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from hw1 import exercises
from hw1.exercises import ROOT
from scripts.command import UserError, ended, read_options, require_ours
from scripts.staff import changelog, leaks, proofs
from scripts.staff.proofs import Files
from tests.autograder.staff.markers import strip

BRANCH = "refs/heads/student"
TAG = "student-{}"
NOT_FOR_STUDENTS = {".ci", "requirements-staff.txt", "requirements-bench.txt"}
HIDDEN_PROBES = "tests/autograder/staff/probes/"
OUR_HOOK = "hook of scripts.staff.release"


class ReleaseError(UserError):
    """Why there is no release: one or several sentences."""

    status = 1
    title = "no release"


@dataclass(frozen=True)
class Options:
    """How to release."""

    out: Path = Path("out/student")
    """Folder for the released files; its old contents are removed."""
    dry_run: bool = False
    """Only prove; write nothing."""
    quick: bool = False
    """Skip the proofs that run the students' commands."""


def main(arguments: list[str]) -> int:
    options = read_options(Options, arguments, "scripts.staff.release", __doc__)
    return ended(lambda: print(release(ROOT, options)), files=1)


def release(root: Path, options: Options) -> str:
    """Release the repository at `root`; returns what was done. Raises ReleaseError, and then nothing is written."""
    start = time.perf_counter()
    repository = Repository(root)
    repository.require_clean()
    require_last_release(repository)
    hook = repository.hook()
    main = repository.files("HEAD")
    student = student_files(main)
    old = repository.files(BRANCH)
    if not options.dry_run:
        require_ours("--out", root / options.out, {*student, *old})
    message = describe_change(old, student)
    if message is None:
        repository.write_folder(options.out, student)
        return f"nothing has changed since the last release; its files are in {options.out}"
    tag = new_tag(repository, old, student)
    prove(repository, main, student, options.quick)
    took = f"all proofs hold ({time.perf_counter() - start:.0f} s)"
    if options.dry_run:
        return f"{took}; nothing written. The tag would be {tag}, the commit message:\n{message}"
    commit = repository.commit(student, message, tag)
    repository.write_folder(options.out, student)
    repository.install(hook)
    made = f"{commit[:10]} on student, tag {tag}, {len(student)} files in {options.out}"
    return f"{took}\n{made}:\n{message}\nPublish it with: git push --atomic public student {tag}"


def require_last_release(repository: "Repository") -> None:
    """Raises ReleaseError if there were releases, but their branch is not here: the new one would share no history."""
    elsewhere = repository.git(
        "for-each-ref", "--format=%(refname:short)", "refs/remotes/*/student", "refs/tags/student-*"
    )
    if not repository.exists(BRANCH) and (found := elsewhere.decode().split()):
        raise ReleaseError(
            f"there is no branch student here, but {found[0]} shows that there were releases. Get the branch first: "
            "git fetch REMOTE student:student"
        )


def prove(repository: "Repository", main: Files, student: Files, quick: bool) -> None:
    """Every proof, on the files to be released and on all earlier releases. Raises ReleaseError."""
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
    """The titles of the probes that students do not get. Raises ReleaseError if none is found."""
    modules = [ast.parse(main[name]) for name in main if name.startswith(HIDDEN_PROBES) and name.endswith(".py")]
    titles = [title for module in modules for node in ast.walk(module) for title in _titles(node)]
    if modules and not titles:
        raise ReleaseError(f"no probe with a title was found in {HIDDEN_PROBES}; see hidden_names in the release")
    return titles


def _titles(node: ast.AST) -> Iterator[str]:
    """What a call that makes a probe, such as `Probe("4.3.1", "a title", ...)`, is given as texts of several words."""
    if isinstance(node, ast.Call) and "probe" in ast.unparse(node.func).rpartition(".")[2].lower():
        for value in [*node.args, *(keyword.value for keyword in node.keywords)]:
            if isinstance(value, ast.Constant) and isinstance(value.value, str) and " " in value.value:
                yield value.value


def seeds(out: Path) -> list[str]:
    """The secret seeds that are kept in `out` and its folders."""
    return [text for path in out.glob("**/*.seed") if (text := path.read_text().strip())]


# --- what students get ------------------------------------------------------------------------------------------------
def student_files(main: Files) -> Files:
    """The files as students get them."""
    kept = {name: data for name, data in main.items() if is_for_students(name)}
    files = {}
    for name, data in kept.items():
        try:
            files[name] = strip(data.decode(), name).encode()
        except UnicodeDecodeError:
            files[name] = data
        except ValueError as error:
            raise ReleaseError(f"{name}, {error}") from None
    return tidied(files)


def is_for_students(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return "staff" not in parts and not NOT_FOR_STUDENTS & set(parts)


def tidied(files: Files) -> Files:
    """Without the imports that only the solutions needed, and formatted again."""
    with tempfile.TemporaryDirectory() as folder:
        proofs.write(Path(folder), files)
        ruff = [sys.executable, "-m", "ruff"]
        for step in (["check", "--quiet", "--fix", "--select", "F401,I001"], ["format", "--quiet"]):
            done = subprocess.run([*ruff, *step, "--no-cache", "."], cwd=folder, capture_output=True, text=True)
            if done.returncode:
                raise ReleaseError(f"ruff {step[0]}: {done.stdout or done.stderr}")
        return {name: (Path(folder) / name).read_bytes() for name in files}


# --- what has changed ------------------------------------------------------------------------------------------------
def describe_change(old: Files, new: Files) -> str | None:
    """The commit's message: the new entries of the changelog. None if nothing has changed.

    Raises ReleaseError if an exercise has changed and no new entry names it.
    """
    if old == new:
        return None
    if not old:
        return "HW1: Imitation Learning\n"
    before = set(changelog.entries(_changelog(old)))
    entries = [entry for entry in changelog.entries(_changelog(new)) if entry not in before]
    silent = [id for id in changed_exercises(old, new) if not any(proofs.names(entry, id) for entry in entries)]
    if silent:
        raise ReleaseError(
            f"{', '.join(silent)} changed since the last release, but no new entry of CHANGELOG.md names "
            f'{"it" if len(silent) == 1 else "them"}; add one such as "- code: {silent[0]}: what was corrected" '
            "to a new version"
        )
    title = entries[0] if entries else f"Changes in {', '.join(changed_files(old, new))}"
    body = [f"- {entry}" for entry in entries] or changed_files(old, new)
    return "\n".join([title if len(title) <= 72 else title[:69] + "...", "", *body]) + "\n"


def new_tag(repository: "Repository", old: Files, new: Files) -> str:
    """The tag of this release. Raises ReleaseError if its version has been released already."""
    try:
        version = changelog.newest(_changelog(new))
    except ValueError as error:
        raise ReleaseError(str(error)) from None
    tag = TAG.format(version)
    if repository.exists(f"refs/tags/{tag}"):
        raise ReleaseError(
            f"version {version} is released already (tag {tag}), but these files have changed since: "
            f"{', '.join(changed_files(old, new))}. Begin a new version: put the heading "
            f'"{version.heading_after}" with entries on top of CHANGELOG.md, set the same version in pyproject.toml, '
            "and commit"
        )
    return tag


def _changelog(files: Files) -> str:
    return files.get("CHANGELOG.md", b"").decode()


def changed_files(old: Files, new: Files) -> list[str]:
    return sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))


def changed_exercises(old: Files, new: Files) -> list[str]:
    """Exercises whose stub differs between two releases."""
    return [
        exercise.id
        for exercise in exercises.load().values()
        if proofs.stub(old.get(exercise.file, b""), exercise) != proofs.stub(new[exercise.file], exercise)
    ]


# --- git --------------------------------------------------------------------------------------------------------------
class Repository:
    """The private git repository. Its working tree is only read; only `student` and its tags are written."""

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
        """The contents of many objects, with one call."""
        stream = self.git("cat-file", "--batch", data="".join(f"{o}\n" for o in objects).encode())
        found, at = [], 0
        for _ in objects:
            end = stream.index(b"\n", at)
            size = int(stream[at:end].split()[2])
            found.append(stream[end + 1 : end + 1 + size])
            at = end + size + 2
        return found

    def history(self, ref: str) -> Files:
        """Every object of a branch: the files of all commits, and the commits with their messages."""
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

    def commit(self, files: Files, message: str, tag: str) -> str:
        """One commit with `files` on top of the branch `student`, with a tag; returns its id.

        The tag is a name only: an annotated one would hold a text and an author, which no proof has seen.
        """
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
        both = f"update {BRANCH} {commit}\ncreate refs/tags/{tag} {commit}\n"  # or neither: it is one transaction
        self.git("update-ref", "-m", "release", "--stdin", data=both.encode())
        return commit

    def write_folder(self, out: Path, files: Files) -> None:
        """Replace the folder `out` by the released files."""
        out = self.root / out
        shutil.rmtree(out, ignore_errors=True)
        proofs.write(out, files)

    def hook(self) -> Path:
        """The file of the hook that protects the public remote. Raises ReleaseError if another hook is there."""
        path = self.root / self.git("rev-parse", "--git-path", "hooks").decode().strip() / "pre-push"
        if path.exists() and OUR_HOOK not in path.read_text():
            raise ReleaseError(
                f"{path} exists already and does not come from this command. Call scripts/staff/pre-push from it, and "
                f"add a comment with the words {OUR_HOOK!r}"
            )
        return path

    def install(self, hook: Path) -> None:
        """Copy our hook, unless another one that calls it is there."""
        if not hook.exists() or hook.read_text().startswith(f"#!/bin/sh\n# {OUR_HOOK}"):
            hook.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / "scripts/staff/pre-push", hook)
            hook.chmod(0o755)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
