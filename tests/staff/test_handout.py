"""The handout as students read it: one page in a real browser, and a PDF that a screen reader can speak."""

import re
from xml.etree import ElementTree

import pypdf
import pytest
from axe_playwright_python.sync_playwright import Axe

from hw1 import exercises
from scripts.command import UserError
from scripts.staff import handout
from scripts.staff.handout import SOURCE, WRITEUP, anchor
from scripts.staff.spoken import spoken

PAGE = WRITEUP / "handout.html"
HTML = PAGE.read_text(encoding="utf-8")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]


# --- the page ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("id", [*exercises.load(), *exercises.written()])
def test_each_exercise_has_its_anchor(id):
    name = anchor(id) if id in exercises.load() else f"q-{id}"
    assert HTML.count(f' id="{name}"') == 1
    assert f'href="#{name}"' in HTML  # in the table of contents


def test_every_link_inside_the_page_has_its_goal_and_no_anchor_is_a_number():
    goals = re.findall(r' id="([^"]+)"', re.sub(r"<svg.*?</svg>", "", HTML, flags=re.DOTALL))
    assert len(goals) == len(set(goals))
    assert set(re.findall(r'href="#([^"]+)"', re.sub(r"<svg.*?</svg>", "", HTML, flags=re.DOTALL))) <= set(goals)
    assert not [goal for goal in goals if goal.startswith("loc-")]


def test_the_page_needs_nothing_beside_it():
    assert not re.findall(r'<(?:script|link|iframe)\b|@import|url\((?!["\']?data:)', HTML)
    assert set(re.findall(r'\ssrc="(.{5})', HTML)) == {"data:"}
    assert HTML.count("<math") > 150


@pytest.fixture(
    scope="module", params=[("light", 1100), ("dark", 1100), ("light", 320)], ids=lambda p: f"{p[0]}-{p[1]}"
)
def opened(browser, request):
    """The page in a window of that theme and width, without a network."""
    scheme, width = request.param
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme, offline=True)
    page = context.new_page()
    page.goto(PAGE.as_uri())
    yield page
    context.close()


def test_a_checker_of_accessibility_finds_nothing(opened):
    results = Axe().run(opened, options={"runOnly": {"type": "tag", "values": RULES}, "resultTypes": ["violations"]})
    assert results.violations_count == 0, results.generate_report()


def test_the_page_does_not_scroll_sideways_and_all_is_inside(opened):
    width = opened.viewport_size["width"]
    assert opened.evaluate("document.documentElement.scrollWidth") <= width
    outside = opened.evaluate(
        """width => [...document.querySelectorAll("main *")]
            .filter(e => e.getBoundingClientRect().right > width + 1 && !e.closest(".wide, .formula, .plate"))
            .map(e => e.outerHTML.slice(0, 80))""",
        width,
    )
    assert outside == []


def test_pictures_are_loaded_and_described(opened):
    pictures = opened.evaluate("[...document.images].map(i => [i.naturalWidth, i.alt])")
    assert len(pictures) >= 10
    assert all(width > 100 and len(alt) > 40 for width, alt in pictures)


def test_an_anchor_leads_to_its_exercise(opened):
    opened.goto(PAGE.as_uri() + "#" + anchor("1.3"))
    box = opened.locator(":target")
    assert box.locator("h3").inner_text() == "1.3 Gaussian likelihood"
    assert box.bounding_box()["y"] < 400
    assert box.locator("math").count() > 5


# --- the PDF ----------------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def pdf() -> pypdf.PdfReader:
    return pypdf.PdfReader(WRITEUP / "handout.pdf")


def elements(node) -> list:
    """The structure elements below a node, in the order in which they are read."""
    node = node.get_object()
    if not isinstance(node, dict):
        return []  # a piece of the page
    below = node.get("/K", [])
    below = below if isinstance(below, list) else [below]
    return [node] * ("/S" in node) + [element for each in below for element in elements(each)]


