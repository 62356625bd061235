"""What a student is told about hidden inputs: whatever a worker answers, only what was counted."""

import ast
import json
import re
import socket
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hw1 import exercises
from hw1.exercises import ROOT
from tests.autograder import discreet, forms, unanswered, wire
from tests.autograder.judge import judge
from tests.autograder.oracle import Stored
from tests.autograder.probes import PROBES, of
from tests.autograder.report import Result
from tests.autograder.runner import Answer, Runner
from tests.autograder.staff import capacity, results

MOST_BITS = 2500
"""What one attempt at the whole homework can tell, at most. One float64 has 64 bits."""
HIDDEN = Stored(ROOT)
LINES = discreet.lines_with_code(ROOT)
KNOWN = Stored(ROOT)
KNOWN.seed = "other inputs"  # so that failed checks are repeated


class Hostile:
    """A worker that answers what it likes: the same answers again and again, one for each check."""

    def __init__(self, answers: list[tuple[dict, dict]]):
        self.sock, self.theirs = socket.socketpair()
        self.answers = answers
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self) -> None:
        count = 0
        with self.theirs:
            while True:
                try:
                    request, _ = wire.receive(self.theirs)
                except (EOFError, OSError):
                    return
                if "probe" in request:
                    wire.send(self.theirs, *self.answers[count % len(self.answers)])
                    count += 1
                else:
                    wire.send(self.theirs, {"status": "ok"})

    def kill(self) -> None:
        self.sock.close()


def told(exercise: str, answers: list[tuple[dict, dict]]) -> list:
    """The verdicts on a worker with these answers."""
    with Runner(lambda: Hostile(answers)) as runner:
        (verdicts,) = judge(runner, HIDDEN, of(exercise), reveal=False, known=KNOWN, student=ROOT)
    return verdicts


def reason(verdict) -> tuple[str, int]:
    """The reason in a text, and how many lines it names. Fails if the text is not made as it is counted."""
    tail = max((tail for tail in discreet.tails(verdict.probe.exercise) if verdict.text.endswith(tail)), key=len)
    text = verdict.text.removesuffix(tail).removesuffix(discreet.SAME_LINE)
    found = re.search(r" \((hw1/\w+\.py), line (\d+)(, in the call of ([^:;]+))?\)$", text)
    if not found:
        return text, 0
    assert int(found[2]) in LINES[found[1]]
    assert found[4] in {None, *unanswered.calls().values()}
    return text[: found.start()], 1


# --- the property -----------------------------------------------------------------------------------------------------
WORDS = st.text(max_size=12) | st.sampled_from(["LEAK", "3.14159", "hw1/losses.py", "ValueError", "loss", "B A", ""])
SHAPES = st.lists(st.integers(0, 40), max_size=4).map(lambda sizes: ",".join(map(str, sizes)))
FIELDS = {
    "kind": st.sampled_from([*unanswered.EXCEPTIONS, *unanswered.SPECIAL]) | WORDS,
    "message": WORDS,
    "file": st.sampled_from(exercises.files()) | WORDS,
    "line": st.integers(-3, 400) | st.integers() | WORDS | st.booleans(),
    "given": st.sampled_from(sorted(unanswered.calls())) | WORDS,
    "exercise": st.sampled_from(list(exercises.load())) | WORDS,
    "form": st.sampled_from(list(forms.FORMS)) | WORDS,
    "of": st.sampled_from(["mse_loss", "GaussianHead.mode", "MixtureHead.forward.means", "dagger"]) | WORDS,
    "got": st.sampled_from(list(forms.TYPES)) | WORDS,
    "shape": SHAPES | WORDS,
    "wanted": st.sampled_from([*forms.SHAPES, *forms.PARTS, "obs", "B A=6,3", "B K A=2,2,2", "=1"])
    | st.tuples(st.sampled_from(forms.SHAPES), SHAPES).map("=".join)
    | WORDS,
    "staff": WORDS,
    "more": st.lists(st.integers()),
}
HEADERS = st.builds(
    lambda status, fields: fields | {"status": status},
    st.sampled_from(["todo", "form", "error", "missing", "timed out", "crashed", "LEAK"]),
    st.fixed_dictionaries({}, optional=FIELDS),
)
ANY_ARRAY = st.builds(
    lambda value, shape, dtype: np.full(shape, value).astype(dtype),
    st.floats(-1e6, 1e6) | st.sampled_from([np.nan, np.inf, 0.0, 1.0]),
    st.lists(st.integers(0, 5), max_size=4),
    st.sampled_from(["f4", "f8", "f2", "i8", "u1", "i4", "?"]),
)
CHANGES = [
    lambda x: x,
    lambda x: -x if x.dtype.kind != "b" else ~x,
    lambda x: x * x.dtype.type(2),
    lambda x: (x + x.dtype.type(1)).astype(x.dtype),
    lambda x: x.T,
    lambda x: x.reshape(-1),
    lambda x: x.astype("f8"),
    lambda x: (x * np.float32(np.nan)).astype(x.dtype) if x.dtype.kind == "f" else x,
]


