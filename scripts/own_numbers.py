"""The numbers of your own run that each written question is about, from out/claims.json and out/predictions.json."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from hw1 import exercises
from hw1.exercises import ROOT
from scripts.command import UserError, read_json
from scripts.predictions import came_out, in_words


@dataclass(frozen=True)
class Number:
    """A number that the demo measures."""

    part: str
    """The part of the question that it belongs to, such as "a"."""
    experiment: str
    """Which measures it: `python -m scripts.figures --only EXPERIMENT`."""
    claim: str
    """Its row in claims.json."""
    says: str
    """What it says; {} stands for the number."""
    extra: str = ""
    """The exercise, worth extra credit, without which it is not measured."""


_FORK = "An average of modes is no mode: success of "
_OUTSIDE = "p_expert(s) is not p_pi(s): share of the clone's states outside the expert's 99 % region, "
_COLLECTED = "how demonstrations are collected matters: "
NUMBERS = {
    "5.1": (
        Number("a", "fork", f"{_FORK}l2", "l2 passes all four trees in {} of the drives."),
        Number(
            "a",
            "fork",
            "Network size is not distribution size: what l2 gains from 16x the parameters",
            "16 times the parameters change that by {}.",
        ),
    ),
    "5.2": (
        Number(
            "a",
            "tightrope",
            "Theory: simulated Tightrope (permanent slips) against its closed form, worst of 8 horizons",
            "With permanent slips, the simulation and your 3.3 differ by at most {}.",
        ),
        Number(
            "b",
            "lane",
            f"{_OUTSIDE}quarter 2 minus quarter 1",
            "From the first quarter of a drive to the second, the share of the clone's states outside the region where "
            "the expert is 99 % of the time grows by {}.",
        ),
        Number("b", "lane", f"{_OUTSIDE}quarter 4 minus quarter 3", "From the third to the last, it grows by {}."),
        Number(
            "c",
            "lane",
            "errors compound: exponent of the clone's disagreement",
            "The clone's disagreements grow with the exponent {}.",
        ),
        Number(
            "c",
            "lane",
            "errors do not compound: DAgger's exponent",
            "DAgger's disagreements grow with the exponent {}.",
        ),
        Number(
            "c",
            "lane",
            "more demonstrations are not the answer: cost against DAgger's at equal labels",
            "With as many labels, a clone is off the lane {} times as often as DAgger . (One step is "
            "added to DAgger's in all drives together, because it may have none; the question is about disagreements.)",
        ),
    ),
    "5.3": (
        Number(
            "b",
            "lane",
            "a machine can gate: ROC area for off the lane within 20 steps",
            "The area under the ROC curve of the doubt is {}.",
            extra="E.4",
        ),
        Number(
            "b",
            "lane",
            "a machine can gate: warning before the car leaves the lane, at 5 % false alarms",
            "At 5 % false alarms (read the share that is detected there from lane_roc.png), the doubt's alarm has been "
            "ringing for {} when a car leaves the lane.",
            extra="E.4",
        ),
        Number(
            "c",
            "lane",
            "a person can gate: share of DAgger's labels, demonstrations included",
            "HG-DAgger needs {} of DAgger's labels, demonstrations included.",
        ),
        Number(
            "c",
            "lane",
            "a machine can gate: share of DAgger's labels, demonstrations included",
            "The uncertainty gate needs {} of DAgger's labels, demonstrations included.",
            extra="E.4",
        ),
    ),
    "5.4": (
        Number(
            "a",
            "fork",
            "Dimensions must be joint: success of independent categoricals",
            "On Fork, independent categoricals pass all four trees in {} of the drives.",
        ),
        Number("a", "fork", f"{_FORK}autoregressive", "An autoregressive head passes them in {}.", extra="E.1"),
        Number("a", "fork", f"{_FORK}diffusion", "A diffusion head passes them in {}.", extra="E.2"),
        Number(
            "c",
            "lane",
            f"{_COLLECTED}the clone's cost at 300 ms of latency against none",
            "With 300 ms of latency, the clone costs {} times as much as without.",
        ),
        Number(
            "c",
            "lane",
            f"{_COLLECTED}the demonstrator copes with 300 ms of latency, share of the time off the lane",
            "The demonstrator, with the same latency, is off the lane for {} of the time.",
        ),
    ),
}
INTERVALS = "Brackets: 95 % interval over the seeds."


def not_done() -> list[str]:
    """The exercises whose stub is still there."""
    sources = ((ROOT / file).read_bytes().decode(errors="replace") for file in exercises.files())
    return [id for source in sources for id in exercises.STUB.findall(source)]


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

    def sentences(self, question: str, part: str) -> list[str]:
        """What your run says about a part of a question; a number that it has not measured is named."""
        return [self._sentence(number) for number in NUMBERS[question] if number.part == part]

    def _sentence(self, number: Number) -> str:
        if number.claim in self.rows:
            return number.says.format(self.rows[number.claim]["shown"])
        needs = f"; only with {number.extra}" if number.extra in not_done() else ""
        return number.says.format(f"(not measured yet{needs})")

    def complaints(self) -> list[str]:
        """What is missing, and what should not be handed in."""
        found = []
        if self.coarse():
            found.append("some numbers are those of a coarse run; hand in those of the full run: make demo")
        missing, left = self._missing(), [id for id in not_done() if not exercises.load()[id].extra]
        if missing and left:
            found.append(f"not done yet: {', '.join(left)}; python -m scripts.check shows what is open, and why")
        for experiment, questions in missing.items():
            command = f"{'once they are done, run ' * bool(left)}python -m scripts.figures --only {experiment}"
            found.append(f"{', '.join(questions)}: not all numbers are measured; {command}")
        return found

    def coarse(self) -> bool:
        return any(row["quick"] for row in self.rows.values())

    def _missing(self) -> dict[str, list[str]]:
        """By experiment, the questions that miss one of its numbers."""
        missing: dict[str, list[str]] = {}
        optional = set(not_done())
        for question, numbers in NUMBERS.items():
            wanted = [n for n in numbers if n.claim not in self.rows and n.extra not in optional]
            for experiment in dict.fromkeys(n.experiment for n in wanted):
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


def asked(name: str, prediction: dict) -> str:
    """The question, as the notebook asks it."""
    return f"{name}: {prediction['question']}" if prediction.get("question") else name


def in_latex(results: Results) -> str:
    """A macro for each written question, \\hwnumbers{5.1}{...}, and one for the predictions."""
    lines = []
    for question in exercises.written():
        parts = sorted({number.part for number in NUMBERS[question]})
        items = [f"({part}) {each}" for part in parts for each in results.sentences(question, part)]
        items += ["These numbers are from a coarse run."] * results.coarse()
        lines.append(rf"\hwnumbers{{{question}}}{{{_items(items)}}}")
    told = [
        f"{asked(name, each)} Predicted {in_words(each['prediction'])}, found {came_out(each)}"
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