def test_the_pdf_says_its_title_its_language_and_that_it_is_tagged(pdf):
    root = pdf.trailer["/Root"]
    assert root["/Lang"] == "en"
    assert root["/MarkInfo"]["/Marked"]
    assert root["/ViewerPreferences"]["/DisplayDocTitle"]
    assert pdf.metadata["/Title"] == handout.TITLE
    assert "<pdfuaid:part>1</pdfuaid:part>" in root["/Metadata"].get_data().decode()


def test_the_pdf_has_a_structure_with_words_for_every_picture_and_formula(pdf):
    found = elements(pdf.trailer["/Root"]["/StructTreeRoot"])
    kinds = [element["/S"] for element in found]
    assert {"/H1", "/H2", "/P", "/L", "/Table", "/TH", "/TD", "/Figure", "/Formula", "/Link"} <= set(kinds)
    assert kinds.count("/Formula") > 200
    unspoken = [e for e in found if e["/S"] in ("/Figure", "/Formula") and not e.get("/Alt", "").strip()]
    assert unspoken == []
    titles = [f"{e.id} {e.title}" for e in exercises.load().values()]
    assert set(titles) <= {title for title in _bookmarks(pdf.outline)}


def _bookmarks(outline) -> list[str]:
    return [title for each in outline for title in (_bookmarks(each) if isinstance(each, list) else [each.title])]


def test_all_fonts_are_in_the_pdf(pdf):
    fonts = [font.get_object() for page in pdf.pages for font in page["/Resources"]["/Font"].values()]
    for font in fonts:
        below = font["/DescendantFonts"][0].get_object() if "/DescendantFonts" in font else font
        assert {"/FontFile", "/FontFile2", "/FontFile3"} & set(below["/FontDescriptor"])


def test_the_handout_is_short(pdf):
    assert 8 <= len(pdf.pages) <= 13  # one page more than text and tables need: eight reference figures


def test_the_same_sources_give_the_same_bytes():
    for form in handout.FORMS:
        first = handout.made(form)
        handout.made.cache_clear()
        assert handout.made(form) == first


# --- mistakes of whoever writes it ------------------------------------------------------------------------------------
def test_a_picture_without_words_is_refused():
    with pytest.raises(UserError, match=r"writeup/staff/handout\.typ: PDF/UA-1 error: missing alt text"):
        handout.compiled('#set document(title: "x")\n#set text(lang: "en")\n#image("/writeup/drive.png")', "pdf")


def test_an_unknown_range_is_refused_and_named():
    with pytest.raises(UserError, match="fork nobody"):
        handout.compiled('#import "/writeup/staff/hw.typ": *\n#median("fork nobody")', "html")


# --- formulas in words ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("formula", "words"),
    [
        ("$1/B sum_(b=1)^B norm(a_b)^2$", "1 over B sum from b equals 1 to B of norm of a sub b end squared"),
        ("$e^(-log sigma_i)$", "e to the power (minus log sigma sub i)"),
        ("$sqrt(1 - abar_n)$", "square root of 1 minus alpha bar sub n end"),
        ("$p(act | state)$", "p (a given s)"),
        ("$max_i abs(x_i)$", "max sub i absolute value of x sub i end"),
        ("$frac(a + 1, b)$", "fraction a plus 1 over b end"),
        ("$Data <- Data union Data'$", "D becomes D union D prime"),
        ("$t = 1, dots, T$", "t equals 1, and so on, T"),
    ],
)
def test_a_formula_in_words(formula, words):
    assert list(handout.in_words(formula)) == [words]


def test_no_formula_of_the_handout_is_left_in_signs():
    for words in handout.in_words(SOURCE.read_text(encoding="utf-8")):
        assert re.fullmatch(r"[\w\s.,;()\[\]{}-]+", words), words
        assert words.isascii(), words


def test_a_sign_without_a_name_is_kept():
    assert spoken(ElementTree.fromstring("<math><mi>x</mi><mo>\N{RIGHTWARDS DOUBLE ARROW}</mo></math>")) == "x \u21d2"
