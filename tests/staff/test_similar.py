"""Similarity: disguised copies are told apart from independent right answers, and nobody is accused by chance."""

import random
import zlib
from pathlib import Path

import numpy as np
import pytest

from hw1 import exercises
from hw1.exercises import ROOT
from scripts.staff.similar import compare, read
from scripts.staff.similar.__main__ import main
from scripts.staff.similar.normal import Unreadable, pieces
from tests.autograder.staff.markers import strip
from tests.staff.drive_browser import SIZES
from tests.staff.plants import DISGUISES, copied, mixtures, planted, ways_of

TABLE = exercises.load()
EVERY = tuple(DISGUISES)
# `compare.GRAM` was chosen on the others of these: the two halves of the bank.
HELD_OUT = {name for id in TABLE for name, _ in ways_of(id) if zlib.crc32(name.encode()) % 2}


def piece(text: str, id: str = "1.3") -> tuple[str, ...]:
    found = pieces(text, TABLE[id].file)
    return found[id].tokens if id in found else ()


def gaussian(body: str) -> tuple[str, ...]:
    return piece(f"def gaussian_nll(mean, log_std, action):\n    {body}\n")


def auc(positive, negative) -> float:
    positive, negative = np.asarray(positive)[:, None], np.asarray(negative)
    return float(np.mean((positive > negative) + 0.5 * (positive == negative)))


# --- what does not count ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("return torch.exp(mean)", "return mean.exp()"),
        ("return mean.pow(2)", "return mean**2"),
        ("return mean * mean", "return torch.square(mean)"),
        ("return mean + log_std * action", "return action * log_std + mean"),
        ("return mean.sum(dim=-1)", "return torch.sum(mean, -1)"),
        ("z = mean - action\n    return z.exp()", "return (mean - action).exp()"),
        ("return mean[:, None]", "return mean.unsqueeze(1)"),
        ("return mean > action", "return action < mean"),
        ("x = []\n    for a in mean:\n        x.append(a.exp())\n    return x", "return [b.exp() for b in mean]"),
        ("if mean:\n        return action\n    else:\n        return log_std", "return action if mean else log_std"),
        ('"""Mine."""\n    # yes\n    return mean', "return mean"),
    ],
)
def test_two_ways_to_write_one_thing_are_one(first, second):
    assert gaussian(first) == gaussian(second) != ()


def test_what_differs_stays_different():
    texts = ["return mean.exp()", "return mean.log()", "return mean - action.exp()", "return (mean - action).exp()"]
    assert len({gaussian(text) for text in texts}) == 4


@pytest.mark.parametrize("file", exercises.files())
def test_the_template_leaves_nothing(file):
    assert pieces(strip((ROOT / file).read_text(encoding="utf-8")), file) == {}


def test_a_function_that_is_called_counts_and_another_does_not():
    text = "def gaussian_nll(mean, log_std, action):\n    return helper(mean)\n\ndef helper(x):\n    return x.exp()\n"
    assert piece(text)[-2:] == ("exp", "V")
    assert piece(text + "\ndef unused():\n    return 1\n") == piece(text)
    assert "log" not in piece(
        text.replace("return x.exp()", "return x.exp()\n\ndef mse_loss(a, b):\n    return a.log()")
    )


@pytest.mark.parametrize("text", ["def f(:", "x = " + "(" * 5000 + ")" * 5000, "\0", "x = " + "-" * 100_000 + "1"])
def test_a_file_that_is_no_python_is_told_with_its_name(text):
    with pytest.raises(Unreadable, match=r"hw1/losses\.py"):
        pieces(text, "hw1/losses.py")


# --- similarity -------------------------------------------------------------------------------------------------------
def test_the_similarity_is_dices_coefficient_by_hand():
    """a b c d has the rows abc, bcd; b c d e has bcd, cde: one of two and two is shared."""
    prints = [compare.fingerprint(compare.Piece(tuple(text), (1,) * len(text))) for text in ("abcd", "bcde", "abcd")]
    matrix = compare.similarities([*prints, None])
    assert matrix[0, 1] == pytest.approx(0.5)
    assert matrix[0, 2] == 1.0
    assert np.isnan(matrix[3]).all()
    assert compare.slices(prints[0], prints[1]) == ({1, 2, 3}, {0, 1, 2})


def test_a_share_counts_what_is_at_least_as_alike():
    assert compare.shares(np.array([0.1, 0.5, 0.5, 0.9]), np.array([0.5, 0.95])).tolist() == [4 / 5, 1 / 5]


@pytest.fixture(scope="module")
def bases() -> dict[str, compare.Base]:
    return compare.base(compare.answers())


def test_one_liners_carry_no_weight(bases):
    assert not any(bases[id].weighs for id in ("1.1", "1.2", "3.3"))
    assert all(bases[id].weighs for id in ("1.4", "2.2", "4.3", "E.2"))


