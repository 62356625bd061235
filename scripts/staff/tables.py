"""The generated tables in README.md and scripts/staff/README.md.

    python -m scripts.staff.tables           take new results, then write every table (make tables)
    python -m scripts.staff.tables --check   only print what is stale; then the exit status is 1

A measured number is never typed. Results come from out/claims.json (`make demo`) and out/bench.json (`make bench`); the
ones that are shown are kept in scripts/staff/measured.json. Results of a quick or incomplete run are not taken. Claims
that were measured on several sets of seeds are shown side by side; those of another set come from a folder in out/:

    python -m scripts.figures --first-seed 500 --out out/second

So do those of the optional experiment Hopper, which has tables of its own (`scripts.staff.hopper_tables`).

Each table is between markers with its name:

    <!-- BEGIN TABLE claims -->
    <!-- END TABLE -->
"""

import json
import re
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from datetime import date
from pathlib import Path

from hw1 import exercises
from hw1.exercises import ROOT
from scripts.command import UserError, ended, read_json, read_options, require_folder
from scripts.staff import hopper_tables
from scripts.staff.bench.rows import Row, markdown, quantity, yes
from tests.autograder.markdown import table
from tests.autograder.staff.markers import strip

MEASURED = Path(__file__).with_name("measured.json")
RESTORE = "restore it with git checkout, or from a backup"
READMES = (ROOT / "README.md", Path(__file__).with_name("README.md"))
BLOCK = re.compile(r"(?P<begin>^<!-- BEGIN TABLE (?P<name>\S+) -->\n).*?(?P<end>^<!-- END TABLE -->$)", re.M | re.S)
MENTION = re.compile(r"^<!-- (BEGIN|END) TABLE", re.M)
SHOWN = ("claim", "target", "shown", "holds")  # the parts of a claim that the table shows


@dataclass(frozen=True)
class Options:
    """Where the results are, and whether to write anything."""

    out: Path = Path("out")
    """Folder of the results: claims.json, bench.json, and claims.json of other seeds in its folders; any may miss."""
    check: bool = False
    """Only print what is stale."""


@dataclass
class Measured:
    """The results that are shown."""

    claims: list[dict]
    """For each set of seeds: `date`, `seeds` (the first and the last), and `rows` as in claims.json. All sets measured
    the same claims."""
    bench: dict[str, dict]
    """By measurement: its `date`, the `cores` of the machine, and `rows` as in bench.json."""
    hopper: dict = field(default_factory=dict)
    """The optional experiment: `date`, `seeds`, `claims` with rows as in claims.json, and the numbers of its figures,
    `returns` and `tried`; empty if it was never measured."""
    note: str = ""
    """Remarks on where the results come from."""
    changed: list[str] = field(default_factory=list)
    """Results that are newer than the kept ones."""
    refused: list[str] = field(default_factory=list)
    """Results that were not taken, and why."""


def main(options: Options) -> int:
    return ended(lambda: run(options), {ValueError: 2})


def run(options: Options) -> int:
    """Write the tables, or check them. Returns 1 if that check finds something stale."""
    require_folder("--out", options.out)
    measured = load()
    take(measured, options.out)
    texts = {path: path.read_text(encoding="utf-8") for path in READMES}
    made = {path: filled(text, measured, path.relative_to(ROOT)) for path, text in texts.items()}
    stale = [path for path in READMES if made[path] != texts[path]]
    for line in measured.refused:
        print(f"not taken: {line}")
    for line in measured.changed:
        print(f"new: {line}")
    for path in stale:
        print(f"{'stale' if options.check else 'written'}: {path.relative_to(ROOT)}")
    if options.check:
        return int(bool(stale or measured.changed))
    save(measured)
    for path in stale:
        path.write_text(made[path], encoding="utf-8")
    return 0


# --- results ---------------------------------------------------------------------------------------------------------
def load() -> Measured:
    """The kept results."""
    with understood(MEASURED, RESTORE):
        return Measured(**read_json(MEASURED, RESTORE))


def save(measured: Measured) -> None:
    kept = {name: getattr(measured, name) for name in ("note", "claims", "hopper", "bench")}
    MEASURED.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def take(measured: Measured, out: Path) -> None:
    """Replace kept results by those in the folder `out` that are full, complete and different."""
    if not out.exists():
        print(f"note: {out} does not exist, so there are no new results")
    # The oldest first, so that the newest decides which claims there are.
    found = [*out.glob("claims.json"), *out.glob("*/claims.json")]
    for path in sorted(found, key=lambda path: path.stat().st_mtime):
        with understood(path, "make it again: make demo"):
            rows = read_json(path, "make it again: make demo")
            day = date.fromtimestamp(path.stat().st_mtime)
            if hopper := [row for row in rows if hopper_tables.is_hopper(row)]:
                take_hopper(measured, hopper, path.parent, day)
            if len(hopper) < len(rows) or not rows:
                take_claims(measured, [row for row in rows if row not in hopper], day)
    if (path := out / "bench.json").exists():
        with understood(path, "make it again: make bench"):
            take_bench(measured, read_json(path, "make it again: make bench"))


