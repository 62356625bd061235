"""The simulation of a cluster, where the answer is known."""

import json

import numpy as np
import pytest

from scripts.staff import how_long
from scripts.staff.how_long import Options, simulated


@pytest.mark.parametrize(
    ("seconds", "options", "expected"),
    [
        ([2.0], Options(submissions=10, workers=1, overhead=1e-9, start=5.0), 25.0),
        ([2.0], Options(submissions=10, workers=5, overhead=1e-9, start=5.0), 9.0),
        ([2.0], Options(submissions=11, workers=5, overhead=1e-9, start=5.0), 11.0),
        ([0.1], Options(submissions=1000, workers=64, overhead=1.0, start=1.0), 1000.1),  # the batch is the limit
    ],
)
def test_the_time_of_equal_submissions_is_known(seconds, options, expected):
    found = simulated(np.array(seconds), options, np.random.default_rng(0))
    assert found == pytest.approx(expected, abs=0.2)


def test_it_uses_what_was_measured_and_ignores_what_is_damaged(tmp_path, capsys):
    for name, text in {"a": json.dumps({"execution_time": 6.0}), "b": "{", "c": "[]"}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "results.json").write_text(text)
    assert how_long.main([str(tmp_path), "--submissions", "1000", "--workers", "10", "--start", "0.001"]) == 0
    said = capsys.readouterr().out
    assert "1 measured submissions: 6.00 s each" in said
    assert "1,000 submissions on 10 workers: 10.0 minutes [10.0, 10.0], 10.0 times as fast as one worker" in said
