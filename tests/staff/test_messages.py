"""What a student is told about exceptions: their own line, the given function that it called, and what to do."""

import re

import pytest

BREAKPOINT = r"breakpoint\(\) stops only with `python -m scripts.check 1.1 --debug`.*\(hw1/losses.py, line \d+\)"


@pytest.fixture(scope="module")
def told(student):
    """What `python -m scripts.check` prints about each exercise."""
    tree = student(
        {
            "1.1": "breakpoint()",
            "1.2": "return input()",
            "2.1": "return self.linear(features, 1)",
            "2.2": "return draw_normal(features.shape, None)",
            "3.1": "return rollouts(env, policy, horizon, seed)",
            "3.3": "return BetaGate(0.5, horizon)",
            "1.3": "return ((action - mean) ^ 2).sum(dim=-1).mean()",
            "E.3": "return mse_loss(self(features, action, t[:, None, None]), noise)",
        }
    )
    dagger = tree.folder / "hw1/dagger.py"
    text = dagger.read_text(encoding="utf-8")
    mark = "@dataclass(frozen=True)\nclass Round"
    dagger.write_text(text.replace(mark, f"<<<<<<< HEAD\n=======\n>>>>>>> upstream\n{mark}"), encoding="utf-8")
    done = tree.run("scripts.check")
    assert "Traceback" not in done.stderr
    rows = re.split(r"^(?=\w\.\w |conflict)", done.stdout, flags=re.MULTILINE)
    return {row[:3]: " ".join(row.split()) for row in rows}


@pytest.mark.parametrize(
    ("exercise", "says"),
    [
        ("1.1", BREAKPOINT),
        ("1.2", r"reads from the keyboard.*\(hw1/losses.py, line \d+\)"),
        ("2.1", r"TypeError: .*\(hw1/heads.py, line \d+\)"),
        ("2.2", r"\(hw1/heads.py, line \d+, in the call of draw_normal\(like, generator\) of hw1/sampling.py\)"),
        ("3.1", r"NameError: name 'rollouts' is not defined \(hw1/compounding.py, line \d+\)"),
        ("1.3", r"\(hw1/losses.py, line \d+\): `\^` is no power in Python; write `\*\*`"),
        ("E.3", r"line \d+, in the call of self\(features, x, t\) of FlowMatchingHead\): the shapes do not fit"),
        (
            "3.3",
            r"NameError: name 'BetaGate' is not defined \(.*\): is the line `from hw1.gates import BetaGate`",
        ),
        ("4.1", r"merge conflict: keep one version.*\(hw1/dagger.py, line \d+\)"),
        ("4.4", r"the same as in 4.1"),
        ("con", r"^conflict: hw1/dagger.py, line \d+: a pull left conflict markers\. Keep one version"),
    ],
)
def test_an_exception_is_told_with_the_line_and_what_to_do(told, exercise, says):
    assert re.search(says, told[exercise]), told[exercise]
