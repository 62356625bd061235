"""The zip for Gradescope, in folders like the platform's: set up, run as root, with its results checked by field."""

import json
import os
import shutil
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from hw1 import exercises
from hw1.exercises import ROOT
from scripts.staff import autograder
from scripts.staff.autograder import BuildError, Options, build
from scripts.staff.gradescope import entry
from tests.autograder.probes import PROBES
from tests.autograder.staff import keys, results
from tests.autograder.staff.markers import strip
from tests.staff import results_schema

SEED = "a secret of the tests"
FILES = {file: (ROOT / file).read_text() for file in exercises.files()}
METADATA = {
    "id": 123456,
    "created_at": "2026-11-01T12:00:00.000000-07:00",
    "assignment": {"due_date": "2026-11-02T12:00:00.000000-07:00", "group_size": 1, "total_points": "100.0"},
    "users": [{"email": "student@example.com", "id": 1234, "name": "A Student"}],
    "previous_submissions": [{"submission_time": "2026-10-31T12:00:00.000000-07:00", "score": 0.0, "results": {}}],
}
platform_only = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="the platform is Linux and runs the autograder as root"
)


def program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


# --- the zip ----------------------------------------------------------------------------------------------------------
def built(folder: Path, **options) -> Path:
    folder.mkdir(exist_ok=True)
    build(Options(out=folder / "autograder.zip", **options))
    return folder / "autograder.zip"


def test_the_same_code_and_seed_make_the_same_zip(tmp_path):
    first, second = (built(tmp_path / name, seed=SEED) for name in "ab")
    assert first.read_bytes() == second.read_bytes()
    assert stat.S_IMODE(first.stat().st_mode) == 0o600


def test_scripts_are_at_the_top_and_executable(tmp_path):
    with zipfile.ZipFile(built(tmp_path, seed=SEED)) as archive:
        modes = {info.filename: info.external_attr >> 16 for info in archive.infolist()}
    assert all(modes[name] & 0o111 == 0o111 for name in autograder.SCRIPTS)
    assert all(stat.S_ISREG(mode) for mode in modes.values())
    assert not any(mode & 0o077 for name, mode in modes.items() if name not in autograder.SCRIPTS)


def test_the_platform_installs_what_students_install(tmp_path):
    with zipfile.ZipFile(built(tmp_path, seed=SEED)) as archive:
        assert archive.read("requirements.txt") == (ROOT / "requirements.txt").read_bytes()


def test_a_seed_is_drawn_once_and_kept(tmp_path, capsys):
    first = built(tmp_path).read_bytes()
    assert built(tmp_path).read_bytes() == first
    kept = tmp_path / "autograder.seed"
    said = capsys.readouterr().out
    assert str(kept) in said
    assert kept.read_text().strip() not in said
    assert len(kept.read_text().strip()) == 64
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_a_configuration_of_pip_is_packed(tmp_path):
    (tmp_path / "mine.conf").write_text("[global]\nextra-index-url = elsewhere\n")
    with zipfile.ZipFile(built(tmp_path, pip_config=tmp_path / "mine.conf")) as archive:
        assert archive.read("pip.conf") == (tmp_path / "mine.conf").read_bytes()


@pytest.mark.parametrize(
    "wrong", [{"seconds": 0.0}, {"seconds": float("nan")}, {"probe_seconds": -1.0}, {"pip_config": Path("none.conf")}]
)
def test_wrong_options_get_an_error_of_one_sentence(wrong, tmp_path):
    with pytest.raises(BuildError, match=r"must be more than 0|there is no such file"):
        built(tmp_path, **wrong)


def test_the_deadline_is_earlier_than_the_platforms():
    assert Options().seconds + entry.GRACE + 30 <= autograder.PLATFORM_SECONDS