@contextmanager
def understood(path: Path, remedy: str) -> Iterator[None]:
    """UserError, with the remedy, for what is in a file if the block cannot use it."""
    try:
        yield
    except (AttributeError, IndexError, KeyError, TypeError) as error:
        raise UserError(f"{path} does not hold what it should ({type(error).__name__}: {error}); {remedy}") from error


def take_claims(measured: Measured, rows: list[dict], day: date) -> None:
    """The claims of a run of the demo on that day, beside those of other seeds.

    Where the kept ones are not the same claims, they are of an older version of the homework, and go.
    """
    new = {"date": day.isoformat(), "seeds": rows[0]["seeds"] if rows else [], "rows": rows}
    kept = measured.claims
    if any(row["quick"] for row in rows) or (rows and number(new) < max(map(number, kept), default=0)):
        measured.refused.append("the claims of a quick run, or of one with fewer seeds than before")
    elif kept and too_few("claims", rows, kept[0]["rows"], measured):
        return
    elif not any(each["seeds"] == new["seeds"] and shown(each) == shown(new) for each in kept):
        new["rows"] = [{key: row[key] for key in SHOWN} for row in rows]
        others = [each for each in kept if each["seeds"] != new["seeds"] and comparable(each, new)]
        measured.claims = sorted([*others, new], key=lambda each: each["seeds"])
        measured.changed.append(f"claims on seeds {on(new)}")


def take_hopper(measured: Measured, rows: list[dict], folder: Path, day: date) -> None:
    """Hopper's claims in a folder of results, with the numbers of its figures."""
    shown = [{key: row[key] for key in SHOWN} for row in rows]
    new = {"date": day.isoformat(), "seeds": rows[0]["seeds"], "claims": shown} | hopper_tables.numbers_in(folder)
    kept = measured.hopper
    if any(row["quick"] for row in rows) or (kept and number(new) < number(kept)):
        measured.refused.append("Hopper in a quick run, or in one with fewer seeds than before")
    elif missing := [file for name, file in hopper_tables.FILES.items() if name not in new]:
        measured.refused.append(f"Hopper without {' and '.join(missing)}: an incomplete run")
    elif new | {"date": kept.get("date")} != kept:
        measured.hopper = new
        measured.changed.append(f"Hopper on seeds {on(new)}")


def number(claims: dict) -> int:
    """How many seeds."""
    first, last = claims["seeds"]
    return last - first + 1


def on(claims: dict) -> str:
    """ "300 to 319"."""
    return span(claims["seeds"])


def comparable(a: dict, b: dict) -> bool:
    """Whether two sets are the same claims, measured on as many seeds."""
    what = [[(row["claim"], row["target"]) for row in each["rows"]] for each in (a, b)]
    return what[0] == what[1] and number(a) == number(b)


def shown(claims: dict) -> list[list]:
    """What the table shows: the minutes that a job took are different in every run."""
    return [[row[key] for key in SHOWN] for row in claims["rows"]]


def take_bench(measured: Measured, rows: list[dict]) -> None:
    """The rows of a run of the benchmark, measurement by measurement."""
    keys = {each.name for each in fields(Row)} - {"measurement", "date", "cores"}
    for name in dict.fromkeys(row["measurement"] for row in rows):
        own = [row for row in rows if row["measurement"] == name]
        if any(row["ours"] is None for row in own):
            measured.refused.append(f"the measurement {name}: {own[-1]['note']}")
            continue
        new = [{key: row[key] for key in row if key in keys} for row in own]
        old = measured.bench.get(name, {"rows": []})["rows"]
        if not too_few(f"rows of the measurement {name}", new, old, measured) and new != old:
            measured.bench[name] = {"date": own[-1]["date"], "cores": own[-1]["cores"], "rows": new}
            measured.changed.append(f"bench {name}")


def too_few(what: str, new: list, old: list, measured: Measured) -> bool:
    """Whether a run is incomplete, because fewer rows came out than before."""
    if len(new) < len(old):
        measured.refused.append(
            f"{len(new)} {what}, because {len(old)} are kept: an incomplete run. If some no longer exist, delete "
            f"their rows from {MEASURED.relative_to(ROOT)}"
        )
    return len(new) < len(old)


