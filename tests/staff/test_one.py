"""The grade of one submission: its points, the messages for the student, and the key of the grade."""

import json
import secrets
import shutil
import stat
import zipfile
from pathlib import Path

import numpy as np
import pytest

from hw1 import exercises
from hw1.exercises import ROOT
from tests.autograder import intake
from tests.autograder.oracle import PUBLIC_SEED, draw
from tests.autograder.probes import PROBES
from tests.autograder.report import Result
from tests.autograder.runner import Spawned
from tests.autograder.staff import keys, one, pages, results
from tests.autograder.staff.live import Live
from tests.autograder.staff.markers import strip
from tests.autograder.verdict import Verdict
from tests.staff import results_schema

SETTINGS = keys.Settings("a secret of the tests", None, 120.0)
OTHER_SEED = "another secret of the tests"
FILES = {file: (ROOT / file).read_text() for file in exercises.files()}
LOSSES = "hw1/losses.py"


class Unprotected:
    """Replaces the sandbox: a worker in a separate process."""

    level = "none"

    def describe(self) -> dict:
        return {"level": self.level}

    def launcher(self, student: Path):
        return lambda: Spawned(student)


def test_a_result_contains_no_arrays():
    big = {"loss": np.zeros(100_000)}
    (verdict,) = one._summed_up([Verdict(PROBES["1.1.1"], "failed", "why", dict(big), dict(big), dict(big))]).verdicts
    assert (verdict.status, verdict.text) == ("failed", "why")
    assert not any((verdict.inputs, verdict.got, verdict.expected))


