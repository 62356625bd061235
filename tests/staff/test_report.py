"""The report: every answer stands beside the student's own numbers, whatever is unfinished and whatever they type."""

import html
import json
import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image

from hw1 import exercises
from hw1.exercises import ROOT
from scripts import figures, own_numbers, report, report_page
from scripts.own_numbers import NUMBERS, Results, escaped, in_latex
from scripts.report_page import parts_of
from scripts.report_page import report as page_of
from scripts.staff import tables, writeup

TEMPLATE = (ROOT / "writeup/report.md").read_text(encoding="utf-8")
NASTY = r"""<script>alert(1)</script> & "50 %" a_b^c #1 ~{x} \input{/etc/passwd} $y$ | <b>"""


def row(claim: str, shown: str = "12.5 [10, 15] %", quick: bool = False) -> dict:
    return {"claim": claim, "shown": shown, "quick": quick}


ROWS = [row(number.claim, f"{n} %") for n, number in enumerate(sum(NUMBERS.values(), ()), start=11)]


@pytest.fixture
def out(tmp_path):
    """A folder with a demo's results."""
    (tmp_path / "figures").mkdir()
    (tmp_path / "claims.json").write_text(json.dumps(ROWS))
    for name in re.findall(r"figures/(\w+)\.png", TEMPLATE):
        Image.new("RGB", (400, 300), "white").save(tmp_path / f"figures/{name}.png")
    return tmp_path


def made(out, text: str = TEMPLATE) -> str:
    """The page of a report."""
    return page_of(text, out, Results.of(out))[0]


# --- the numbers ------------------------------------------------------------------------------------------------------
def test_every_number_is_a_claim_of_the_demo_and_of_its_experiment():
    stored = json.loads(tables.MEASURED.read_text(encoding="utf-8"))
    claims = {each["claim"] for run in stored["claims"] for each in run["rows"]}
    assert {number.claim for number in sum(NUMBERS.values(), ())} <= claims
    assert {number.experiment for number in sum(NUMBERS.values(), ())} <= set(figures.EXPERIMENTS)
    assert set(NUMBERS) == set(exercises.written())


def test_each_question_has_its_own_numbers(out, capsys):
    assert report.main(["--out", str(out)]) == 0
    page = (out / "report.html").read_text(encoding="utf-8")
    latex = (out / "numbers.tex").read_text(encoding="utf-8")
    for question, numbers in NUMBERS.items():
        own = page.partition(f"<h3>{question} ")[2].partition("<h3>")[0]
        macro = re.search(rf"\\hwnumbers\{{{question}\}}(.*)", latex)[1]
        for number in numbers:
            shown = next(each["shown"] for each in ROWS if each["claim"] == number.claim)
            assert html.escape(number.says.format(shown)) in own
            assert f"({number.part}) {escaped(number.says.format(shown))}" in macro
    assert "note:" not in capsys.readouterr().out


def test_each_number_stands_below_the_part_that_it_belongs_to(out):
    page = made(out)
    for question, numbers in NUMBERS.items():
        asked = parts_of(question)
        own = page.partition(f"<h3>{question} ")[2].partition("<h3>")[0]
        places = [own.index(text) for text in asked.values()] + [len(own)]
        for number in numbers:
            index = list(asked).index(number.part)
            assert places[index] < own.index(html.escape(number.says.partition("{")[0])) < places[index + 1], number


def test_what_is_asked_is_the_text_of_the_handout(out):
    page = made(out)
    handout = (ROOT / "writeup/handout.html").read_text(encoding="utf-8")
    for question in exercises.written():
        box = re.search(rf'<section [^>]*id="q-{question}".*?</section>', handout, re.DOTALL)[0]
        assert list(parts_of(question)) == ["a", "b", "c"]
        for text in parts_of(question).values():
            assert text in re.sub("</?a[^>]*>", "", box)
            assert text in page
        assert f'href="../writeup/handout.html#q-{question}"' in page
    for link in set(re.findall(r'href="../writeup/handout.html#([^"]+)"', page)):
        assert f' id="{link}"' in handout


def test_without_the_handout_there_is_a_report_all_the_same(out, monkeypatch):
    monkeypatch.setattr(report_page, "HANDOUT", out / "handout.html")
    page, complaints = page_of(TEMPLATE, out, Results.of(out))
    assert complaints == [report_page.NO_HANDOUT]
    assert '<li value="2"><ul><li>The area under the ROC curve' in page  # 5.3 (b) is not called (a)