# --- tables ----------------------------------------------------------------------------------------------------------
def filled(text: str, measured: Measured, name: Path) -> str:
    """A README with its tables made anew. Raises ValueError if a marker has no partner or names no table."""

    def make(block: re.Match) -> str:
        if block["name"] not in TABLES:
            raise ValueError(f"{name}: there is no table {block['name']}; the tables are {', '.join(TABLES)}")
        return f"{block['begin']}{TABLES[block['name']](measured)}\n{block['end']}"

    if len(MENTION.findall(text)) != 2 * len(BLOCK.findall(text)):
        raise ValueError(f"{name}: a BEGIN TABLE or END TABLE has no partner")
    return BLOCK.sub(make, text)


def exercise_table(measured: Measured) -> str:
    """The first exercise side by side, as course staff and as students see it."""
    first = next(iter(exercises.load().values()))
    text = (ROOT / first.file).read_text(encoding="utf-8")
    cells = [f"<td>\n\n```python\n{excerpt(each, first.id)}\n```\n\n</td>" for each in (text, strip(text))]
    heads = f"<th>{first.file}, as course staff see it</th><th>as students see it</th>"
    return f"<table>\n<tr>{heads}</tr>\n<tr>{''.join(cells)}</tr>\n</table>"


def excerpt(source: str, id: str) -> str:
    """The lines from the comment TODO of an exercise to the end of its function."""
    found = re.search(rf"^ *# TODO {re.escape(id)}:.*?(?=\n\n|\Z)", source, re.MULTILINE | re.DOTALL)
    if found is None:
        raise ValueError(f"no comment begins with 'TODO {id}:'; the README shows the lines from there")
    return textwrap.dedent(found[0]).rstrip()


def times_table(measured: Measured) -> str:
    """How long the demo takes, for students."""
    demo = measured.bench["demo"]
    rows = [(row["what"], quantity(row["ours"], row["unit"])) for row in demo["rows"]]
    return table([("command", f"on {demo['cores']} cores"), *rows], aligned=False)


def claims_table(measured: Measured) -> str:
    """The claims, a column for each set of seeds."""
    sets = measured.claims
    seeds = " and ".join(f"{number(each)} seeds, {on(each)} ({each['date']})" for each in sets)
    rows = [["claim", "target", *(f"seeds {on(each)}" for each in sets), "holds"]]
    for same in zip(*(each["rows"] for each in sets), strict=True):
        shown = [row["shown"] for row in same]
        rows.append([same[0]["claim"], same[0]["target"], *shown, holds(sets, same)])
    return (
        f"Measured by `make demo` on {seeds}. Brackets: 95 % bootstrap interval over the seeds; a claim holds if the "
        "whole interval keeps the target. A number without brackets was measured on all seeds together.\n\n"
        f"{table(rows, aligned=False)}"
    )


def holds(sets: list[dict], same: Sequence[dict]) -> str:
    """Whether a claim holds on every set; if only on some, where it does not."""
    fails = [on(each) for each, row in zip(sets, same, strict=True) if not row["holds"]]
    partly = f", not on {' and '.join(fails)}" if 0 < len(fails) < len(sets) else ""
    return yes(not fails) + partly


def hopper_table(make: Callable[[dict, str], str]) -> Callable[[Measured], str]:
    """One of the tables of Hopper."""

    def made(measured: Measured) -> str:
        if not (hopper := measured.hopper):
            return f"Not measured yet: `{hopper_tables.COMMAND}`, then `make tables`."
        return make(hopper, f"{number(hopper)} seeds, {on(hopper)} ({hopper['date']})")

    return made


def bench_table(*names: str) -> Callable[[Measured], str]:
    """A table of these measurements of the benchmark, as far as they have been made."""

    def make(measured: Measured) -> str:
        made = {name: measured.bench[name] for name in names if name in measured.bench}
        days = span(each["date"] for each in made.values())
        cores = span(each["cores"] for each in made.values())
        rows = [Row(**row) for each in made.values() for row in each["rows"]]
        return (
            f"Measured by `python -m scripts.staff.bench --only {' '.join(made)}`, {days}, on {cores} cores.\n\n"
            f"{markdown(rows)}"
        )

    return make


def span(values: Iterable) -> str:
    """ "2" for equal values, otherwise "2 to 4"."""
    values = sorted(values)
    return f"{values[0]}" if values[0] == values[-1] else f"{values[0]} to {values[-1]}"


TABLES: dict[str, Callable[[Measured], str]] = {
    "exercise": exercise_table,
    "times": times_table,
    "claims": claims_table,
    "hopper": hopper_table(hopper_tables.returns_table),
    "tried": hopper_table(hopper_tables.tried_table),
    "speed": bench_table("envs", "seeds", "bc", "mixture", "dagger"),
    "grading": bench_table("grade", "isolation", "batch", "class", "cluster"),
    "driving": bench_table("drive"),
    "commands": bench_table("demo", "test"),
}

if __name__ == "__main__":
    sys.exit(main(read_options(Options, sys.argv[1:], "scripts.staff.tables", __doc__)))
