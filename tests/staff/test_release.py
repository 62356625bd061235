"""The release: what students get, that it is proved, that it has a version, and that corrections can be pulled."""

import re
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from hw1.exercises import ROOT
from scripts.staff import changelog, proofs, release
from scripts.staff.release import BRANCH, Options, ReleaseError, Repository, student_files
from tests.autograder.staff.markers import strip
from tests.autograder.staff.probes import leaderboard

OPTIONS = Options(quick=True)
unproved = pytest.mark.usefixtures("without_filling_in")
WHO = ["-c", "user.name=A", "-c", "user.email=a@example.org"]


@pytest.fixture
def without_filling_in(monkeypatch):
    """Skip the proof that takes seconds, in tests of other things."""
    monkeypatch.setattr(proofs, "points", lambda main, folder: None)


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *WHO, *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def staff(tmp_path) -> Path:
    """A copy of this repository as it stands, committed, without any release."""
    folder = tmp_path / "staff"
    names = Repository(ROOT).git("ls-files", "-co", "--exclude-standard", "-z").decode().split("\0")[:-1]
    proofs.write(folder, {name: (ROOT / name).read_bytes() for name in names if (ROOT / name).is_file()})
    git(tmp_path, "init", "-q", "-b", "main", "staff")
    for key, value in (("user.name", "A"), ("user.email", "a@example.org")):
        git(folder, "config", key, value)
    return commit(folder)


def commit(folder: Path, message="change") -> Path:
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", message)
    return folder


def edit(folder: Path, file: str, old: str, new: str) -> None:
    text = (folder / file).read_text()
    assert text.count(old) == 1, f"{old!r} occurs {text.count(old)} times in {file}"
    (folder / file).write_text(text.replace(old, new))


def new_version(staff: Path, entry: str) -> None:
    """A new version on top of the changelog, with an entry."""
    text = (staff / "CHANGELOG.md").read_text()
    version = changelog.newest(text)
    heading = version.heading_after
    (staff / "CHANGELOG.md").write_text(text.replace("## ", f"{heading}\n\n{entry}\n\n## ", 1))
    edit(staff, "pyproject.toml", f'version = "{version}"', f'version = "{heading.split()[1]}"')


def correct(staff: Path, entry: str = "- code: 1.3: the docstring says which logarithm is meant.") -> Path:
    """A correction of exercise 1.3 and its entry in a new version."""
    edit(staff, "hw1/losses.py", "not of the variance.", "not of the variance. Natural logarithm.")
    if entry:
        new_version(staff, entry)
    return commit(staff)


# --- what students get ------------------------------------------------------------------------------------------------
@unproved
def test_a_release_is_a_branch_of_its_own_that_holds_no_staff(staff):
    release.release(staff, OPTIONS)
    files = git(staff, "ls-tree", "-r", "--name-only", BRANCH).splitlines()
    assert not [file for file in files if "staff" in Path(file).parts]
    assert {"README.md", "Makefile", "requirements.txt", "hw1/losses.py", "tests/test_probes.py"} <= set(files)
    assert subprocess.run(["git", "merge-base", "main", BRANCH], cwd=staff, capture_output=True).returncode == 1
    assert git(staff, "status", "--porcelain") == ""
    for file in files:
        assert (staff / "out/student" / file).read_bytes() == Repository(staff).files(BRANCH)[file]


