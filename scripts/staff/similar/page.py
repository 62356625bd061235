"""The report: the most similar pairs side by side, each with what independent right answers share anyway.

Names and code come from students: here they are only ever text.
"""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path

import numpy as np

from hw1 import exercises
from scripts.staff.similar.compare import WORTH, Comparison, fingerprint, slices
from scripts.staff.similar.normal import Piece
from scripts.staff.similar.read import Work, texts
from scripts.webpage import document, row, scrolling, table
from tests.autograder.text import clean

STYLE = Path(__file__).with_name("page.css")
TITLE = "Similar submissions"
SHOWN = 6  # exercises of a pair shown side by side: those with the highest scores
TELLING = 1.0  # score of an exercise from which on it is shown
LINES = 120  # of one answer
ABOUT = (
    "A pair is no proof of anything: it is worth a look, and a talk with both. Names, comments, docstrings, the order "
    "of terms and the style of writing do not count; what the template gives is left out.",
    "“By chance” is the share of pairs of independent right answers, from a bank of them, that are at least as alike; "
    "“in this class” is the share of the other pairs here. The larger of both counts: if many write an exercise alike, "
    "because the hints, a lecture or an assistant led there, that says nothing about two of them.",
    "The bank is small, and exercises are taken as independent, which the habits of one student are not. Nothing here "
    "detects who or what wrote a text.",
)


def page(works: Sequence[Work], compared: Comparison, most: int) -> str:
    """The whole page, with the `most` similar pairs."""
    pairs = list(compared.most_alike(most))
    worth = len(compared.worth_a_look())
    header = f"<p>{len(works)} submissions, {compared.pairs:,} pairs; {worth} of them are worth a look.</p>"
    body = [
        _section("pairs", "Pairs", _overview(works, compared, pairs)),
        _section("base", "What independent right answers share", _base(compared)),
        _section("problems", "Not compared", _problems(works)),
        _section("sides", "Side by side", "".join(
            _pair(at, pair, tuple(works[each] for each in pair), compared) for at, pair in enumerate(pairs, 1)
        )),
    ]  # fmt: skip
    contents = [("pairs", "Pairs"), ("base", "Base rate"), ("problems", "Not compared"), ("sides", "Side by side")]
    about = "".join(f"<p>{escape(text)}</p>" for text in ABOUT)
    return document(TITLE, header + about, contents, body, STYLE.read_text(encoding="utf-8"))


def _section(id: str, title: str, body: str) -> str:
    return f'<section id="{id}"><h2>{escape(title)}</h2>{body}</section>'


def one_in(share: float) -> str:
    """A share in words: 1 in 40."""
    return "all" if share >= 0.995 else f"1 in {1 / share:,.0f}" if share < 0.1 else f"{100 * share:.0f} %"


def expected_text(count: float) -> str:
    return f"{count:.2g}" if count < 10 else f"{count:,.0f}"


def _overview(works: Sequence[Work], compared: Comparison, pairs: Sequence[tuple[int, int]]) -> str:
    rows = []
    for at, pair in enumerate(pairs, 1):
        first, second = (escape(_name(works[each])) for each in pair)
        expected = compared.expected(pair)
        numbers = (f"{compared.score[pair]:.1f}", one_in(compared.share(pair)), expected_text(expected))
        cells = "".join(f'<td class="number">{number}</td>' for number in numbers)
        verdict = '<td class="no">⚑ look at it</td>' if expected < WORTH else "<td>chance explains it</td>"
        rows.append(f'<tr><th scope="row"><a href="#pair-{at}">{first} and {second}</a></th>{cells}{verdict}</tr>')
    heads = ("pair", "score", "independent pairs as alike", "such pairs expected here by chance", "verdict")
    return scrolling(table("The most similar pairs", heads, "".join(rows)), "The most similar pairs")


