"""Pages that need no network and no script, and follow WCAG 2.1 AA: on a phone, in the dark, with a screen reader."""

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

STYLE = Path(__file__).with_suffix(".css")


def document(title: str, header: str, contents: Sequence[tuple[str, str]], body: Iterable[str], style: str = "") -> str:
    """A whole page.

    Args:
        header: HTML below the title.
        contents: the ids of sections, and their titles.
        body: HTML of the sections.
        style: rules in addition to `STYLE`.
    """
    links = "".join(f'<li><a href="#{escape(id)}">{escape(name)}</a></li>' for id, name in contents)
    return "\n".join([
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="color-scheme" content="light dark">',
        f"<title>{escape(title)}</title><style>{STYLE.read_text(encoding='utf-8')}{style}</style></head><body>",
        f"<header><h1>{escape(title)}</h1>{header}</header>",
        f'<nav aria-label="Contents"><ul>{links}</ul></nav><main>',
        *body,
        "</main></body></html>\n",
    ])  # fmt: skip


def table(caption: str, heads: Sequence[str], body: str) -> str:
    """`body`: its rows."""
    top = "".join(f'<th scope="col">{escape(head)}</th>' for head in heads)
    return f"<table><caption>{escape(caption)}</caption><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def row(first: str, numbers: Iterable[str]) -> str:
    """A row of a table whose first cell names it; any text."""
    cells = "".join(f'<td class="number">{escape(number)}</td>' for number in numbers)
    return f'<tr><th scope="row">{escape(first)}</th>{cells}</tr>'


def scrolling(table: str, label: str) -> str:
    """A table that is wider than a phone can be scrolled, also with the keyboard."""
    return f'<div class="scrolling" role="region" aria-label="{escape(label)}" tabindex="0">{table}</div>'