def test_released_python_compiles_is_tidy_and_has_no_unused_import(staff, tmp_path):
    folder = tmp_path / "tree"
    proofs.write(folder, student_files(Repository(staff).files("HEAD")))
    for command in (["check", "--select", "F401,F811,F821"], ["format", "--check"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "."], cwd=folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout
    for path in folder.rglob("*.py"):
        compile(path.read_text(), str(path), "exec")


@unproved
def test_the_same_main_gives_the_same_tree(staff, tmp_path):
    git(tmp_path, "clone", "-q", "staff", "other")
    trees = set()
    for folder in (staff, tmp_path / "other"):
        for key, value in (("user.name", "B"), ("user.email", "b@example.org")):
            git(folder, "config", key, value)
        release.release(folder, OPTIONS)
        trees.add(git(folder, "rev-parse", f"{BRANCH}^{{tree}}"))
    assert len(trees) == 1


def test_all_proofs_hold(staff):
    assert "all proofs hold" in release.release(staff, Options(dry_run=True))
    assert not Repository(staff).exists(BRANCH)


# --- corrections ------------------------------------------------------------------------------------------------------
@unproved
def test_what_has_not_changed_makes_no_commit(staff):
    release.release(staff, OPTIONS)
    before = git(staff, "rev-parse", BRANCH)
    edit(staff, "scripts/staff/release.py", "import shutil\n", "import shutil  # for staff alone\n")
    commit(staff)
    assert "nothing has changed" in release.release(staff, OPTIONS)
    assert git(staff, "rev-parse", BRANCH) == before


@unproved
def test_a_clone_without_the_last_release_gets_it_first(staff, tmp_path):
    """A release that shared no history with the last one could not be pulled, or pushed."""
    release.release(staff, OPTIONS)
    git(tmp_path, "clone", "-q", str(staff), "clone")
    with pytest.raises(release.ReleaseError, match="git fetch REMOTE student:student"):
        release.release(tmp_path / "clone", OPTIONS)
    git(tmp_path / "clone", "fetch", "-q", "origin", "student:student")
    assert "nothing has changed" in release.release(tmp_path / "clone", OPTIONS)


def test_a_correction_is_one_commit_with_the_entries_of_the_changelog(staff):
    release.release(staff, OPTIONS)
    release.release(correct(staff), OPTIONS)
    assert git(staff, "rev-list", "--count", BRANCH) == "2"
    assert git(staff, "log", "-1", "--format=%s", BRANCH) == "code: 1.3: the docstring says which logarithm is meant."


@unproved
def test_a_long_entry_is_reported_in_full(staff):
    release.release(staff, OPTIONS)
    release.release(correct(staff, "- code: 1.3: the docstring says\n  which logarithm is meant."), OPTIONS)
    assert "- code: 1.3: the docstring says which logarithm is meant." in git(staff, "log", "-1", "--format=%b", BRANCH)


@unproved
def test_a_student_with_half_done_work_can_pull_a_correction(staff, tmp_path):
    release.release(staff, OPTIONS)
    git(tmp_path, "clone", "-q", "-b", "student", "staff", "student")
    student = tmp_path / "student"
    done = strip((ROOT / "hw1/losses.py").read_text(), keep=["1.1", "1.4"])
    (student / "hw1/losses.py").write_text(done)
    commit(student, "1.1 and 1.4")
    release.release(correct(staff), OPTIONS)
    git(student, "pull", "-q", "--no-rebase", "--no-edit")
    text = (student / "hw1/losses.py").read_text()
    assert "Natural logarithm." in text
    assert "torch.logsumexp" in text
    assert 'raise NotImplementedError("TODO 1.3")' in text


@unproved
@pytest.mark.parametrize("entry", ["", "- code: 1.4: something else.", "- handout: section 11.3 is clearer."])
def test_a_changed_exercise_needs_a_line_in_the_changelog(staff, entry):
    release.release(staff, OPTIONS)
    before = git(staff, "rev-parse", BRANCH)
    with pytest.raises(ReleaseError, match=r"1\.3 changed since the last release"):
        release.release(correct(staff, entry), OPTIONS)
    assert git(staff, "rev-parse", BRANCH) == before


# --- versions ---------------------------------------------------------------------------------------------------------
def newest_tag(folder: Path) -> str:
    return f"student-{changelog.newest((folder / 'CHANGELOG.md').read_text())}"


def tags(folder: Path) -> dict[str, str]:
    """The commit of each tag."""
    return dict(reversed(line.split()) for line in git(folder, "show-ref", "--tags").splitlines())


@unproved
def test_a_release_has_the_tag_of_the_newest_version(staff):
    first = newest_tag(staff)
    assert first in release.release(staff, OPTIONS)
    before = git(staff, "rev-parse", BRANCH)
    assert tags(staff) == {f"refs/tags/{first}": before}
    release.release(correct(staff), OPTIONS)
    after = git(staff, "rev-parse", BRANCH)
    assert tags(staff) == {f"refs/tags/{first}": before, f"refs/tags/{newest_tag(staff)}": after}


@unproved
def test_a_change_without_a_new_version_stops_it_and_the_error_explains_what_to_do(staff):
    release.release(staff, OPTIONS)
    before = git(staff, "rev-parse", BRANCH), tags(staff)
    edit(staff, "README.md", "## Two commands", "## The two commands")
    commit(staff)
    with pytest.raises(ReleaseError) as refused:
        release.release(staff, OPTIONS)
    version = changelog.newest((staff / "CHANGELOG.md").read_text())
    for part in (f"{version} is released already", "README.md", version.heading_after, "pyproject.toml"):
        assert part in str(refused.value)
    assert (git(staff, "rev-parse", BRANCH), tags(staff)) == before
    new_version(staff, "- code: a heading of the README.")
    assert "on student" in release.release(commit(staff), OPTIONS)


@pytest.mark.parametrize("heading", ["## Unreleased", "## 2.0 (2027-01-01)", "## 2.0.0", "## 0.0.1 (2020-01-01)"])
def test_a_changelog_without_a_dated_version_on_top_stops_it(staff, heading):
    text = (staff / "CHANGELOG.md").read_text()
    (staff / "CHANGELOG.md").write_text(text.replace("## ", f"{heading}\n\n## ", 1))
    stopped(commit(staff), r"CHANGELOG\.md, line \d+")


def test_a_version_that_pyproject_does_not_have_stops_it(staff):
    new_version(staff, "- code: nothing.")
    text = (staff / "pyproject.toml").read_text()
    (staff / "pyproject.toml").write_text(re.sub(r'(?m)^version = ".*?"', 'version = "0.1.0"', text))
    stopped(commit(staff), r"pyproject\.toml has the version 0\.1\.0")


def test_versions_are_read_with_their_dates_the_newest_first():
    text = "# Changelog\n\n## 1.10.0 (2026-11-25)\n\n- code: a\n  b\n\nc\n\n## 1.9.0 (2026-11-25)\n- handout: d\n"
    assert [(str(v), v.day) for v in changelog.versions(text)] == [
        ("1.10.0", date(2026, 11, 25)),
        ("1.9.0", date(2026, 11, 25)),
    ]
    assert changelog.entries(text) == ["code: a b", "handout: d"]


# --- what stops it ----------------------------------------------------------------------------------------------------
def stopped(staff: Path, match: str) -> None:
    with pytest.raises(ReleaseError, match=match):
        release.release(staff, OPTIONS)
    assert not Repository(staff).exists(BRANCH)
    assert not (staff / "out/student").exists()
    assert not (staff / ".git/hooks/pre-push").exists()


def test_what_is_not_committed_stops_it(staff):
    (staff / "README.md").write_text("changed")
    stopped(staff, r"must be committed first.*\n.*README\.md")


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        ("# BEGIN SOLUTION 1.2", "# BEGIN SOLUTION 1.9", r"hw1/losses\.py, line \d+: there is no exercise 1\.9"),
        ("# BEGIN SOLUTION 1.2", "#", r"hw1/losses\.py, line \d+: END SOLUTION without"),
        (
            "    # BEGIN SOLUTION 1.2\n",
            "    # BEGIN SOLUTION 1.2\n    # BEGIN STAFF\n",
            r"line \d+: BEGIN STAFF inside",
        ),
    ],
)
def test_markers_that_do_not_match_stop_it(staff, old, new, match):
    edit(staff, "hw1/losses.py", old, new)
    stopped(commit(staff), match)


