"""`python -m scripts.check` as students use it: on copies of their files, with everything that may be wrong."""

import os
import re
import signal
import sys
import time
from types import SimpleNamespace

import pytest

from hw1 import exercises
from scripts import check
from tests.autograder import report
from tests.autograder.probes import of
from tests.autograder.report import Result
from tests.autograder.verdict import Verdict

ENDLESS = "while True: pass"


@pytest.fixture(scope="module")
def mixed(student):
    """A student's files with everything that may happen to an exercise."""
    tree = student(
        {
            "1.1": None,
            "1.3": "log_std = 0.5 * log_std\n    standardised = (action - mean) * torch.exp(-log_std)\n    "
            "return (0.5 * standardised.square() + log_std + 0.5 * LOG_2PI).sum(dim=-1).mean()",
            "1.4": ENDLESS,
            "2.2": 'raise ValueError("too bad")',
            "3.1": "import os; os._exit(0)",
            "4.1": "the agent drives",
            "E.1": "from hw1 import losses; return losses.mse_loss(features, action)",
        }
    )
    return tree


@pytest.fixture(scope="module")
def table(mixed):
    """What the command prints about them: each exercise's row and the lines below it."""
    done = mixed.run("scripts.check", "--timeout", "10")
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert "\033" not in done.stdout  # no colours in a file
    rows = re.split(r"^(?=\w\.\w )", done.stdout, flags=re.MULTILINE)
    return {row[:3]: " ".join(row.split()) for row in rows if row} | {"": rows[-1]}


def line_of(tree, file: str, text: str) -> int:
    lines = (tree.folder / file).read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


@pytest.mark.parametrize(
    ("exercise", "row"),
    [
        ("1.1", r"1.1 Squared error 0/4 not attempted hw1/losses.py:(?P<line>\d+)$"),
        ("1.2", r"1.2 Categorical likelihood 4/4 passed$"),
        (
            "1.3",
            r"(failed|partly) hw1/losses.py:(?P<line>\d+) Your loss equals the one that treats log_std as .*ance\.",
        ),
        (
            "1.4",
            r"0/8 timed out hw1/losses.py:(?P<line>\d+) all \d checks: no answer in time; is there an endless loop, "
            r"is it right but far too slow, or are two arguments swapped, such as horizon and seed\? If this .* 60$",
        ),
        ("2.2", r"0/12 failed hw1/heads.py:(?P<line>\d+) .*ValueError: too bad \(hw1/heads.py, line \d+\)"),
        ("3.1", r"0/6 crashed hw1/compounding.py:(?P<line>\d+) all \d checks: the process ended unexpectedly"),
        (
            "4.1",
            r"0/6 failed hw1/dagger.py:(?P<line>\d+) all \d checks: hw1/dagger.py cannot be imported: "
            r"SyntaxError: invalid syntax \(hw1/dagger.py, line \d+\)$",
        ),
        ("4.2", r"0/3 failed hw1/dagger.py:\d+ the same as in 4.1$"),
        ("E.1", r"0/5 waiting for 1.1 hw1/heads.py:(?P<line>\d+)$"),
        ("E.2", r"5/5 passed$"),
    ],
)
def test_check_reports_the_status_of_an_exercise_the_reason_and_the_place(mixed, table, exercise, row):
    found = re.search(row, table[exercise])
    assert found, table[exercise]
    if "line" in found.groupdict():
        file = exercises.load()[exercise].file
        assert int(found["line"]) == line_of(mixed, file, f"# TODO {exercise}")


def test_check_prints_every_exercise_once_in_order_and_the_sum(table):
    assert list(table)[:-1] == list(exercises.load())
    earned = sum(float(re.search(r"([\d.]+)/\d+", row)[1]) for id, row in table.items() if id and id[0] != "E")
    assert f"points {earned:g}/{exercises.totals()['code']}" in " ".join(table[""].split())


def test_an_untouched_template_is_not_a_failure_and_every_exercise_is_not_attempted(student):
    tree = student(dict.fromkeys(exercises.load()))
    for file in exercises.files():  # as some Windows editors save it
        text = (tree.folder / file).read_bytes().replace(b"\n", b"\r\n")
        (tree.folder / file).write_bytes(b"\xef\xbb\xbf" + text)
    done = tree.run("scripts.check")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("not attempted") == len(exercises.load())
    assert done.stderr == ""
    assert "note:" not in done.stdout


def alive(group: int) -> bool:
    """Whether a process of the group is still alive after some seconds."""
    for _ in range(100):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return False
        time.sleep(0.1)
    return True