def test_open_exercises_are_named_and_extra_credit_is_not_asked_for(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(own_numbers, "not_done", lambda: ["2.2", "E.1", "E.4"])
    rows = [row(n.claim) for n in sum(NUMBERS.values(), ()) if not n.extra and n.experiment != "fork"]
    (tmp_path / "claims.json").write_text(json.dumps(rows))
    assert report.main(["--out", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "note: not done yet: 2.2; python -m scripts.check shows what is open" in said
    assert "note: 5.1, 5.4: not all numbers are measured; once they are done, run python -m scripts.figures" in said
    assert "--only lane" not in said  # E.4 is not done, and need not be
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "The area under the ROC curve of the doubt is (not measured yet; only with E.4)." in page


def test_exercises_that_are_not_done_are_found_by_their_stubs(tmp_path, monkeypatch):
    assert own_numbers.not_done() == []
    (tmp_path / "hw1").mkdir()
    for number, file in enumerate(exercises.files()):
        (tmp_path / file).write_text(f"def f():\n    {exercises.stub(f'{number}.1')}  # \u00e9\n", encoding="latin-1")
    monkeypatch.setattr(own_numbers, "ROOT", tmp_path)
    assert own_numbers.not_done() == [f"{number}.1" for number in range(len(exercises.files()))]


def test_what_is_not_measured_is_said_in_words(out, capsys):
    kept = [each for each in ROWS if "An average" not in each["claim"]]
    (out / "claims.json").write_text(json.dumps(kept))
    assert report.main(["--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert "note: 5.1, 5.4: not all numbers are measured; python -m scripts.figures --only fork" in said
    assert "not done yet" not in said
    assert "python -m scripts.figures --only fork" in said
    assert "--only lane" not in said
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "l2 passes all four trees in (not measured yet) of the drives." in page
    assert page.count("(not measured yet") == 3


def test_without_any_results_there_is_a_report_all_the_same(tmp_path, capsys):
    assert report.main(["--out", str(tmp_path / "new")]) == 0
    page = (tmp_path / "new/report.html").read_text(encoding="utf-8")
    assert "bimodal.png is not there yet" in page
    assert page.count("(not measured yet") == len(sum(NUMBERS.values(), ()))
    notes = [line for line in capsys.readouterr().out.splitlines() if "bimodal.png" in line]
    assert len(notes) == 1, "one sentence for all figures"
    assert "lane_labels.png" in notes[0]
    assert "make demo" in notes[0]


def test_a_coarse_run_is_no_run_to_hand_in(out, capsys):
    (out / "claims.json").write_text(json.dumps([each | {"quick": True} for each in ROWS]))
    assert report.main(["--out", str(out)]) == 0
    assert "coarse run" in capsys.readouterr().out
    assert "coarse run" in (out / "report.html").read_text(encoding="utf-8")
    assert "coarse run" in (out / "numbers.tex").read_text(encoding="utf-8")


# --- the answers ------------------------------------------------------------------------------------------------------
def test_answers_are_only_read_and_the_page_is_made_again(out, capsys):
    answers = out / "mine.md"
    answers.write_text(TEMPLATE.replace("(a) ...", "(a) Because $x^2 > 0$.", 1), encoding="utf-8")
    before = answers.read_bytes()
    for _ in range(2):
        assert report.main(["--out", str(out), "--answers", str(answers)]) == 0
    assert answers.read_bytes() == before
    assert "(a) Because <math" in (out / "report.html").read_text(encoding="utf-8")


def test_formulas_are_mathml_and_a_broken_one_is_named(out):
    text = TEMPLATE.replace("(a) ...", "(a) $\\frac{$ and $\\mathbb{E}[a]$\n\n$$\n\\sum_{t=1}^T c_t\n$$\n", 1)
    page, complaints = page_of(text, out, Results.of(out))
    assert "<code>\\frac{</code>" in page
    assert 'display="block"' in page
    assert [each for each in complaints if "\\frac{" in each]


def test_nothing_that_a_student_types_becomes_html(out):
    (out / "predictions.json").write_text(json.dumps({NASTY: {"prediction": NASTY, "outcome": 3}}))
    page = made(out, TEMPLATE.replace("with | ... |", f"with | {NASTY} |") + NASTY)
    assert "<script" not in page
    assert "<b>" not in page
    assert "&lt;script&gt;" in page


def test_nothing_that_a_student_types_becomes_latex(out):
    (out / "predictions.json").write_text(json.dumps({NASTY: {"prediction": NASTY + "\u6f22\n", "outcome": None}}))
    latex = in_latex(Results.of(out))
    assert r"\input" not in latex
    free = re.sub(r"\\(?:hwnumbers|item\b|text\w+\{\}|[_&%#${}])", "", latex)
    assert "\\" not in free
    assert free.count("{") == free.count("}") == 2 * 5


def test_what_was_predicted_stands_beside_what_came_out(out):
    (out / "predictions.json").write_text(json.dumps({"1_why/mode": {"prediction": "left", "outcome": "the middle"}}))
    assert re.search(r"1_why/mode</th><td>left</td><td>the middle</td>", made(out))
    (out / "predictions.json").write_text(json.dumps({"1_why/mode": {"prediction": "left", "outcome": None}}))
    assert re.search(r"1_why/mode</th><td>left</td><td>nothing yet</td>", made(out))
    assert "Predicted left, found nothing yet" in in_latex(Results.of(out))
    numbers = {"question": "At which T?", "prediction": 100, "outcome": 1000.4789}
    (out / "predictions.json").write_text(json.dumps({"2/bend": numbers}))
    assert re.search(r"2/bend: At which T\?</th><td>100</td><td>1000</td>", made(out))
    assert "2/bend: At which T? Predicted 100, found 1000" in in_latex(Results.of(out))
    (out / "predictions.json").unlink()
    assert "No predictions are stored" in made(out)


def test_a_picture_of_ones_own_is_taken_in(out):
    Image.new("RGB", (20, 20)).save(out / "my plot.png")
    page = made(out, TEMPLATE + "\n![mine](my%20plot.png)\n")
    assert page.count('src="data:image/png') == len(re.findall(r"figures/\w+\.png", TEMPLATE)) + 1


# --- the two templates and the page -----------------------------------------------------------------------------------
def test_both_templates_ask_for_the_same():
    latex = (ROOT / "writeup/report.tex").read_text(encoding="utf-8")
    assert re.findall(r"figures/(\w+)\.png", TEMPLATE) == re.findall(r"\\hwfigure\{(\w+)\}", latex)
    assert re.findall(r"^### (5\.\d .*)", TEMPLATE, re.MULTILINE) == [
        " ".join(each) for each in re.findall(r"\\begin\{question\}\{(.*?)\}\{(.*)\}", latex)
    ]
    assert re.findall(r"^\{numbers (.*)\}$", TEMPLATE, re.MULTILINE) == re.findall(r"\\ownnumbers\{(.*)\}", latex)
    for title in re.findall(r"^### (?!5)(.*)", TEMPLATE, re.MULTILINE):
        assert f"\\begin{{deliverable}}{{{title}}}" in latex


@pytest.mark.parametrize(("scheme", "width"), [("light", 1100), ("dark", 320)])
def test_a_checker_of_accessibility_finds_nothing(browser, out, scheme, width):
    (out / "predictions.json").write_text(json.dumps({"1_why/mode": {"prediction": "left", "outcome": "the middle"}}))
    report.main(["--out", str(out)])
    with browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme, offline=True) as context:
        page = context.new_page()
        page.goto((out / "report.html").as_uri())
        results = Axe().run(page)
        assert results.violations_count == 0, results.generate_report()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate("[...document.images].every(image => image.naturalWidth > 0)")


def test_latex_takes_the_numbers_in(out):
    if missing := writeup.missing_packages():
        pytest.skip(f"LaTeX is not complete here; apt-get install {' '.join(missing)}")
    (out / "predictions.json").write_text(json.dumps({NASTY: {"prediction": NASTY, "outcome": "\u6f22"}}))
    template = writeup.pack_template(out)
    (template / "numbers.tex").write_text(in_latex(Results.of(out)), encoding="utf-8")
    log = writeup.latex(template, "report.tex", out, "report")
    assert "(./numbers.tex)" in log
    assert not [each for each in writeup.complaints(log) if "Missing" in each]
