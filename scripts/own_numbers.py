"""The numbers of your own run that each written question is about, from out/claims.json and out/predictions.json."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from hw1 import exercises
from scripts.command import UserError, read_json
from scripts.predictions import in_words


@dataclass(frozen=True)
class Number:
    """A number that the demo measures."""

    experiment: str
    """Which measures it: `python -m scripts.figures --only EXPERIMENT`."""
    claim: str
    """Its row in claims.json."""
    says: str
    """What it says; {} stands for the number."""


_FORK = "An average of modes is no mode: success of "
NUMBERS = {
    "5.1": (
        Number("fork", f"{_FORK}l2", "l2 passes all four trees in {} of the drives."),
        Number(
            "fork",
            "Network size is not distribution size: what l2 gains from 16x the parameters",
            "16 times the parameters change that by {}.",
        ),
        Number("fork", f"{_FORK}a Gaussian", "A Gaussian passes all four trees in {} of the drives."),
        Number("fork", f"{_FORK}mixture", "A mixture passes them in {}."),
    ),
    "5.2": (
        Number(
            "lane",
            "errors compound: exponent of the clone's disagreement",
            "The clone's disagreements grow with the exponent {}.",
        ),
        Number(
            "lane", "errors do not compound: DAgger's exponent", "DAgger's disagreements grow with the exponent {}."
        ),
        Number(
            "lane",
            "more demonstrations are not the answer: cost against DAgger's at equal labels",
            "With as many labels, a clone is off the lane {} times as often as DAgger (whose steps off the lane "
            "count as at least 1 in all drives).",
        ),
        Number(
            "tightrope",
            "Theory: simulated Tightrope (permanent slips) against its closed form, worst of 8 horizons",
            "With permanent slips, the simulation and your 3.3 differ by at most {}.",
        ),
    ),
    "5.3": (
        Number(
            "lane",
            "a person can gate: share of DAgger's labels, demonstrations included",
            "HG-DAgger needs {} of DAgger's labels.",
        ),
        Number(
            "lane",
            "a machine can gate: share of DAgger's labels, demonstrations included",
            "The uncertainty gate needs {} of DAgger's labels.",
        ),
        Number(
            "lane",
            "a machine can gate: ROC area for off the lane within 20 steps",
            "The area under the ROC curve of the doubt is {}.",
        ),
        Number(
            "lane",
            "a machine can gate: warning before the car leaves the lane, at 5 % false alarms",
            "At 5 % false alarms, the doubt warns {} before the car leaves the lane.",
        ),
    ),
    "5.4": (
        Number("fork", f"{_FORK}diffusion", "A diffusion head passes all four trees in {} of the drives."),
        Number("fork", f"{_FORK}autoregressive", "An autoregressive head passes them in {}."),
        Number(
            "lane",
            "how demonstrations are collected matters: the clone's cost at 300 ms of latency against none",
            "With 300 ms of latency, the clone costs {} times as much as without.",
        ),
        Number(
            "lane",
            "how demonstrations are collected matters: the demonstrator copes with 300 ms of latency, share of the "
            "time off the lane",
            "The demonstrator, with the same latency, is off the lane for {} of the time.",
        ),
    ),
}
INTERVALS = "Brackets: 95 % interval over the seeds."


@dataclass(frozen=True)
class Results:
    """What the demo and the notebooks have left in a folder."""

    folder: Path
    rows: dict[str, dict] = field(default_factory=dict)
    """The rows of claims.json, by claim."""
    predictions: dict[str, dict] = field(default_factory=dict)
    """By "notebook/question", your prediction and the outcome."""

    @classmethod
    def of(cls, folder: Path) -> "Results":
        """Raises UserError if a file is damaged; one that is missing is empty."""
        claims = folder / "claims.json"
        rows = _read(claims, [], "make it again: make demo")
        if not all(isinstance(row, dict) and {"claim", "shown", "quick"} <= set(row) for row in rows):
            raise UserError(f"{claims} does not hold the claims of the demo; make it again: make demo")
        predictions = folder / "predictions.json"
        remedy = "delete it, and predict again in the notebooks"
        found = _read(predictions, {}, remedy)
        if not all(isinstance(each, dict) and {"prediction", "outcome"} <= set(each) for each in found.values()):
            raise UserError(f"{predictions} does not hold predictions of the notebooks; {remedy}")
        return cls(folder, {str(row["claim"]): row for row in rows}, found)

    def sentences(self, question: str) -> list[str]:
        """What your run says about a written question; a number that it has not measured is named."""
        return [self._sentence(number) for number in NUMBERS[question]]

    def _sentence(self, number: Number) -> str:
        if number.claim in self.rows:
            return number.says.format(self.rows[number.claim]["shown"])
        return number.says.format("(not measured yet)")

    def complaints(self) -> list[str]:
        """What is missing, and what should not be handed in."""
        found = []
        if self.coarse():
            found.append("some numbers are those of a coarse run; hand in those of the full run: make demo")
        for experiment, questions in self._missing().items():
            command = f"python -m scripts.figures --only {experiment}"
            found.append(f"{', '.join(questions)}: not all numbers are measured; finish the exercises, then {command}")
        return found

    def coarse(self) -> bool:
        return any(row["quick"] for row in self.rows.values())

    def _missing(self) -> dict[str, list[str]]:
        """By experiment, the questions that miss one of its numbers."""
        missing: dict[str, list[str]] = {}
        for question, numbers in NUMBERS.items():
            for experiment in dict.fromkeys(n.experiment for n in numbers if n.claim not in self.rows):
                missing.setdefault(experiment, []).append(question)
        return missing


def _read(path: Path, empty: list | dict, remedy: str) -> list | dict:
    """The contents of a JSON file of the kind of `empty`; `empty` if there is no file."""
    if not path.exists():
        return empty
    found = read_json(path, remedy)
    if type(found) is not type(empty):
        raise UserError(f"{path} is not what our commands write; {remedy}")
    return found


# --- LaTeX ------------------------------------------------------------------------------------------------------------
SPECIAL = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}"}
SPECIAL |= {">": r"\textgreater{}", "|": r"\textbar{}", '"': r"\textquotedbl{}"} | {c: f"\\{c}" for c in "_&%#${}"}


def outcome(prediction: dict) -> str:
    """What came out; a notebook that was not run to the end does not know it."""
    return "nothing yet" if prediction["outcome"] is None else in_words(prediction["outcome"])


def asked(name: str, prediction: dict) -> str:
    """The question, as the notebook asks it."""
    return f"{name}: {prediction['question']}" if prediction.get("question") else name


def in_latex(results: Results) -> str:
    """A macro for each written question, \\hwnumbers{5.1}{...}, and one for the predictions."""
    lines = []
    for question in exercises.written():
        items = [*results.sentences(question), *(["These numbers are from a coarse run."] if results.coarse() else [])]
        lines.append(rf"\hwnumbers{{{question}}}{{{_items(items)}}}")
    told = [
        f"{asked(name, each)} Predicted {in_words(each['prediction'])}, found {outcome(each)}"
        for name, each in results.predictions.items()
    ]
    lines.append(rf"\hwnumbers{{predictions}}{{{_items(told)}}}")
    return "\n".join(lines) + "\n"


def _items(texts: list[str]) -> str:
    return " ".join(rf"\item {escaped(text)}" for text in texts)


def escaped(text: str) -> str:
    """Any text for LaTeX; signs that it may not know become question marks."""
    plain = " ".join(text.split()).encode("latin-1", "replace").decode("latin-1")
    return "".join(SPECIAL.get(sign, sign) for sign in re.sub(r"[\x00-\x1f\x7f-\x9f]", "", plain))