@platform_only
def test_setup_gets_a_recent_python_where_there_is_none(tmp_path):
    """For example on Ubuntu 22.04: python3 is too old, and the packages have a later one."""
    programs, source = tmp_path / "bin", tmp_path / "autograder" / "source"
    programs.mkdir()
    source.mkdir(parents=True)
    (source / "requirements.txt").touch()
    for name in ("bash", "env", "chmod", "cp"):
        (programs / name).symlink_to(shutil.which(name))
    texts = {
        "python3": "#!/bin/bash\nexit 1\n",
        "apt-get": f'#!/bin/bash\necho "$@" >>{tmp_path}/log\n'
        f"[ $1 = update ] || cp -p {tmp_path}/recent {programs}/python3.11\n",
    }
    program(tmp_path / "recent", f'#!/bin/bash\nexec {sys.executable} "$@"\n')
    for name, text in texts.items():
        program(programs / name, text)
    environment = {"PATH": str(programs), "ROOT": str(tmp_path / "autograder"), "PIP_NO_INDEX": "1"}
    ran = subprocess.run(
        ["bash", ROOT / "scripts/staff/gradescope/setup.sh"], env=environment, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    assert "python3.11 python3.11-venv" in (tmp_path / "log").read_text()
    assert (tmp_path / "autograder/venv/bin/pip").exists()
    assert stat.S_IMODE(source.stat().st_mode) == 0o700


# --- on the platform --------------------------------------------------------------------------------------------------
class Platform:
    """Folders like the platform's, in `root`. The virtual environment is this one, so that nothing is installed."""

    def __init__(self, root: Path, package: Path):
        self.root = root
        self.source = root / "source"
        self.source.mkdir(parents=True)
        subprocess.run(["unzip", "-q", package, "-d", self.source], check=True)
        (root / "venv").symlink_to(sys.prefix)
        self("bash", self.source / "setup.sh")
        shutil.copy(self.source / "run_autograder", root / "run_autograder")

    def __call__(self, *command) -> str:
        environment = {"PATH": os.environ["PATH"], "ROOT": str(self.root), "PIP_NO_INDEX": "1"}
        ran = subprocess.run(command, env=environment, cwd=self.root, capture_output=True, text=True, timeout=300)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout

    def grade(self, files: dict[str, str], about: dict | None = None, **settings) -> dict:
        """Write a submission, run the autograder, read the results."""
        for name in ("submission", "results"):
            shutil.rmtree(self.root / name, ignore_errors=True)
            (self.root / name).mkdir()
        for name, text in files.items():
            (self.root / "submission" / name).parent.mkdir(parents=True, exist_ok=True)
            (self.root / "submission" / name).write_text(text)
        metadata = self.root / "submission_metadata.json"
        metadata.unlink(missing_ok=True)
        if about is not None:
            metadata.write_text(json.dumps(about))
        kept = (self.source / "settings.json").read_text()
        (self.source / "settings.json").write_text(json.dumps(json.loads(kept) | settings))
        self.stdout = self(self.root / "run_autograder")
        (self.source / "settings.json").write_text(kept)
        page = json.loads((self.root / "results" / "results.json").read_text())
        results_schema.check(page)
        assert os.listdir(self.root / "results") == ["results.json"]  # the platform takes no other file
        return page


@pytest.fixture(scope="module")
def platform(tmp_path_factory) -> Platform:
    folder = tmp_path_factory.mktemp("gradescope")
    keys.grader()  # computed now, in case the code changes while the tests run
    return Platform(folder / "autograder", built(folder, seed=SEED))


@platform_only
def test_a_perfect_submission(platform, tmp_path):
    page = platform.grade(FILES, METADATA)
    assert {test["number"] for test in page["tests"]} == {probe.exercise for probe in PROBES.values()}
    assert [test["number"] for test in page["tests"] if test["status"] != "passed"] == []
    about = page["extra_data"]
    assert about["isolation"] in ("full", "partial")
    assert about["platform"] == {"id": 123456, "users": [1234], "previous_submissions": 1}
    assert about["versions"] == keys.versions()
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert about["key"] == keys.key(tmp_path, keys.Settings(SEED))  # the same grader as here
    assert 0 <= page["leaderboard"][0]["value"] <= 1
    assert SEED not in json.dumps(page) + platform.stdout
    for private in (platform.source, platform.root / "results"):
        assert stat.S_IMODE(private.stat().st_mode) == 0o700
        assert all(stat.S_IMODE(path.stat().st_mode) & 0o077 == 0 for path in private.rglob("*"))


@platform_only
def test_a_partial_submission_with_other_code_that_is_not_run(platform):
    evil = f"open({str(platform.root / 'was-here')!r}, 'w'); import os; os._exit(0)\n"
    others = ("sitecustomize.py", "conftest.py", "torch.py", "json.py", "hw1/__init__.py", "scripts/__init__.py")
    losses, compounding = "hw1/losses.py", "hw1/compounding.py"
    files = {name: evil for name in others} | {losses: strip(FILES[losses]), compounding: FILES[compounding]}
    page = platform.grade({f"homework/{name}": text for name, text in files.items()})
    scores = {test["number"]: test["score"] for test in page["tests"]}
    assert {number for number, score in scores.items() if score} == {"3.1", "3.2", "3.3"}
    assert page["score"] == 18
    assert "hw1 was found in homework" in page["output"]
    assert "hw1/heads.py is missing." in page["output"]
    assert "You changed given files (hw1/__init__.py)" in page["output"]
    assert page["extra_data"]["platform"] == {}
    assert "leaderboard" not in page
    assert not (platform.root / "was-here").exists()


@platform_only
def test_an_untouched_submission(platform):
    page = platform.grade({name: strip(text) for name, text in FILES.items()}, METADATA)
    assert page["score"] == 0
    assert "Every exercise still raises its TODO" in page["output"]


@platform_only
def test_an_unusable_submission(platform):
    page = platform.grade({"report.py": "x = 1\n"}, {"unlike": "what is documented"})
    assert (page["score"], page["tests"]) == (0, [])
    assert "there is no folder called hw1 that contains" in page["output"]
    assert page["extra_data"]["platform"] == {}


@platform_only
def test_results_are_written_when_time_runs_out(platform):
    page = platform.grade(FILES, seconds=0.01)
    assert {test["extra_data"]["status"] for test in page["tests"]} == {"timed out"}


@platform_only
def test_a_killed_grader_leaves_a_sentence(platform):
    page = platform.grade(FILES, seconds=1 - entry.GRACE)  # the alarm rings while it still imports
    assert "the grader was stopped before it finished" in page["output"]
    assert "the grader ended with status" in platform.stdout


@platform_only
def test_a_failing_grader_leaves_a_sentence_and_shows_the_reason_to_the_course_staff(platform):
    page = platform.grade(FILES, seed=None)
    assert "the grader itself failed, which is not your fault" in page["output"]
    assert "Traceback" not in json.dumps(page)
    assert "Traceback" in platform.stdout


def test_exceptions_are_shown_to_the_course_staff_only(tmp_path, monkeypatch, capsys):
    (tmp_path / "results").mkdir()
    (tmp_path / "settings.json").write_text('{"seconds": 1}')
    monkeypatch.setattr(entry, "SOURCE", tmp_path)
    monkeypatch.setattr(entry.signal, "alarm", lambda seconds: None)
    page = results.unusable("a test", 0.0, {}) | {"staff": "1.1.1\nLEAK"}
    monkeypatch.setattr(entry, "grade", lambda *args: page)
    entry.main(tmp_path)
    assert "1.1.1\nLEAK" in capsys.readouterr().out
    assert os.listdir(tmp_path / "results") == ["results.json"]
    assert "LEAK" not in (tmp_path / "results" / "results.json").read_text()


def test_unreadable_metadata_count_as_none(tmp_path):
    assert entry.metadata(tmp_path / "none.json") == {}
    for text in ("", "[]", "{}", '"x"', '{"id": 1}', '{"id": 1, "users": 3, "previous_submissions": []}'):
        (tmp_path / "some.json").write_text(text)
        assert entry.metadata(tmp_path / "some.json") == {}
