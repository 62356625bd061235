"""The report as a page: Markdown with formulas, your figures inside; and each question, as the handout asks it, with
your own numbers at the part that they belong to.
"""

import base64
import re
from collections.abc import Iterator
from html import escape
from pathlib import Path
from urllib.parse import unquote

import mistune
from latex2mathml import converter

from hw1.exercises import ROOT
from scripts.own_numbers import INTERVALS, NUMBERS, Results, asked
from scripts.predictions import came_out, in_words
from scripts.webpage import STYLE

PICTURES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
    ".gif": "image/gif",
}
HANDOUT = ROOT / "writeup/handout.html"
NO_HANDOUT = "writeup/handout.html is not there, so the page shows no text of the questions"
OUT = "../out/"  # how the template names the folder of the results
PLACE = re.compile(r"<p>\{(?:numbers (\d\.\d)|(predictions))\}</p>")
EXTRA = """
main { max-width: 46rem; }
.own > ol { padding-left: 1.8rem; list-style-type: lower-alpha; }
.own > ol > li::marker { content: "(" counter(list-item, lower-alpha) ") "; }
.own { margin: 0.8rem 0; padding: 0.2rem 1rem; border-left: 4px solid var(--link); background: var(--shade); }
main img { max-width: 100%; height: auto; background: #ffffff; }
math[display="block"] { margin: 0.6rem 0; overflow-x: auto; }
@media print {
  :root { --text: #000000; --quiet: #333333; --paper: #ffffff; --shade: #f1f3f5; --line: #999999; --link: #0b57a4; }
  body { font-size: 10.5pt; }
  h2, h3 { break-after: avoid; }
  main img { display: block; max-width: 80%; max-height: 8cm; margin: 0 auto; }
  img, .own { break-inside: avoid; }
}
"""


class Page(mistune.HTMLRenderer):
    """HTML with MathML, and with pictures inside; `complaints` says what could not be shown."""

    def __init__(self, folder: Path, out: Path):
        super().__init__(escape=True)
        self.folder, self.out = folder, out
        self.complaints: list[str] = []
        self.not_drawn: list[str] = []  # figures of the demo

    def image(self, text: str, url: str, title: str | None = None) -> str:
        name = unquote(url)
        path = self.out / name.removeprefix(OUT) if name.startswith(OUT) else self.folder / name
        if path.suffix.lower() not in PICTURES or not path.is_file():
            own = name.startswith(OUT)
            self.not_drawn.append(path.name) if own else self.complaints.append(f"the picture {url} is not there")
            return f"<em>{escape(path.name)} is not there yet.</em>"
        data = base64.b64encode(path.read_bytes()).decode()
        return f'<img alt="{escape(text)}" src="data:{PICTURES[path.suffix.lower()]};base64,{data}">'

    def inline_math(self, text: str) -> str:
        return self._formula(text, "inline")

    def block_math(self, text: str) -> str:
        return self._formula(text, "block")

    def _formula(self, text: str, display: str) -> str:
        try:
            return converter.convert(text, display=display)
        except Exception as error:  # of many kinds; the formula is the student's
            self.complaints.append(f"the formula ${text.strip()}$ cannot be read ({type(error).__name__})")
            return f"<code>{escape(text)}</code>"


def report(text: str, folder: Path, results: Results) -> tuple[str, list[str]]:
    """The page of a report in Markdown, whose pictures are relative to `folder`; and what is wrong with it."""
    page = Page(folder, results.folder)
    body = mistune.create_markdown(renderer=page, plugins=["math", "table", "strikethrough"])(text)
    body = PLACE.sub(lambda place: _question(place[1], results) if place[1] else _predictions(results), body)
    top = (
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>HW1: report</title><style>{STYLE.read_text(encoding='utf-8')}{EXTRA}</style></head><body><main>",
    )
    complaints = [*page.complaints, *figures_missing(page.not_drawn), *[NO_HANDOUT] * (not HANDOUT.is_file())]
    return "\n".join([*top, body, "</main></body></html>\n"]), complaints


def figures_missing(names: list[str]) -> Iterator[str]:
    """What to do about figures of the demo that are not there yet, in one sentence; nothing if all are."""
    if names:
        yield f"not drawn yet: {', '.join(names)}; `make demo` draws all (`python -m scripts.figures --quick` coarsely)"


def _question(question: str, results: Results) -> str:
    """What is asked, part by part, and below each part your own numbers."""
    parts = parts_of(question)
    items = "".join(
        f'<li value="{ord(part) - ord("a") + 1}">{text}{_numbers(question, part, results)}</li>'
        for part, text in parts.items()
    )
    about = INTERVALS + " These are from a coarse run." * results.coarse()
    return f'<div class="own"><ol>{items}</ol><p>Bullets: your own numbers. {about}</p></div>'


def parts_of(question: str) -> dict[str, str]:
    """The text of each part, as HTML from the handout's page; without that page, nothing but the parts."""
    page = HANDOUT.read_text(encoding="utf-8") if HANDOUT.is_file() else ""
    box = re.search(rf'<section [^>]*id="q-{re.escape(question)}".*?</section>', page, re.DOTALL)
    texts = re.findall(r"<li>(.*?)</li>", re.sub(r"</?a\b.*?>", "", box[0]), re.DOTALL) if box else []
    return dict(zip("abcdefgh", texts, strict=False)) or dict.fromkeys(sorted({n.part for n in NUMBERS[question]}), "")


def _numbers(question: str, part: str, results: Results) -> str:
    items = "".join(f"<li>{escape(sentence)}</li>" for sentence in results.sentences(question, part))
    return f"<ul>{items}</ul>" if items else ""


def _predictions(results: Results) -> str:
    if not results.predictions:
        return '<div class="own"><p>No predictions are stored; the notebooks ask for them.</p></div>'
    rows = "".join(
        f'<tr><th scope="row">{escape(asked(name, each))}</th>'
        f"<td>{escape(in_words(each['prediction']))}</td><td>{escape(came_out(each))}</td></tr>"
        for name, each in results.predictions.items()
    )
    heads = "".join(f'<th scope="col">{head}</th>' for head in ("question", "your prediction", "outcome"))
    return f'<div class="own"><table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>'