def test_debug_stops_at_a_breakpoint_and_prints_the_whole_traceback(student):
    tree = student({"1.1": "breakpoint(); return pred.nonsense"})
    done = tree.run("scripts.check", "1.1", "--debug", stdin="p pred.shape\n" + "c\n" * 20)
    assert done.returncode == 1
    assert "torch.Size" in done.stdout
    assert "Traceback" in done.stderr
    assert "AttributeError: 'Tensor' object has no attribute 'nonsense'" in done.stderr
    assert re.search(r"1\.1 .* 0/4 +failed", done.stdout)
    quit = tree.run("scripts.check", "1.1", "--debug", stdin="q\n")
    assert quit.returncode == 130
    assert "Traceback" not in quit.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot send SIGINT to another process")
def test_ctrl_c_ends_the_command_and_its_processes(student):
    tree = student({"1.1": None, "1.2": ENDLESS})
    with tree.start("scripts.check", "1.1", "1.2", start_new_session=True) as process:
        assert "not attempted" in process.stdout.readline()
        time.sleep(0.5)  # into the endless loop
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=20)
        assert process.returncode == 130
        assert err == "\ninterrupted\n"
        assert not alive(process.pid)


@pytest.mark.parametrize(("old", "new"), [("def mse_loss(", "def mse_los("), ("def gaussian_nll(", "def gauss_nll(")])
def test_a_renamed_function_costs_its_own_exercise_alone(student, old, new):
    own = student({})
    path = own.folder / "hw1/losses.py"
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), encoding="utf-8")
    lost = "1.1" if "mse" in old else "1.3"
    said = own.run("scripts.check", lost, "2.1", "E.3").stdout
    name = old.removeprefix("def ").removesuffix("(")
    assert f"hw1/losses.py has no {name}; has it another name now?" in " ".join(said.split())
    assert re.findall(r"(points|credit) +(\d+/\d+)", said) == [
        ("points", f"8/{12 if lost == '1.1' else 14}"),
        ("credit", "5/5"),
    ]


def test_a_warning_names_no_folder_that_exists_only_during_a_check(student):
    own = student({"1.1": "import warnings; warnings.warn('far'); return (action - pred).square().sum(dim=-1).mean()"})
    (own.folder / "hw1/my_utils.py").write_text("x = 1\n")
    done = own.run("scripts.check", "1.1")
    assert "4/4  passed" in done.stdout
    assert "note: hw1/my_utils.py: not part of the release, so not handed in" in " ".join(done.stdout.split())
    assert done.stderr == ""


# --- in this process --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("names", "found"),
    [
        (("1.3",), ["1.3"]),
        (("E.2", "1.3"), ["1.3", "E.2"]),
        (("e.2",), ["E.2"]),
        (("3",), ["3.1", "3.2", "3.3"]),
        (("3", "3.1"), ["3.1", "3.2", "3.3"]),
        (("E",), [id for id in exercises.load() if id.startswith("E.")]),
        ((), list(exercises.load())),
    ],
)
def test_exercises_are_selected_by_id_or_part(names, found):
    assert [exercise.id for exercise in check.select(names)] == found


@pytest.mark.parametrize(
    ("arguments", "status", "returned"), [([], "passed", 0), ([], "failed", 1), (["--exit-zero"], "failed", 0)]
)
def test_an_open_exercise_is_an_error_unless_it_is_asked_not_to_be(monkeypatch, arguments, status, returned):
    monkeypatch.setattr(check, "Stored", lambda *_: SimpleNamespace(edited=lambda root: []))
    monkeypatch.setattr(check, "grade", lambda *_: [result((status, ""))])
    assert check.main(["1.3", *arguments]) == returned


def test_an_unknown_exercise_gets_an_error_with_the_list_of_exercises(capsys):
    assert check.main(["1.3", "1.9", "seven"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: there is no exercise 1.9, seven. The exercises are 1.1, 1.2,")
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("1.1.2", "1.1.2 (a check of 1.1)"),
        ("e.3.1", "e.3.1 (a check of E.3)"),
        ("5.1", "5.1 (a question for the report: python -m scripts.report)"),
        ("e1", "e1 (did you mean E.1?)"),
        ("mse_loss", "mse_loss (did you mean 1.1?)"),
        ("GaussianHead", "GaussianHead (did you mean 2.1?)"),
        ("9", "9"),
    ],
)
def test_what_an_unknown_exercise_may_mean_is_said(name, meant, capsys):
    assert check.main([name]) == 2
    assert capsys.readouterr().err.startswith(f"error: there is no exercise {meant}. The exercises are")


@pytest.mark.parametrize("seconds", ["0", "-1", "nan"])
def test_a_timeout_must_be_positive(seconds, capsys):
    assert check.main(["1.3", "--timeout", seconds]) == 2
    assert "--timeout must be more than 0" in capsys.readouterr().err


