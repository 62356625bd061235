"""The handout, from one source: writeup/handout.pdf (PDF/UA) and writeup/handout.html (one page, formulas as MathML).

Typst makes both from `writeup/staff/handout.typ`; it is a Python package and brings its fonts, so the same sources give
the same bytes everywhere. Points come from the exercise table, expected ranges from `scripts.staff.ranges`, reference
figures from `writeup/expected`. Every formula of the PDF gets its words for screen readers (`scripts.staff.spoken`);
Typst refuses a picture or a formula that has none.
"""

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import asdict
from functools import cache
from xml.etree import ElementTree

import typst

from hw1 import exercises
from hw1.exercises import ROOT
from scripts.command import UserError
from scripts.staff.ranges import minutes, shown_ranges, stored
from scripts.staff.spoken import spoken
from tests.autograder.staff import markers

WRITEUP = ROOT / "writeup"
SOURCE = WRITEUP / "staff/handout.typ"
TITLE = "Homework 1: Imitation Learning"
FORMULA = re.compile(r"(?<!\\)\$([^$]+)\$")
TALL = re.compile("<mfrac|<munderover|<msqrt")
FORMS = {"pdf": {"pdf_standards": ["ua-1"]}, "html": {}}


@cache
def made(form: str) -> bytes:
    """The handout as "pdf" or "html". Raises UserError, which names the line, if Typst refuses the source."""
    source = SOURCE.read_text(encoding="utf-8")
    if form == "pdf":
        return compiled(with_words(source), form)
    return readable(named(compiled(source, form).decode())).encode()


def compiled(source: str, form: str) -> bytes:
    inputs = {"form": form, "data": json.dumps(data())}
    try:
        return typst.compile(
            source.encode(), format=form, root=ROOT, sys_inputs=inputs, ignore_system_fonts=True, **FORMS[form]
        )
    except typst.TypstError as error:
        raise UserError(f"{SOURCE.relative_to(ROOT)}: {error}; {' '.join(error.hints)} {error.trace}") from None


def data() -> dict:
    """What the source reads: the exercise table, the points, and the expected ranges as they are printed."""
    return {
        "title": TITLE,
        "exercises": {id: asdict(e) | {"marker": e.marker, "names": to_do(e)} for id, e in exercises.load().items()},
        "questions": exercises.written(),
        "totals": exercises.totals(),
        "ranges": shown_ranges(),
        "minutes": minutes(),
        "seeds": stored()["seeds"],
    }


def to_do(exercise: exercises.Exercise) -> list[str]:
    """The functions and classes of an exercise in which something is to be filled in."""
    source = (ROOT / exercise.file).read_text(encoding="utf-8")
    todo = {source.count("\n", 0, begin) + 1 for begin, _ in markers.solutions(source, exercise.id)}
    made = {node.name: node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    return [name for name in exercise.names if todo & set(range(made[name].lineno, made[name].end_lineno + 1))]


# --- anchors ----------------------------------------------------------------------------------------------------------
def anchor(exercise: str) -> str:
    """Where an exercise is on the page: handout.html#ex-1.3."""
    return f"ex-{exercise}"


def named(page: str) -> str:
    """The page with the title of a section as its anchor, instead of a number; boxes have theirs already."""
    for number, title in re.findall(r'<h2 id="(loc-\d+)">(.*?)</h2>', page):
        name = re.sub(r"\W+", "-", title.lower()).strip("-")
        page = page.replace(f'id="{number}"', f'id="{name}"').replace(f'href="#{number}"', f'href="#{name}"')
    for box, number in re.findall(r'<section [^>]*id="([^"]+)"[^>]*><header><h3 id="([^"]+)"', page):
        page = page.replace(f'<h3 id="{number}"', "<h3").replace(f'href="#{number}"', f'href="#{box}"')
    return page


# --- formulas ---------------------------------------------------------------------------------------------------------
def readable(page: str) -> str:
    """The page with formulas as browsers draw them best: accents as signs, and low brackets."""
    page = page.replace("<mo>\N{COMBINING MACRON}</mo>", '<mo stretchy="false">\N{MACRON}</mo>')
    return re.sub(r"<math>.*?</math>", lambda math: math[0] if TALL.search(math[0]) else _low(math[0]), page)


def _low(math: str) -> str:
    return re.sub(r"<mo>([(){}\[\]])</mo>", r'<mo stretchy="false">\1</mo>', math)


# --- formulas in words ------------------------------------------------------------------------------------------------
def with_words(source: str) -> str:
    """The source with every formula as a call of `spoken`, which gives it its words."""
    words = iter(in_words(source))
    return FORMULA.sub(lambda formula: f"#spoken({json.dumps(next(words), ensure_ascii=False)}, {formula[0]});", source)


def in_words(source: str) -> Iterator[str]:
    """The words of each formula, in the order of the source; read from the MathML that the page has."""
    formulas = "\n\n".join(formula[0] for formula in FORMULA.finditer(source))
    page = compiled(f'#import "/writeup/staff/notation.typ": *\n{formulas}', "html").decode()
    return (spoken(ElementTree.fromstring(math)) for math in re.findall(r"<math.*?</math>", page, re.DOTALL))