def test_a_leak_stops_it(staff):
    edit(staff, "README.md", "## Two commands", "See scripts/staff/release.py.\n\n## Two commands")
    stopped(commit(staff), r"README\.md: names the staff path")


@pytest.mark.parametrize(
    "made",
    [
        'PROBE = Probe("L.1", "a title", 0, draw, run)',
        'PROBE = base.Probe(id="L.1", title="a title")',
        '@probe("L.1", "a title", points=0)\ndef run(hw1, inputs): ...',
        'run = declare_probe("L.1", title="a title")(run)',
    ],
)
def test_titles_of_hidden_probes_are_found_however_a_probe_is_made(made):
    assert release.hidden_names({"tests/autograder/staff/probes/a.py": made.encode()}) == ["a title"]


def test_hidden_probes_without_a_title_stop_it():
    with pytest.raises(ReleaseError, match="no probe with a title"):
        release.hidden_names({"tests/autograder/staff/probes/a.py": b"PROBE = 1"})


@pytest.mark.parametrize("secret", [leaderboard.PROBE.title, "a-seed-of-the-autumn"])
def test_a_hidden_name_or_seed_stops_it(staff, secret):
    (staff / "out").mkdir()
    (staff / "out/autograder.seed").write_text("a-seed-of-the-autumn\n")
    edit(staff, "README.md", "## Two commands", f"{secret}\n\n## Two commands")
    stopped(commit(staff), r"README\.md: has the secret")


@unproved
def test_a_leak_in_an_earlier_release_stops_it(staff):
    release.release(staff, OPTIONS)
    tip = git(staff, "rev-parse", BRANCH)
    git(staff, "worktree", "add", "-q", "../leaky", "student")
    leaky = staff.parent / "leaky"
    (leaky / "notes.txt").write_text("# BEGIN SOLUTION 1.1\n")
    commit(leaky)
    (leaky / "notes.txt").unlink()
    commit(leaky, "remove it again")
    with pytest.raises(ReleaseError, match=r"notes\.txt: has the marker"):
        release.release(correct(staff), OPTIONS)
    assert git(staff, "rev-parse", f"{BRANCH}~2") == tip