def folder(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def edited(old: str, new: str, file: str = LOSSES) -> dict[str, str]:
    assert FILES[file].count(old) == 1
    return FILES | {file: FILES[file].replace(old, new)}


@pytest.fixture(autouse=True)
def few_probes(monkeypatch):
    """Only those of part 1; all of them are tested elsewhere."""
    monkeypatch.setattr(one, "PROBES", {name: probe for name, probe in PROBES.items() if name.startswith("1.")})


def grade(submission: Path, settings=SETTINGS, oracle_factory=Live) -> dict:
    page = one.grade(submission, Unprotected(), settings, oracle_factory)
    checked(page)
    return page


def checked(page: dict) -> None:
    """Check what will be in results.json."""
    results_schema.check({name: value for name, value in page.items() if name != "staff"})


def points(page: dict) -> dict[str, float]:
    return {test["number"]: test["score"] for test in page["tests"]}


FULL = {e.id: e.points for e in exercises.load().values() if e.id.startswith("1.")}


# --- the points of a submission ---------------------------------------------------------------------------------------
def test_a_right_submission_gets_all_points_as_a_folder_and_as_a_zip(tmp_path):
    submission = folder(tmp_path / "s", FILES)
    shutil.make_archive(str(tmp_path / "packed"), "zip", submission)
    pages = [grade(submission), grade(tmp_path / "packed.zip")]
    assert [points(page) for page in pages] == [FULL, FULL]
    assert pages[0]["extra_data"] == pages[1]["extra_data"]
    assert pages[0]["output"] == "22 of 22 points."


def test_a_mistake_costs_points_only_in_its_exercise_and_is_shown(tmp_path):
    page = grade(
        folder(tmp_path, edited("(action - pred).square().sum(dim=-1).mean()", "(action - pred).abs().mean()"))
    )
    assert points(page) | {"1.1": 0} == FULL | {"1.1": 0}
    assert points(page)["1.1"] < FULL["1.1"]
    assert "loss: wrong numbers" in page["tests"][0]["output"]
    assert "also fails in `python -m scripts.check 1.1`" in page["tests"][0]["output"]


def test_code_that_is_right_only_for_the_sizes_of_the_public_inputs_is_told_so(tmp_path):
    right = "(action - pred).square().sum(dim=-1).mean()"
    inputs = draw(PROBES["1.1.1"], PUBLIC_SEED)
    sizes = [inputs[name].shape for name in inputs if name.startswith("pred")]
    page = grade(folder(tmp_path, edited(right, f"{right} * (1 if tuple(pred.shape) in {sizes} else 3)")))
    (line,) = (text for text in page["tests"][0]["output"].splitlines() if text.startswith("1.1.1"))
    assert "passes with the inputs of `python -m scripts.check 1.1`, but not with others" in line


def test_the_line_of_an_exception_is_told_without_its_message(tmp_path):
    page = grade(folder(tmp_path, edited("(action - pred).square().sum(dim=-1).mean()", "float('LEAK')")))
    line = FILES[LOSSES][: FILES[LOSSES].index("(action - pred).square()")].count("\n") + 1
    assert f"ValueError (hw1/losses.py, line {line})" in page["tests"][0]["output"]
    assert "LEAK" not in json.dumps({name: value for name, value in page.items() if name != "staff"})


def test_an_untouched_template_gets_no_points_and_a_note(tmp_path):
    page = grade(folder(tmp_path, {name: strip(text) for name, text in FILES.items()}))
    assert set(points(page).values()) == {0}
    assert "Every exercise still raises its TODO" in page["output"]
    assert {test["extra_data"]["status"] for test in page["tests"]} == {"not attempted"}


def test_a_missing_file_and_a_broken_one_cost_only_their_own_exercises(tmp_path):
    files = {name: text for name, text in FILES.items() if name != "hw1/heads.py"} | {"hw1/dagger.py": "def broken(:\n"}
    page = grade(folder(tmp_path, files))
    assert points(page) == FULL
    assert "hw1/heads.py is missing." in page["output"]


def test_a_submission_that_cannot_be_graded_gets_no_points_and_a_sentence(tmp_path):
    page = grade(folder(tmp_path, {"readme.txt": ""}))
    assert (page["score"], page["tests"]) == (0, [])
    assert page["output"].startswith("Nothing could be graded: there is no folder called hw1")
    assert page["extra_data"]["key"] == keys.key(tmp_path, SETTINGS)
    assert page["extra_data"]["unusable"] in page["output"]


def test_a_submission_without_time_left_is_not_a_failure_of_the_grader(tmp_path):
    page = grade(folder(tmp_path, FILES), keys.Settings(SETTINGS.seed, None, 0.0))
    assert {test["extra_data"]["status"] for test in page["tests"]} == {"timed out"}


# --- seeds and keys ---------------------------------------------------------------------------------------------------
def test_inputs_differ_between_submissions_and_between_secrets(tmp_path):
    drawn = []

    def remember(seed: str) -> Live:
        drawn.append(seed)
        return Live(seed)

    nothing = keys.Settings(SETTINGS.seed, None, 0.0)
    for name, files in {"a": FILES, "b": FILES | {LOSSES: FILES[LOSSES] + "\n"}, "c": FILES}.items():
        grade(folder(tmp_path / name, files), nothing, remember)
    grade(tmp_path / "a", keys.Settings(OTHER_SEED, None, 0.0), remember)
    assert drawn[0] == drawn[2]
    assert len(set(drawn)) == 3


@pytest.mark.parametrize("seed", ["", "autumn 2026", "a" * 40, "1234567" * 5])
def test_a_seed_that_can_be_guessed_is_refused(seed):
    assert "Leave --seed out" in keys.seed_problem(seed)
    with pytest.raises(ValueError, match="can be guessed"):
        keys.Settings(seed)


def test_a_drawn_seed_is_fine():
    assert not any(keys.seed_problem(secrets.token_hex(32)) for _ in range(1000))


def test_the_secret_is_not_in_the_results(tmp_path):
    page = json.dumps(grade(folder(tmp_path, FILES), keys.Settings(SETTINGS.seed, None, 0.0)))
    assert SETTINGS.seed not in page
    assert keys.inputs_seed(SETTINGS.seed, intake.take(tmp_path, tmp_path / "taken")) not in page
    assert keys.fingerprint(SETTINGS.seed) in page


def test_the_key_changes_with_everything_that_the_grade_depends_on(tmp_path, monkeypatch):
    same = folder(tmp_path / "a", FILES)
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        for name, text in FILES.items():
            archive.writestr(f"deep/{name}", text.replace("\n", "\r\n"))
    found = {
        "folder": keys.key(same, SETTINGS),
        "edited": keys.key(folder(tmp_path / "c", FILES | {LOSSES: FILES[LOSSES] + "\n"}), SETTINGS),
        "seed": keys.key(same, keys.Settings(OTHER_SEED)),
        "other notes": keys.key(tmp_path / "b.zip", SETTINGS),
    }
    monkeypatch.setattr(keys, "grader", lambda: "another grader")
    found["grader"] = keys.key(same, SETTINGS)
    assert len(set(found.values())) == len(found)


def test_the_key_is_the_one_in_the_results(tmp_path):
    page = grade(folder(tmp_path, FILES), keys.Settings(SETTINGS.seed, None, 0.0))
    assert page["extra_data"]["key"] == keys.key(tmp_path, SETTINGS)


@pytest.mark.parametrize(
    "file",
    ["hw1/rollout.py", "hw1/exercises.toml", "tests/autograder/probes/x.safetensors", "tests/autograder/probes/a.py"],
)
def test_the_graders_hash_changes_with_its_code(file, tmp_path, monkeypatch):
    monkeypatch.setattr(keys, "ROOT", tmp_path)
    before = keys.grader.__wrapped__()
    folder(tmp_path, {file: "x = 1\n"})
    after = keys.grader.__wrapped__()
    folder(tmp_path, {file: "x = 2\n"})
    assert len({before, after, keys.grader.__wrapped__()}) == 3


# --- results.json -----------------------------------------------------------------------------------------------------
def verdicts(exercise: str, status: str = "passed", text: str = "") -> list[Verdict]:
    return [Verdict(probe, status, text) for probe in PROBES.values() if probe.exercise == exercise]


def page(*found: list[Verdict], notes=(), success=None) -> dict:
    made = results.graded(list(map(Result.of, found)), list(notes), 1.0, {}, success)
    checked(made)
    return made


def test_extra_credit_adds_points_without_adding_to_the_maximum():
    both = page(verdicts("1.1"), verdicts("E.1"))
    assert both["score"] == 9
    assert sum(test["max_score"] for test in both["tests"]) == 4
    assert both["output"] == "4 of 4 points and 5 points of extra credit."


def test_long_and_unprintable_texts_are_cut_and_cleaned():
    strange = page(verdicts("1.1", "failed", "<b>\x1b[31m\n" + "x" * 200_000), notes=["\x00note" + "y" * 200_000])
    assert "<b> [31m xxx" in strange["tests"][0]["output"]
    assert strange["output"].startswith("?note")
    assert strange["output"].endswith("(cut)")


def test_there_is_a_leaderboard_only_with_a_value():
    assert "leaderboard" not in page(verdicts("1.1"))
    assert page(verdicts("1.1"), success=0.5)["leaderboard"][0]["value"] == 0.5


def test_results_are_written_completely_or_not_at_all(tmp_path):
    path = tmp_path / "results.json"
    pages.write(path, {"score": 1.0})
    for wrong in ({"score": float("nan")}, {"score": np.zeros(1)}):
        with pytest.raises((ValueError, TypeError)):
            pages.write(path, wrong)
    assert json.loads(path.read_text()) == {"score": 1.0}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_exceptions_are_kept_for_the_staff_beside_the_results(tmp_path):
    path, kept = tmp_path / "results.json", tmp_path / pages.EXCEPTIONS
    failed = verdicts("1.1", "failed", "ValueError")
    failed[1].staff = "ValueError: \x1b[31mLEAK\nline 2"
    pages.write(path, page(failed))
    assert "LEAK" not in path.read_text()
    assert "1.1.2\nValueError: ?[31mLEAK\nline 2\n" in kept.read_text()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    pages.write(path, page(verdicts("1.1")))
    assert not kept.exists()


def test_exceptions_are_bounded():
    failed = verdicts("1.1", "failed")
    for verdict in failed:
        verdict.staff = "x" * 50_000
    assert len(page(failed)["staff"]) == results.STAFF


def test_a_failing_leaderboard_costs_no_points(monkeypatch, capsys):
    done = [Result.of(verdicts("4.3"))]

    def fails(*args):
        raise RuntimeError("broken")

    monkeypatch.setattr(one.leaderboard, "score", fails)
    assert one._success(None, "seed", done) is None
    assert "broken" in capsys.readouterr().err


def test_the_leaderboard_needs_a_working_dagger(monkeypatch):
    monkeypatch.setattr(one.leaderboard, "score", lambda *args: 1.0)
    assert one._success(None, "seed", [Result.of(verdicts("4.3", "failed"))]) is None
    assert one._success(None, "seed", [Result.of(verdicts("4.3"))]) == 1.0
