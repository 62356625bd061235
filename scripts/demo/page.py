"""The page `out/index.html`: the table of claims, and every figure with its numbers and its description in words.

It needs no network and no script, and follows WCAG 2.1 AA.
"""

from collections.abc import Sequence
from html import escape

from scripts.demo.present import WIDE, Computed, Picture, Presented
from scripts.experiments.base import Clip, Experiment
from scripts.webpage import document, row, scrolling, table

TITLE = "HW1: Imitation Learning"


def page(presented: Sequence[Presented], rows: Sequence[dict], measured: str, computed: Computed) -> str:
    """The whole page. `rows`: as in claims.json; `measured`: a sentence on the seeds and the kind of run."""
    shown = [(experiment, list(pictures.values())) for experiment, _, pictures in presented if pictures]
    body = [
        *(f'<p class="left-out">Left out: {escape(", ".join(names))}: {escape(why)}.</p>'
          for why, names in computed.left_out.items()),
        _claims(rows),
        *(_section(experiment, pictures) for experiment, pictures in shown),
    ]  # fmt: skip
    contents = [("claims", "Claims"), *((experiment.name, experiment.title) for experiment, _ in shown)]
    return document(TITLE, f"<p>{escape(measured)} <code>make demo</code> makes this page.</p>", contents, body)


# --- claims ----------------------------------------------------------------------------------------------------------
def _claims(rows: Sequence[dict]) -> str:
    held = sum(row["holds"] for row in rows)
    about = (
        f"{held} of {len(rows)} claims hold. Brackets: 95 % bootstrap interval over the seeds. A claim holds if the "
        "whole interval keeps the target. A number without brackets was measured on all seeds together. Minutes: "
        "computing time on one core."
    )
    body = "".join(map(_claim, rows))
    shown = table("Claims, targets and measurements", ("claim", "target", "measured", "holds", "minutes"), body)
    return f'<section id="claims"><h2>Claims</h2><p>{about}</p>{scrolling(shown, "Claims")}</section>'


def _claim(claim: dict) -> str:
    no = "<td>open: a coarse run</td>" if claim["quick"] else '<td class="no">✗ no</td>'
    holds = '<td class="yes">✓ yes</td>' if claim["holds"] else no
    cells = "".join(f'<td class="number">{escape(claim[key])}</td>' for key in ("target", "shown"))
    minutes = f'<td class="number">{claim["minutes"]:.1f}</td>'
    return f'<tr><th scope="row">{escape(claim["claim"])}</th>{cells}{holds}{minutes}</tr>'


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
    numbers = ""
    if picture.table:
        label = f"Numbers of the figure {picture.about.name}"
        heads, rows = picture.table
        numbers = scrolling(table(label, heads, "".join(map(_row, rows))), label)
    summary = "In words and numbers" if numbers else "In words"
    words = f"<details><summary>{summary}</summary><p>{escape(in_words(picture))}</p>{numbers}</details>"
    links = ", ".join(f'<a href="figures/{file}">{file}</a>' for file in picture.files)
    return f'{words}<p class="files">Files: {links}</p>'


def _row(values: Sequence[str | float]) -> str:
    first, *others = map(_shown, values)
    return row(first, others)


def _shown(value: str | float) -> str:
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.4g}"