def test_a_solution_outside_of_its_markers_stops_it(staff):
    edit(
        staff,
        "hw1/losses.py",
        "    # BEGIN SOLUTION 1.1\n",
        "    if True:\n        return ((pred - action) ** 2).sum(-1).mean()\n    # BEGIN SOLUTION 1.1\n",
    )
    stopped(commit(staff), r"with none filled in, 1\.1 has 4 points")


def test_a_helper_that_only_solutions_use_stops_it(staff):
    edit(staff, "hw1/losses.py", "LOG_2PI = ", "HALF_OF_IT = 0.5\nLOG_2PI = ")
    edit(staff, "hw1/losses.py", "    return (action - pred)", "    assert HALF_OF_IT\n    return (action - pred)")
    stopped(commit(staff), r"only solutions use HALF_OF_IT")


def test_an_exercise_without_its_stub_stops_it(staff):
    edit(staff, "hw1/losses.py", "    # BEGIN SOLUTION 1.1\n", "    # BEGIN SOLUTION 1.2\n")
    stopped(commit(staff), r"the stubs and the table differ in the exercises 1\.1")


def test_another_hook_stops_it(staff):
    hook = staff / ".git/hooks/pre-push"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\n")
    with pytest.raises(ReleaseError, match="does not come from this command"):
        release.release(staff, OPTIONS)
    assert not Repository(staff).exists(BRANCH)


# --- the hook --------------------------------------------------------------------------------------------------------
@pytest.fixture
def push(staff, tmp_path):
    """Pushes from a repository that has been released to two remotes, public and private; False if that is refused."""
    release.release(staff, OPTIONS)
    for name in ("public", "private"):
        git(tmp_path, "init", "-q", "--bare", f"{name}.git")
        git(staff, "remote", "add", name, str(tmp_path / f"{name}.git"))

    def push(*arguments: str) -> bool:
        done = subprocess.run(["git", "push", *arguments], cwd=staff, capture_output=True, text=True, check=False)
        assert done.returncode == 0 or "refused" in done.stderr, done.stderr
        return done.returncode == 0

    return push


@unproved
def test_the_hook_allows_only_student(staff, tmp_path, push):
    git(staff, "tag", "v1")
    assert push("private", "main")
    for refused in (["main"], ["main:student"], ["student:main"], ["v1"], ["--all"], ["main", "student"]):
        assert not push("public", *refused), refused
    assert not push(str(tmp_path / "public.git"), "main")
    assert git(tmp_path / "public.git", "for-each-ref") == ""
    assert push("public", "student")
    assert not push("public", ":student")
    assert git(tmp_path / "public.git", "for-each-ref", "--format=%(refname)") == BRANCH
    git(staff, "config", "hw1.public", str(tmp_path / "private.git"))
    assert not push("private", "main:other")


@unproved
def test_the_hook_lets_the_tags_of_releases_out_and_no_others(staff, tmp_path, push):
    tag = newest_tag(staff)
    git(staff, "tag", "student-of-main", "main")
    git(staff, "tag", "-a", "-m", "a text", "student-annotated", "student")
    git(staff, "tag", "student-of-a-file", "student:README.md")
    for refused in (
        ["student-of-main"],
        ["student-annotated"],
        ["student-of-a-file"],
        [f"main:refs/tags/{tag}"],
        [f"{tag}:refs/tags/other"],
        ["student", "--tags"],
    ):
        assert not push("public", *refused), refused
    assert push("public", "student", tag)
    release.release(correct(staff), OPTIONS)
    assert not push("public", "--force", f"student:refs/tags/{tag}")
    assert not push("public", "--delete", tag)
    assert push("public", "student", newest_tag(staff))


@unproved
def test_a_release_replaces_an_older_copy_of_the_hook_but_no_other_that_calls_it(staff):
    hook = staff / ".git/hooks/pre-push"
    hook.parent.mkdir(exist_ok=True)
    ours = (ROOT / "scripts/staff/pre-push").read_text()
    hook.write_text("\n".join(ours.splitlines()[:2]) + "\nexit 0\n")
    release.release(staff, OPTIONS)
    assert hook.read_text() == ours
    other = f'#!/bin/sh\nscripts/staff/pre-push "$@"  # {release.OUR_HOOK}\n'
    hook.write_text(other)
    release.release(correct(staff), OPTIONS)
    assert hook.read_text() == other
