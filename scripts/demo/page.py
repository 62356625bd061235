"""The page `out/index.html`: the table of claims, and every figure with its numbers and its description in words.

It needs no network and no script, and follows WCAG 2.1 AA: see tests/staff/test_page.py.
"""

from collections.abc import Sequence
from html import escape
from pathlib import Path

from scripts.demo.present import WIDE, Computed, Picture, Presented
from scripts.experiments.base import Clip, Experiment, Table

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
    caption = (
        f"{held} of {len(rows)} claims hold. Brackets: 95 % bootstrap interval over the seeds. A claim holds if the "
        "whole interval keeps the target. A number without brackets was measured on all seeds together. Minutes: "
        "computing time on one core."
    )
    heads = "".join(f'<th scope="col">{head}</th>' for head in ("claim", "target", "measured", "holds", "minutes"))
    body = "".join(map(_claim, rows))
    table = f"<table><caption>{caption}</caption><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"
    return f'<section id="claims"><h2>Claims</h2>{_scrolling(table, "Claims")}</section>'


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
    """The description, the numbers, and the files to download."""
    about, table = picture.about, ""
    if picture.table:
        table = _scrolling(_numbers(picture.table, about.name), f"Numbers of the figure {about.name}")
    kinds = " ".join(f'<a href="figures/{file}">{file}</a>' for file in picture.files)
    summary = "In words and numbers" if table else "In words"
    words = f"<p>{escape(in_words(picture))}</p>"
    return f"<details><summary>{summary}</summary>{words}{table}<p>Files: {kinds}</p></details>"


def _numbers(table: Table, name: str) -> str:
    heads = "".join(f'<th scope="col">{escape(str(head))}</th>' for head in table[0])
    body = "".join(f"<tr>{_row(row)}</tr>" for row in table[1])
    caption = f"<caption>Numbers of the figure {escape(name)}</caption>"
    return f"<table>{caption}<thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"


def _row(row: Sequence[str | float]) -> str:
    first, *others = (value if isinstance(value, str) else f"{value:.4g}" for value in row)
    cells = "".join(f'<td class="number">{escape(value)}</td>' for value in others)
    return f'<th scope="row">{escape(first)}</th>{cells}'
