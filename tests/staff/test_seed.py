"""The seed of the autograder for the platform: none that can be guessed is built into it."""

import pytest

from scripts.staff.autograder import BuildError, Options, keep_seed
from tests.staff.fake_grader import SEED


def test_a_given_seed_that_can_be_guessed_is_refused(tmp_path):
    out = tmp_path / "autograder.zip"
    assert keep_seed(Options(out, seed=SEED))[0] == SEED
    for seed in ("fall-2026", "ab" * 20):
        with pytest.raises(BuildError, match="the seed can be guessed"):
            keep_seed(Options(out, seed=seed))


@pytest.mark.parametrize("kept", [b"", b"fall-2026\n", b"\xff" * 40])
def test_a_kept_seed_that_can_be_guessed_is_refused_and_not_replaced(tmp_path, kept):
    file = tmp_path / "autograder.seed"
    file.write_bytes(kept)
    with pytest.raises(BuildError, match=r"autograder\.seed: the seed can be guessed"):
        keep_seed(Options(tmp_path / "autograder.zip"))
    assert file.read_bytes() == kept