def test_a_missing_snapshot_gets_an_error_of_one_sentence(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(check, "ROOT", tmp_path)
    assert check.main(["1.1"]) == 2
    assert re.fullmatch(r"error: tests/autograder/probes/expected\.safetensors is missing.*\n", capsys.readouterr().err)


def result(*verdicts: tuple[str, str]) -> Result:
    probes = of("1.3")
    return Result.of([Verdict(probes[n], status, text) for n, (status, text) in enumerate(verdicts)])


@pytest.mark.parametrize(
    ("verdicts", "status", "lines"),
    [
        ([("passed", ""), ("passed", "")], "passed", []),
        ([("passed", ""), ("failed", "too large")], "partly", ["too large"]),
        ([("not attempted", ""), ("not attempted", "")], "not attempted", []),
        ([("waiting", "waiting for 2.1"), ("waiting", "waiting for 2.1")], "waiting for 2.1", []),
        ([("failed", "a"), ("timed out", "")], "timed out", ["a", "timed out"]),
        ([("crashed", "x"), ("failed", "a")], "crashed", ["x", "a"]),
        ([("failed", "a"), ("not attempted", "")], "failed", ["a", "not attempted"]),
        ([("failed", "a"), ("failed", "a")], "failed", ["a"]),
        ([("passed", ""), ("failed", "a"), ("failed", "b"), ("failed", "a")], "partly", ["a", "b"]),
        ([("passed", ""), ("waiting", "waiting for 2.1")], "partly", ["waiting for 2.1"]),
    ],
)
def test_the_status_of_an_exercise_follows_from_its_probes(verdicts, status, lines):
    summed = result(*verdicts)
    assert summed.status == status
    assert [line.rpartition(": ")[2] for line in summed.lines()] == lines
    assert summed.points == sum(v.probe.points for v in summed.verdicts if v.status == "passed")


def test_checks_that_fail_for_the_same_reason_share_a_line_with_their_points():
    first, second, third = of("1.3")[:3]
    summed = result(("failed", "a"), ("failed", "b"), ("failed", "a"))
    points = first.points + third.points
    assert summed.lines()[0] == f'1.3.1 "{first.title}", 1.3.3 "{third.title}" ({points:g} points): a'
    assert summed.lines()[1].startswith(f"1.3.2 {second.title} ({second.points:g} point")


def test_what_numbers_have_in_common_is_said_once():
    texts = (
        "loss: got 5, expected 2.5 (twice the right value); loss if B = 1: got 4, expected 2 (twice the right value)",
        "gradient: got 8, expected 2 (B = 4 times the right value; did you take a sum?)",
        "gradient: got 9, expected 3 (B = 3 times the right value; did you take a sum?); x: got 2, expected 1 (B = 2)",
    )
    verdicts = [Verdict(probe, "failed", text) for probe, text in zip(of("1.3"), texts, strict=False)]
    first, second, third = Result.of(verdicts).lines()
    assert first.endswith("loss: got 5, expected 2.5 (twice the right value); loss if B = 1: got 4, expected 2")
    assert second.endswith("(B = 4 times the right value; did you take a sum?)")
    assert third.endswith("gradient: got 9, expected 3; x: got 2, expected 1 (B = 2)")


def test_a_file_that_cannot_be_read_is_explained_once():
    def unreadable(id: str, text: str) -> Result:
        return Result.of([Verdict(probe, "failed", text, imported=False) for probe in of(id)])

    results = [unreadable("4.1", "line 3"), unreadable("4.2", "line 3"), unreadable("2.1", "line 9")]
    assert report.like(results[:1]) == ""
    assert report.like(results[:2]) == "4.1"
    assert report.like(results) == ""
    printed = report.table(results, {})
    assert printed.count("line 3") == 1
    assert "the same as in 4.1" in printed


@pytest.mark.parametrize(("status", "named"), [("failed", True), ("passed", False), ("not attempted", False)])
def test_an_exercise_that_fails_names_its_statement_in_the_handout(status, named):
    place = "statement: writeup/handout.html#ex-1.3"
    assert (place in report.row(result((status, "a")), handout=True)) == named
    assert place not in report.row(result((status, "a")), handout=False)


def test_colours_do_not_move_the_columns():
    row = report.row(result(("failed", "a")), {}, colour=True)
    assert "\033[31mfailed" in row
    assert re.sub("\033\\[\\d+m", "", row) == report.row(result(("failed", "a")), {})


def test_places_are_found_without_the_todo_and_in_a_broken_file(tmp_path):
    (tmp_path / "hw1").mkdir()
    (tmp_path / "hw1/losses.py").write_bytes(
        b"x = (\r\n# TODO 1.1\r\ndef gaussian_nll(): pass\r\n\xff def mixture_nll\r\n"
    )
    places = report.places(tmp_path)
    assert places["1.1"] == "hw1/losses.py:2"
    assert places["1.3"] == "hw1/losses.py:3"
    assert places["1.4"] == "hw1/losses.py"
    assert places["2.1"] == "hw1/heads.py"