@st.composite
def attacks(draw) -> tuple[str, list[tuple[dict, dict]]]:
    """An exercise, and the answers to its checks: errors, right arrays that are changed a little, or any arrays."""
    probes = of(draw(st.sampled_from(list(exercises.load()))))
    answers = []
    for probe in probes:
        if draw(st.booleans()):
            answers.append((draw(HEADERS), {}))
            continue
        change, right = draw(st.sampled_from(CHANGES)), HIDDEN.expected(probe, {})
        names = st.sampled_from(list(right))
        arrays = {name: change(array) for name, array in right.items()} | draw(
            st.dictionaries(names | WORDS, ANY_ARRAY, max_size=2)
        )
        missing = draw(st.lists(names, max_size=1))
        answers.append(({"status": "ok"}, {name: array for name, array in arrays.items() if name not in missing}))
    return probes[0].exercise, answers


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@settings(max_examples=150)
@given(attacks())
def test_whatever_a_worker_answers_the_feedback_is_one_of_the_texts_that_are_counted(attack):
    exercise, answers = attack
    verdicts = told(exercise, answers)
    found = [reason(verdict) for verdict in verdicts]
    for verdict, (text, _) in zip(verdicts, found, strict=True):
        assert (verdict.status, text) in set(discreet.reasons(verdict.probe, verdict.expected)), verdict.text
    assert sum(places for _, places in found) <= 1


@given(HEADERS, st.sampled_from(["", *exercises.files()]), st.sampled_from(list(PROBES)))
def test_every_reason_why_there_is_no_answer_is_one_of_the_sentences(header, importing, id):
    """So none of them is lost because `discreet.tell` does not know it."""
    found = unanswered.why(PROBES[id], Answer(header["status"], {}, header, importing), reveal=False)
    assert found in unanswered.sentences(PROBES[id].exercise)


# --- what is said -----------------------------------------------------------------------------------------------------
def error(**fields) -> list[tuple[dict, dict]]:
    return [({"status": "error", "kind": "ValueError"} | fields, {})]


def test_nothing_that_a_worker_writes_is_in_the_results_but_for_the_text_for_the_staff():
    fields = dict.fromkeys(FIELDS, "LEAK") | {"more": "LEAK"}
    answers = [(fields | {"status": status}, {}) for status in ("error", "form", "todo", "missing", "LEAK")]
    answers += [({"status": "ok", "message": "LEAK"}, {"loss": np.float32(98765.0), "LEAK": np.zeros(77777)})]
    found = [Result.of(told(exercise, answers)) for exercise in exercises.load()]
    page = results.graded(found, [], 1.0, {}, None)
    staff = page.pop("staff")
    assert not re.search("LEAK|98765|77777", json.dumps(page))
    assert staff.startswith("1.1.1\nLEAK")


def test_only_the_first_line_of_an_exercise_is_named_and_only_one_with_code():
    line = min(LINES["hw1/losses.py"])
    two = [error(file="hw1/losses.py", line=number)[0] for number in (line, line, line + 1)]
    first, second, third = [verdict.text for verdict in told("1.1", two)[:3]]
    assert first.startswith(f"ValueError (hw1/losses.py, line {line})")
    assert second.startswith(f"ValueError{discreet.SAME_LINE}")
    assert third.startswith("ValueError;")
    empty = (ROOT / "hw1/losses.py").read_text().split("\n").index("") + 1
    for number in (empty, 9_999, 0, -1):
        assert all("line" not in v.text for v in told("1.1", error(file="hw1/losses.py", line=number)))


def test_a_failed_check_is_repeated_with_public_inputs():
    wrong, checks = ({"status": "error", "kind": "ValueError"}, {}), len(of("1.1"))
    right = [({"status": "ok"}, HIDDEN.expected(probe, {})) for probe in of("1.1")]
    fails, passes = (told("1.1", [wrong] * checks + again) for again in ([wrong] * checks, right))
    assert all("also fails in `python -m scripts.check 1.1`" in verdict.text for verdict in fails)
    assert all("passes with the inputs of `python -m scripts.check 1.1`" in verdict.text for verdict in passes)


def test_a_sentence_of_a_check_is_shown_without_its_numbers():
    assert discreet.objection("the environment was stepped 17 times") == "the environment was stepped ... times"
    fixed = "the loss does not call the network: self(features, ...)"
    assert discreet.objection(fixed) == fixed
    assert discreet.objection("operands could not be broadcast together (3,) (4,)") == forms.UNKNOWN


# --- how much ---------------------------------------------------------------------------------------------------------
def test_an_attempt_can_tell_only_so_many_bits():
    bits = capacity.bits(KNOWN, LINES, 600.0)
    assert all(value > 0 for value in bits.values())
    assert sum(bits.values()) < MOST_BITS
    longest = {file: range(1, unanswered.LINES) for file in exercises.files()}
    assert sum((bits | capacity.bits(KNOWN, longest, 600.0)).values()) < MOST_BITS + 100


def test_the_bits_grow_with_what_can_be_said(monkeypatch):
    before = capacity.bits(KNOWN, LINES, 600.0)
    monkeypatch.setattr(discreet, "tails", lambda exercise: ["", "a", "b", "c", "d", "e", "f", "g"])
    after = capacity.bits(KNOWN, LINES, 1200.0)
    assert after["checks"] == pytest.approx(before["checks"] + len(PROBES))
    assert after["time"] == pytest.approx(before["time"] + 1, abs=1e-3)


def test_forms_in_words_know_everything_that_the_checks_ask_for():
    """The names and axes in the checks' own source."""
    known = {*forms.SHAPES, *forms.PARTS}
    methods = {*forms.METHODS, *(part for parts in forms.PARTS for part in parts.split(", "))}
    seen = 0
    for file in (ROOT / "tests/autograder/probes").glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name(id="forms")), args=[_, of_what, *wanted]):
                    texts = [n.value for n in ast.walk(of_what) if isinstance(n, ast.Constant)]
                    used = {name for text in texts if "." in text for name in text.split(".")[1:] if name}
                    assert used <= methods, (file.name, used)
                    axes = [each.value for each in wanted[:1] if isinstance(each, ast.Constant)]
                    assert {*axes} <= known, (file.name, axes)
                    seen += 1
    assert seen > 30
