"""The page `out/index.html`: the table of claims, and every figure with its numbers and its description in words.

It needs no network and no script, and follows WCAG 2.1 AA.
"""

from collections.abc import Sequence
from html import escape
from pathlib import Path

from scripts.demo.present import WIDE, Computed, Picture, Presented
from scripts.experiments.base import Clip, Experiment

STYLE = Path(__file__).with_name("page.css")
TITLE = "HW1: Imitation Learning"


def page(presented: Sequence[Presented], rows: Sequence[dict], measured: str, computed: Computed) -> str:
    """The whole page. `rows`: as in claims.json; `measured`: a sentence on the seeds and the kind of run."""
    shown = [(experiment, list(pictures.values())) for experiment, _, pictures in presented if pictures]
    return "\n".join([
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="color-scheme" content="light dark">',
        f"<title>{TITLE}</title><style>{STYLE.read_text(encoding='utf-8')}</style></head><body>",
        f"<header><h1>{TITLE}</h1><p>{escape(measured)} <code>make demo</code> makes this page.</p></header>",
        f'<nav aria-label="Contents">{_contents(shown)}</nav><main>',
        *[f'<p class="left-out">Left out: {escape(", ".join(names))}: {escape(why)}.</p>'
          for why, names in computed.left_out.items()],
        _claims(rows),
        *[_section(experiment, pictures) for experiment, pictures in shown],
        "</main></body></html>\n",
    ])  # fmt: skip


def _contents(shown: Sequence[tuple[Experiment, list[Picture]]]) -> str:
    links = [("claims", "Claims"), *((experiment.name, experiment.title) for experiment, _ in shown)]
    return "<ul>" + "".join(f'<li><a href="#{name}">{escape(title)}</a></li>' for name, title in links) + "</ul>"


# --- claims ----------------------------------------------------------------------------------------------------------
def _claims(rows: Sequence[dict]) -> str:
    held = sum(row["holds"] for row in rows)
    about = (
        f"{held} of {len(rows)} claims hold. Brackets: 95 % bootstrap interval over the seeds. A claim holds if the "
        "whole interval keeps the target. A number without brackets was measured on all seeds together. Minutes: "
        "computing time on one core."
    )
    body = "".join(map(_claim, rows))
    table = _table("Claims, targets and measurements", ("claim", "target", "measured", "holds", "minutes"), body)
    return f'<section id="claims"><h2>Claims</h2><p>{about}</p>{_scrolling(table, "Claims")}</section>'


def _table(caption: str, heads: Sequence[str], body: str) -> str:
    """`body`: its rows."""
    top = "".join(f'<th scope="col">{escape(head)}</th>' for head in heads)
    return f"<table><caption>{escape(caption)}</caption><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def _claim(row: dict) -> str:
    holds = '<td class="yes">✓ yes</td>' if row["holds"] else '<td class="no">✗ no</td>'
    cells = "".join(f'<td class="number">{escape(row[key])}</td>' for key in ("target", "shown"))
    minutes = f'<td class="number">{row["minutes"]:.1f}</td>'
    return f'<tr><th scope="row">{escape(row["claim"])}</th>{cells}{holds}{minutes}</tr>'


def _scrolling(table: str, label: str) -> str:
    """A table that is wider than a phone can be scrolled, also with the keyboard."""
    return f'<div class="scrolling" role="region" aria-label="{escape(label)}" tabindex="0">{table}</div>'


# --- figures ---------------------------------------------------------------------------------------------------------
def _section(experiment: Experiment, pictures: Sequence[Picture]) -> str:
    command = f"<p><code>python -m scripts.figures --only {experiment.name}</code></p>"
    figures = "\n".join(map(_figure, pictures))
    return f'<section id="{experiment.name}"><h2>{escape(experiment.title)}</h2>{command}{figures}</section>'


def _figure(picture: Picture) -> str:
    about = picture.about
    caption = f"<figcaption>{escape(about.caption)}</figcaption>"
    if isinstance(about, Clip):
        clip, still = picture.files
        moving = f"<details><summary>Play the clip</summary>{_image(picture, clip)}</details>"
        images = _image(picture, still) + moving
    else:
        images = _image(picture, picture.files[0])
    return f'<figure id="{about.name}">{images}{caption}{_details(picture)}</figure>'


def _image(picture: Picture, name: str) -> str:
    width, height = (round(WIDE * inches) for inches in picture.inches)
    size = f'width="{width}" height="{height}"'
    return f'<img src="figures/{name}" alt="{escape(in_words(picture))}" {size} loading="lazy">'


def in_words(picture: Picture) -> str:
    return picture.about.description or picture.about.caption


def _details(picture: Picture) -> str:
    """The description and the numbers, and the files: the SVG can be enlarged."""
    table = ""
    if picture.table:
        label = f"Numbers of the figure {picture.about.name}"
        heads, rows = picture.table
        table = _scrolling(_table(label, heads, "".join(map(_row, rows))), label)
    summary = "In words and numbers" if table else "In words"
    words = f"<details><summary>{summary}</summary><p>{escape(in_words(picture))}</p>{table}</details>"
    links = ", ".join(f'<a href="figures/{file}">{file}</a>' for file in picture.files)
    return f'{words}<p class="files">Files: {links}</p>'


def _row(row: Sequence[str | float]) -> str:
    first, *others = map(_shown, row)
    cells = "".join(f'<td class="number">{escape(value)}</td>' for value in others)
    return f'<tr><th scope="row">{escape(first)}</th>{cells}</tr>'


def _shown(value: str | float) -> str:
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.4g}"