def _base(compared: Comparison) -> str:
    rows = []
    for id, each in compared.bases.items():
        shown = [
            f"{np.nanmedian(part):.2f} / {np.nanquantile(part, 0.95):.2f}" if not np.isnan(part).all() else ""
            for part in map(_upper, (each.matrix, compared.exercises[id].similarity))
        ]
        weight = "yes" if each.weighs else "no: too short"
        title = f"{id} {exercises.load()[id].title}"
        rows.append(row(title, [str(each.count), str(each.shortest), *shown, weight]))
    heads = (
        "exercise",
        "right answers in the bank",
        "shortest (tokens)",
        "similarity there: median / 95 %",
        "in this class: median / 95 %",
        "counts",
    )
    about = "<p>Similarity is Dice's coefficient of the rows of tokens, from 0 to 1.</p>"
    return about + scrolling(table("Similarity of independent right answers", heads, "".join(rows)), "Base rate")


def _upper(matrix: np.ndarray) -> np.ndarray:
    return matrix[np.triu_indices(len(matrix), 1)]


def _problems(works: Sequence[Work]) -> str:
    rows = [
        f'<tr><th scope="row">{escape(_name(work))}</th><td>{escape(clean("; ".join(work.problems)))}</td></tr>'
        for work in works
        if work.problems
    ]
    caption = "What could not be read"
    return scrolling(table(caption, ("submission", "why"), "".join(rows)), caption) if rows else "<p>Nothing.</p>"


def _name(work: Work) -> str:
    return clean(work.name)


# --- a pair -----------------------------------------------------------------------------------------------------------
def _pair(at: int, pair: tuple[int, int], works: tuple[Work, ...], compared: Comparison) -> str:
    scores, rows = {}, []
    for id, each in compared.exercises.items():
        if np.isnan(each.similarity[pair]):
            continue
        scores[id] = float(each.score[pair]) if compared.bases[id].weighs else 0.0
        here = one_in(float(each.in_class[pair])) if each.in_class[pair] else "none"
        shown = f"{scores[id]:.1f}" if compared.bases[id].weighs else "does not count"
        numbers = [f"{each.similarity[pair]:.2f}", one_in(float(each.by_chance[pair])), here, shown]
        rows.append(row(f"{id} {exercises.load()[id].title}", numbers))
    names = " and ".join(map(_name, works))
    caption = f"{names}: {expected_text(compared.expected(pair))} such pairs expected by chance"
    numbers = table(caption, ("exercise", "similarity", "by chance", "in this class", "score"), "".join(rows))
    telling = sorted((id for id in scores if scores[id] >= TELLING), key=lambda id: -scores[id])[:SHOWN]
    sources = [texts(work.path, []) for work in works]
    sides = "".join(_sides(id, works, sources) for id in telling) or "<p>Nothing that tells anything.</p>"
    return (
        f'<article id="pair-{at}"><h3>{escape(names)}</h3>{scrolling(numbers, names)}'
        f"<details><summary>The code of both, where it is alike</summary>{sides}</details></article>"
    )


def _sides(id: str, works: tuple[Work, ...], sources: Sequence[Mapping[str, str]]) -> str:
    pieces = [work.pieces[id] for work in works]
    shared = slices(*map(fingerprint, pieces))
    file = exercises.load()[id].file
    cells = [
        f"<div><h5>{escape(_name(work))}, {file}</h5>{_code(source.get(file, ''), piece, own)}</div>"
        for work, source, piece, own in zip(works, sources, pieces, shared, strict=True)
    ]
    return f'<h4>{id} {escape(exercises.load()[id].title)}</h4><div class="sides">{"".join(cells)}</div>'


def _code(source: str, piece: Piece, shared: Iterable[int]) -> str:
    """The lines of an answer; those that hold something shared are marked."""
    lines = source.splitlines()
    marked = {piece.lines[at] for at in shared if at < len(piece.lines)}
    shown = sorted({line for line in piece.lines if line <= len(lines)})
    text = []
    for before, line in zip([0, *shown], shown[:LINES], strict=False):
        text += ["…"] if before and line > before + 1 else []
        tag = ("<mark>", "</mark>") if line in marked else ('<span class="plain">', "</span>")
        text.append(f"{tag[0]}{line:4} {escape(clean_code(lines[line - 1]))}{tag[1]}")
    return f'<pre tabindex="0">{chr(10).join(text)}</pre>'


def clean_code(line: str) -> str:
    """A line of code with its indentation; what cannot be printed is a blank."""
    return "".join(c if c.isprintable() else " " for c in line[:300]).rstrip()
