"""Your report as one page, with your own figures and numbers: `python -m scripts.report`, after `make demo`.

    out/report.html    writeup/report.md with your figures and numbers; print it as a PDF in a browser
    out/numbers.tex    the same numbers for writeup/report.tex, if you write in LaTeX

Your answers stand in writeup/report.md: Markdown, with formulas between dollar signs. The command only reads that file,
so run it as often as you like.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

if __name__ == "__main__":
    if not __spec__:
        raise SystemExit("error: run it as a module, from the folder of the homework: python -m scripts.report")
    from scripts.doctor import explain_imports

    explain_imports()  # of what may be missing or broken

from hw1 import exercises
from hw1.exercises import ROOT
from scripts.command import UserError, ended, read_options, require_file
from scripts.own_numbers import Results, in_latex

MADE = "made by python -m scripts.report; do not edit"
MISSING = "{} is missing; install what the report needs with `python -m pip install -r requirements.txt`"


@dataclass(frozen=True)
class Options:
    """Where your answers and your results are."""

    answers: Path = ROOT / "writeup/report.md"
    """Your answers, in Markdown."""
    out: Path = Path("out")
    """Folder of the demo's results; the report is written into it."""


def main(arguments: list[str]) -> int:
    options = read_options(Options, arguments, "scripts.report", __doc__)
    return ended(lambda: run(options))


def run(options: Options) -> None:
    page, numbers = options.out / "report.html", options.out / "numbers.tex"
    for path in (page, numbers):
        require_file("--out", path, ours=is_ours)
    results = Results.of(options.out)
    text = read_answers(options.answers)
    try:
        from scripts.report_page import report
    except ModuleNotFoundError as error:
        raise UserError(MISSING.format(error.name)) from None
    made, complaints = report(text, options.answers.parent, results)
    options.out.mkdir(parents=True, exist_ok=True)
    page.write_text(f"<!doctype html><!-- {MADE} -->\n{made}", encoding="utf-8")
    numbers.write_text(f"% {MADE}\n{in_latex(results)}", encoding="utf-8")
    for complaint in (*complaints, *results.complaints()):
        print(f"note: {complaint}")
    print(f"wrote {numbers} and {page}; open it in a browser, and print it as a PDF")


def is_ours(path: Path) -> bool:
    return MADE.encode() in path.read_bytes()[:200]


def read_answers(path: Path) -> str:
    """The text of the report. Raises UserError if there is none, or a question has lost its numbers."""
    if not path.is_file():
        raise UserError(f"--answers {path}: there is no such file; the template is writeup/report.md")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"--answers {path}: this is no text in UTF-8 ({error.reason}); save it as UTF-8") from None
    for id in exercises.written():
        if f"{{numbers {id}}}" not in text:
            raise UserError(f"--answers {path}: the line {{numbers {id}}} is missing; put it below the title of {id}")
    return text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
