"""Hints in steps: for every known mistake and exercise, none that gives a solution away, counted for the student."""

import json
import re
import tomllib

import pytest

from hw1 import exercises
from hw1.exercises import ROOT
from scripts import check, hints, submit
from scripts.staff import leaks
from scripts.staff.leaks import squeeze
from tests.autograder.probes import of
from tests.autograder.report import Result
from tests.autograder.staff import markers
from tests.autograder.staff.bank import bugs
from tests.autograder.verdict import Verdict

TABLE = tomllib.loads(hints.TABLE.read_text(encoding="utf-8"))
ALL = [*hints.kinds(), *hints.beginnings().values()]
MAIN = {file: (ROOT / file).read_bytes() for file in exercises.files()}
SHORTEST = 14  # characters, without spaces, of a line that would give something away


def result(exercise: str, *verdicts: Verdict) -> Result:
    return Result(exercises.load()[exercise], list(verdicts))


def failed(exercise: str, mistake: str = "", text: str = "got 1, expected 2") -> Result:
    probe = of(exercise)[0]
    return result(exercise, Verdict(probe, "failed", text, mistakes=(mistake,) if mistake else ()))


# --- the table --------------------------------------------------------------------------------------------------------
def test_every_known_mistake_has_a_kind():
    without = [f"{bug.exercise}: {bug.says}" for bug in bugs().values() if not hints.of_mistake(bug.exercise, bug.says)]
    assert without == []


def test_every_kind_explains_a_mistake_or_a_reason():
    used = {hints.of_mistake(bug.exercise, bug.says).name for bug in bugs().values()}
    assert {kind.name for kind in hints.kinds() if kind.mistakes} == used
    assert all(kind.mistakes or kind.reasons for kind in hints.kinds())


def test_every_pattern_of_a_kind_is_needed():
    """One that fits none of the kind's mistakes is out of date."""
    says = {kind.name: [] for kind in hints.kinds()}
    for bug in bugs().values():
        says[hints.of_mistake(bug.exercise, bug.says).name].append(bug.says)
    idle = [
        f"{kind.name}: {pattern}"
        for kind in hints.kinds()
        for pattern in kind.mistakes
        if not any(re.search(pattern, each) for each in says[kind.name])
    ]
    assert idle == []


@pytest.mark.parametrize(
    ("exercise", "bug", "name"),
    [
        ("1.3", "gaussian-variance", "log_std is the logarithm of the standard deviation"),
        ("1.1", "mse-mean-over-dimensions", "sum over the action, average over the batch"),
        ("1.1", "mse-detached", "gradients stop on the way"),
        ("1.3", "gaussian-no-constant", "the terms of the Gaussian"),
        ("1.2", "categorical-sign", "the sign"),
    ],
)
def test_a_mistake_gets_the_help_of_its_kind(exercise, bug, name):
    assert hints.of_mistake(exercise, bugs()[bug].says).name == name


def test_every_exercise_has_a_beginning():
    assert list(hints.beginnings()) == list(exercises.load())


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.name)
def test_hints_are_three_sentences_that_begin_with_a_question(kind):
    assert len(kind.hints) == 3
    assert "?" in kind.hints[0]
    assert all(40 <= len(hint) <= 460 for hint in kind.hints), [len(hint) for hint in kind.hints]
    assert all(hint.endswith((".", "?")) for hint in kind.hints)
    assert set(kind.exercises) <= set(exercises.load())


def test_names_and_texts_are_not_repeated():
    for texts in ([kind.name for kind in ALL], [hint for kind in ALL for hint in kind.hints]):
        assert len(texts) == len(set(texts))


# --- nothing is given away --------------------------------------------------------------------------------------------
def test_no_hint_has_a_line_of_a_solution():
    lines = set()
    for data in MAIN.values():
        for begin, end in markers.solutions(data.decode()):
            code = (re.sub(r"\s# .*", "", line) for line in data.decode()[begin:end].splitlines())
            parts = (part for line in code for part in (line, *re.split(r"\breturn |= ", line)))
            lines |= {squeezed for part in parts if len(squeezed := squeeze(part)) >= SHORTEST}
    assert len(lines) > 60
    told = squeeze(" ".join(hint for kind in ALL for hint in kind.hints))
    assert [line for line in lines if line in told] == []