@pytest.mark.parametrize("disguises", [*((name,) for name in EVERY), EVERY], ids=lambda names: " ".join(names))
def test_copies_of_one_answer_are_more_alike_than_independent_answers(disguises):
    """On the half of the bank on which nothing was tuned; the mean over the exercises that count."""
    areas = []
    for exercise in TABLE.values():
        texts = {name: text for name, text in ways_of(exercise.id) if name in HELD_OUT}
        own = [pieces(text, exercise.file)[exercise.id] for text in texts.values()]
        copies = [
            pieces(planted(text, exercise.names, disguises, random.Random(name)), exercise.file)[exercise.id]
            for name, text in texts.items()
        ]
        matrix = compare.similarities([compare.fingerprint(each) for each in (*own, *copies)])
        count = len(own)
        independent = matrix[:count, :count][np.triu_indices(count, 1)]
        if count > 2:
            areas.append(auc(np.diagonal(matrix[:count, count:]), independent))
    assert np.mean(areas) >= 0.95, areas


@pytest.fixture(scope="module")
def crowd(bases) -> compare.Comparison:
    """30 students who draw from the half on which nothing was tuned, and five copies of the first five."""
    rng = random.Random(1)
    works = [mixtures(rng, HELD_OUT) for _ in range(30)]
    works += [copied(works[at], (name,), rng) for at, name in enumerate(EVERY)] + [copied(works[4], EVERY, rng)]
    read_as = [{id: own for file, text in work.items() for id, own in pieces(text, file).items()} for work in works]
    return compare.Comparison.of(read_as, bases, compare.Chance(bases, draws=200_000))


def test_copied_submissions_are_found_among_independent_ones(crowd):
    copies = [(at, 30 + at) for at in range(5)]
    others = [pair for pair in crowd.most_alike() if pair not in copies]
    assert auc([crowd.score[pair] for pair in copies], [crowd.score[pair] for pair in others]) >= 0.95
    assert set(crowd.worth_a_look()) <= set(copies), "nobody is accused by chance"
    assert len(crowd.worth_a_look()) >= 3


def test_what_the_whole_class_writes_alike_tells_nothing_about_two(bases):
    same = {id: own for file in exercises.files() for id, own in pieces((ROOT / file).read_text(), file).items()}
    found = compare.Comparison.of([same] * 6, bases, compare.Chance(bases, draws=1000))
    assert found.worth_a_look() == []
    assert float(found.score.max()) == pytest.approx(0, abs=1e-6)


# --- the command ------------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def reported(tmp_path_factory) -> Path:
    """A class with a copy, a file that is no Python, something that is no submission, and hostile names."""
    folder = tmp_path_factory.mktemp("similar")
    rng = random.Random(2)
    works = {f"student <script>alert({at})<": mixtures(rng) for at in range(5)}
    works["copy"] = copied(works["student <script>alert(0)<"], ("renamed",), rng)
    works["broken"] = works["copy"] | {"hw1/losses.py": "def f(:\n"}
    for name, files in works.items():
        for file, text in files.items():
            (folder / "in" / name / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / "in" / name / file).write_text(text, encoding="utf-8")
    (folder / "in/empty").mkdir()
    (folder / "in/roster.csv").write_text("id\n")
    assert main([str(folder / "in"), "--out", str(folder / "out"), "--pairs", "4"]) == 0
    return folder


def test_the_report_shows_the_copy_first_and_what_could_not_be_read(reported):
    text = (reported / "out/index.html").read_text()
    first = text.split('id="pair-1"')[1].split("</h3>")[0]
    assert "copy" in first
    assert "hw1/losses.py:1: no Python" in text
    assert "roster" not in text
    assert "<script>" not in text
    assert "student &lt;script&gt;alert(0)&lt;" in text


def test_a_second_call_reads_only_what_changed(reported, monkeypatch):
    seen = []
    monkeypatch.setattr(read, "_read", lambda name, path: seen.append(name) or read.Work(name, path))
    changed = reported / "in/copy/hw1/dagger.py"
    changed.write_text(changed.read_text() + "\n# later\n")
    found = read.submissions(reported / "in")
    assert [work.name for work in read.read(found, reported / "out/.read")] == list(found)
    assert seen == ["copy"]


def test_what_the_folder_of_grades_has_kept_is_compared(tmp_path):
    for name in ("alice", "bob"):
        (tmp_path / name / "submitted/ab/hw1").mkdir(parents=True)
        (tmp_path / name / "attempts.json").write_text('[{"file": "gone"}, {"file": "submitted/ab"}]')
    (tmp_path / "grades.csv").write_text("")
    (tmp_path / "carol").mkdir()
    assert read.submissions(tmp_path) == {name: tmp_path / name / "submitted/ab" for name in ("alice", "bob")}


@pytest.mark.skipif(not Path("/usr/bin/chromium").exists(), reason="needs Chromium in /usr/bin/chromium")
@pytest.mark.parametrize("size", ["dark", "phone"])
def test_axe_finds_nothing_in_the_report(size, browser, reported):
    from axe_playwright_python.sync_playwright import Axe

    context = browser.new_context(**SIZES[size])
    asked, shown = [], context.new_page()
    shown.on("request", lambda request: asked.append(request.url))
    shown.goto((reported / "out/index.html").as_uri())
    shown.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    assert [(one["id"], one["nodes"][0]["html"]) for one in Axe().run(shown).response["violations"]] == []
    assert shown.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert asked == [(reported / "out/index.html").as_uri()]
    context.close()
