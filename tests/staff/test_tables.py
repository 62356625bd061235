"""The tables of the optional Hopper experiment; what all tables share is tested with the READMEs."""

import json
from pathlib import Path

import numpy as np
import pytest

from scripts.command import UserError
from scripts.experiments.base import Results
from scripts.experiments.hopper import compare, tried
from scripts.experiments.hopper.lab import SETTINGS
from scripts.staff import hopper_tables, tables
from scripts.staff.tables import Measured


def row(claim: str, seeds=(500, 519), quick=False, shown="33 [21, 45] %") -> dict:
    about = {"target": "at least 0.0 %", "shown": shown, "holds": True, "seeds": list(seeds), "quick": quick}
    return {"claim": claim} | about


HOPPER, LANE = "Hopper, a public task: a gain", "errors compound"


def run(folder: Path, *rows: dict, tried: str = "task,gain\nHopper-v5,33\n") -> Path:
    """The results of a run, in a folder."""
    (folder / "figures").mkdir(parents=True, exist_ok=True)
    (folder / "claims.json").write_text(json.dumps(rows))
    (folder / "figures/hopper_returns.csv").write_text('round,DAgger\n0,"900 [800, 1000]"\n')
    (folder / "figures/hopper_tried.csv").write_text(tried)
    return folder


@pytest.fixture
def kept() -> Measured:
    """Two claims of the demo; Hopper was never measured."""
    return Measured([{"date": "2026-11-01", "seeds": [500, 519], "rows": [row(LANE), row("another")]}], {})


def test_the_claims_of_hopper_are_known_by_their_first_words():
    returns = {"labels": np.ones((2, 6)), "return": np.ones((2, 6))}
    names = ("bc", "dagger", "expert")
    results = Results({f"{setting} {name}": returns for setting in SETTINGS for name in names})
    for claim in compare.claims(results):
        assert hopper_tables.is_hopper({"claim": claim.claim})
    assert not any(hopper_tables.is_hopper(each) for each in tables.load().claims[0]["rows"])
    drawings = {each.name for each in (*compare.DRAWINGS, *tried.DRAWINGS)}
    assert {Path(file).stem for file in hopper_tables.FILES.values()} == drawings


def test_hopper_alone_is_taken_and_is_no_incomplete_run_of_the_others(kept, tmp_path):
    before = list(kept.claims)
    run(tmp_path / "hopper", row(HOPPER))
    tables.take(kept, tmp_path)
    assert (kept.changed, kept.refused, kept.claims) == (["Hopper on seeds 500 to 519"], [], before)
    assert kept.hopper["claims"] == [{key: row(HOPPER)[key] for key in tables.SHOWN}]
    assert kept.hopper["returns"] == [["round", "DAgger"], ["0", "900 [800, 1000]"]]
    tables.take(kept, tmp_path)
    assert len(kept.changed) == 1, "the same again is not new"
    run(tmp_path / "hopper", row(HOPPER), tried="task,gain\nHopper-v5,34\n")
    tables.take(kept, tmp_path)
    assert len(kept.changed) == 2


def test_a_run_with_hopper_among_others_is_taken_in_two_parts(kept, tmp_path):
    run(tmp_path, row(LANE, shown="1"), row(HOPPER), row("another"))
    tables.take(kept, tmp_path)
    assert kept.changed == ["Hopper on seeds 500 to 519", "claims on seeds 500 to 519"]
    assert [each["claim"] for each in kept.claims[0]["rows"]] == [LANE, "another"]


@pytest.mark.parametrize(
    ("more", "why"),
    [({"quick": True}, "quick"), ({"seeds": (500, 502)}, "fewer seeds"), ({}, "without figures/hopper_tried.csv")],
)
def test_a_quick_or_incomplete_run_of_hopper_is_not_taken(kept, tmp_path, more, why):
    kept.hopper = {"date": "2026-11-01", "seeds": [500, 519], "claims": [], "returns": [], "tried": []}
    before = dict(kept.hopper)
    run(tmp_path, row(LANE), row("another"), row(HOPPER, **more))
    if not more:
        (tmp_path / "figures/hopper_tried.csv").unlink()
    tables.take(kept, tmp_path)
    assert kept.hopper == before
    assert why in " ".join(kept.refused)


@pytest.mark.parametrize("text", ["", "task,gain\n", "task,gain\nHopper-v5\n", 'task,"gain', "\udcff"])
def test_a_damaged_figure_is_named_with_the_remedy(kept, tmp_path, text):
    run(tmp_path, row(HOPPER))
    (tmp_path / "figures/hopper_tried.csv").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(
        UserError, match=r"hopper_tried\.csv .* make it again: python -m scripts\.figures --only hopper"
    ):
        tables.take(kept, tmp_path)


def test_both_tables_say_on_which_seeds_and_whether_the_claim_holds(kept, tmp_path):
    text = "<!-- BEGIN TABLE hopper -->\n<!-- END TABLE -->\n<!-- BEGIN TABLE tried -->\n<!-- END TABLE -->\n"
    assert tables.filled(text, kept, Path("README.md")).count("Not measured yet: `python -m scripts.figures") == 2
    run(tmp_path, row(HOPPER), row(f"{HOPPER} more") | {"holds": False})
    tables.take(kept, tmp_path)
    made = tables.filled(text, kept, Path("README.md"))
    assert made.count(f"20 seeds, 500 to 519 ({kept.hopper['date']})") == 3
    assert "\n\n| round | DAgger |\n|---|---|\n| 0 | 900 [800, 1000] |\n\n" in made
    assert f"| {HOPPER} | at least 0.0 % | 33 [21, 45] % | yes |" in made
    assert f"| {HOPPER} more | at least 0.0 % | 33 [21, 45] % | **no** |" in made
    assert "\n\n| task | gain |\n|---|---|\n| Hopper-v5 | 33 |\n<!-- END" in made


def test_hopper_is_kept(kept, tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "MEASURED", tmp_path / "measured.json")
    kept.hopper = {"date": "2026-11-01", "seeds": [500, 519]}
    tables.save(kept)
    assert tables.load().hopper == kept.hopper