@pytest.mark.parametrize(
    "given_away",
    [
        "return -torch.logsumexp(log_weight + log_prob, dim=-1).mean()",
        "`standardised = (action - mean) * torch.exp(-log_std)`",
        "`x = (a - m) * torch.exp(-s)`",
    ],
)
def test_the_leak_scan_reads_the_hints(given_away):
    secrets = leaks.Secrets.of(MAIN)
    text = hints.TABLE.read_text(encoding="utf-8")
    assert leaks.scan({"scripts/hints.toml": text.encode()}, secrets) == []
    first = json.dumps(hints.kinds()[0].hints[0])
    leaky = text.replace(first, json.dumps(f"What about {given_away}?"))
    assert leaky != text
    assert leaks.scan({"scripts/hints.toml": leaky.encode()}, secrets)


# --- taking them ------------------------------------------------------------------------------------------------------
def test_each_call_gives_one_more_until_the_last(tmp_path):
    kind = hints.of_mistake("1.3", bugs()["gaussian-variance"].says)
    shown = [hints.next_hint(failed("1.3", bugs()["gaussian-variance"].says), tmp_path, 10_000) for _ in range(4)]
    for number, text in enumerate(shown, 1):
        count = min(number, 3)
        assert [hint in text for hint in kind.hints] == [True] * count + [False] * (3 - count)
        assert f"{count} in 1.3, {count} in all" in text
    assert "only you see this" in shown[0]
    assert "the last one" in shown[3]


def test_another_mistake_begins_again_and_all_are_counted(tmp_path):
    hints.next_hint(failed("1.3", bugs()["gaussian-variance"].says), tmp_path, 80)
    text = hints.next_hint(failed("1.3", bugs()["gaussian-no-constant"].says), tmp_path, 80)
    assert "hint 1 of 3" in text
    assert "hint 2" not in text
    assert "2 in 1.3, 2 in all" in text
    assert "1 in 1.1, 3 in all" in hints.next_hint(failed("1.1"), tmp_path, 80)


@pytest.mark.parametrize(
    ("found", "name"),
    [
        (failed("1.3", text="no answer in time; is there an endless loop?"), "an endless loop"),
        (failed("1.3", text="NameError: name 'x' is not defined (hw1/losses.py, line 3)"), "an exception"),
        (failed("1.3", text="loss: got shape (3,), expected ()"), "an axis too many or too few"),
        (failed("1.3", text="loss: got 1, expected 2"), "exercise 1.3"),
        (failed("1.3", mistake="a mistake that is not in the bank"), "exercise 1.3"),
        (result("2.2", Verdict(of("2.2")[0], "not attempted")), "exercise 2.2"),
    ],
)
def test_without_a_known_mistake_the_reason_decides_then_the_exercise(found, name):
    assert hints.of_result(found).name == name


@pytest.mark.parametrize("text", ["[]", '{"1.1": 3}', '{"1.1": {"x": -1}}', '{"1.1": {"x": true}}', "{", ""])
def test_a_damaged_count_is_an_error_that_says_what_to_do(tmp_path, text):
    (tmp_path / "out").mkdir()
    (tmp_path / hints.TAKEN).write_text(text)
    with pytest.raises(hints.UserError, match=r"hints\.json .*delete it"):
        hints.next_hint(failed("1.1"), tmp_path, 80)


def test_counts_are_in_no_submission(student):
    tree = student({"1.1": None})
    (tree.folder / "out").mkdir()
    (tree.folder / hints.TAKEN).write_text('{"1.1": {"exercise 1.1": 2}}')
    assert set(submit.handed_in(tree.folder)) == set(exercises.files())


# --- the command ------------------------------------------------------------------------------------------------------
def waiting(exercise: str) -> Result:
    return result(exercise, Verdict(of(exercise)[0], "waiting", "waiting for 1.1"))


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setattr(check, "ROOT", tmp_path)
    return tmp_path


def test_the_first_exercise_that_fails_is_helped_before_one_that_is_not_begun(home):
    open_one = result("1.1", Verdict(of("1.1")[0], "not attempted"))
    passed = result("1.2", Verdict(of("1.2")[0], "passed"))
    assert check.hint([passed]) == "\nnothing to hint at: everything passes"
    assert check.hint([open_one, passed]).startswith("\n1.1 ")
    assert check.hint([open_one, waiting("2.1"), failed("1.3"), failed("1.4")]).startswith("\n1.3 ")
    assert "needs another exercise first: waiting for 1.1" in check.hint([passed, waiting("2.1")])


def test_the_command_stops_at_the_mistake_and_hints(student):
    tree = student({"1.2": "return logits.mean()", "1.4": None})
    done = tree.run("scripts.check", "1", "--hint")
    assert done.returncode == 1, done.stderr
    assert "hint 1 of 3" in done.stdout
    assert "1.3 " not in done.stdout
    assert json.loads((tree.folder / hints.TAKEN).read_text())["1.2"]
    assert "hint 1 of 3" in tree.run("scripts.check", "1.4", "--hint").stdout
