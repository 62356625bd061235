"""What a change costs: each kind of addition is made once in a copy of the repository, and its files are counted.

scripts/staff/README.md, "How to add", shows these numbers.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hw1 import exercises
from hw1.exercises import ROOT
from scripts import hints

PARTS = ("hw1", "scripts", "tests", "writeup")
FILES = ("pyproject.toml", "requirements.txt")


class Copy:
    """A copy of the repository, and which files have been edited there."""

    def __init__(self, folder: Path):
        self.folder, self.edited = folder, set()
        for part in PARTS:
            shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        for file in FILES:
            shutil.copy(ROOT / file, folder)

    def write(self, file: str, text: str) -> None:
        (self.folder / file).write_text(text, encoding="utf-8")
        self.edited.add(file)

    def insert(self, file: str, before: str, text: str) -> None:
        """Put `text` in front of the one place where `before` stands."""
        old = (self.folder / file).read_text(encoding="utf-8")
        assert old.count(before) == 1, f"{file}: {before!r} stands there {old.count(before)} times"
        self.write(file, old.replace(before, text + before))

    def append(self, file: str, text: str) -> None:
        self.write(file, (self.folder / file).read_text(encoding="utf-8") + text)

    def run(self, *arguments: str) -> str:
        """A Python command in the copy; what it printed."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "PYTEST"))}
        done = subprocess.run(
            [sys.executable, "-B", *arguments],
            cwd=self.folder,
            env=environment | {"PYTHONPATH": str(self.folder)},
            capture_output=True,
            text=True,
            timeout=1200,
        )
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:]
        return done.stdout

    def passes(self, *tests: str) -> int:
        """Run tests of the copy; how many passed."""
        said = self.run("-m", "pytest", "-q", "-p", "no:cacheprovider", *tests)
        return int(re.search(r"(\d+) passed", said)[1])


@pytest.fixture
def copy(tmp_path) -> Copy:
    return Copy(tmp_path / "copy")


def documented(what: str) -> int:
    """The number of files that the staff's README gives for an addition."""
    text = (ROOT / "scripts/staff/README.md").read_text(encoding="utf-8")
    return int(re.search(rf"^\| {what} \| (\d+) \|", text, re.MULTILINE)[1])


# --- a known mistake -------------------------------------------------------------------------------------------------
MISTAKE = """
[[bug]]
id = "mse-tripled"
exercise = "1.1"
says = "your loss is three times the squared error"
edit = [[".mean()", ".mean() * 3"]]
"""


# As make snapshot, but only for one exercise: all others would take minutes, and are not looked at.
ITS_SNAPSHOT = """
from scripts.staff import snapshot
from tests.autograder.probes import of
(snapshot.ROOT / snapshot.SNAPSHOT).write_bytes(snapshot.make(of("1.1")))
"""


def test_a_known_mistake_costs_one_file(copy):
    copy.append("tests/staff/bugs/losses.toml", MISTAKE)
    copy.run("-c", ITS_SNAPSHOT)
    assert copy.passes("tests/staff/test_bugs.py", "-k", "mse-tripled or no_two") >= 2
    assert len(copy.edited) == documented("a known mistake") == 1


# --- a given head ----------------------------------------------------------------------------------------------------
HEAD = '''

class LaplaceHead(Head):
    """A Laplace distribution in every dimension, with a fixed scale."""

    SCALE = 0.1

    def __init__(self, in_dim: int, action_dim: int):
        super().__init__()
        self.linear = nn.Linear(in_dim, action_dim)

    def loss(self, features, action, generator=None):
        return (self.linear(features) - action).abs().sum(dim=-1).mean() / self.SCALE

    def sample(self, features, generator=None):
        centre = self.linear(features)
        uniform = torch.rand(centre.shape, generator=generator) - 0.5
        return centre - self.SCALE * uniform.sign() * torch.log1p(-2 * uniform.abs())

    def mode(self, features):
        return self.linear(features)
'''
SEVEN = """
import numpy as np
from scripts.experiments import bimodal, fork
from scripts.experiments.base import Results
names = [job.name for job in bimodal.jobs(True)]
assert "bimodal laplace" in names and "fork laplace" in [job.name for job in fork.jobs(True)]
job = next(job for job in bimodal.jobs(True) if job.name == "bimodal laplace")
made = job.run((0, 1), **job.options | {"steps": 50})
assert made["density"].shape[0] == 2
figure = bimodal.draw(Results({name: made for name in names}))
drawn = [ax.get_title() for ax in figure.axes if ax.get_visible()]
assert len(drawn) == len(names) and any("laplace" in title for title in drawn), drawn
print("drawn")
"""


def test_a_given_head_costs_three_files(copy):
    copy.insert("hw1/given_heads.py", "from jaxtyping import", "import torch\n")
    copy.append("hw1/given_heads.py", HEAD)
    copy.insert(
        "hw1/policy.py", '    "flow": lambda', '    "laplace": lambda config, *dims: given_heads.LaplaceHead(*dims),\n'
    )
    recipe = '"laplace": Recipe(PolicyConfig("laplace"), **_FEW),\n    '
    copy.insert("hw1/tasks.py", '"diffusion": Recipe(PolicyConfig("diffusion", (32, 32)', recipe)
    recipe = '"laplace": Recipe(PolicyConfig("laplace", _SMALL, **_CHUNK), **_SHORT),\n        '
    copy.insert("hw1/tasks.py", '"independent": Recipe(', recipe)
    assert "drawn" in copy.run("-c", SEVEN)
    assert copy.passes("tests/staff/test_bc.py", "-k", "laplace") >= 3
    options = ("--steps", "20", "--demonstrations", "4", "--evaluations", "4", "--out", "out")
    assert "success" in copy.run("-m", "scripts.train", "--task", "fork", "--head", "laplace", *options)
    assert len(copy.edited) == documented("a given head") == 3


# --- an environment --------------------------------------------------------------------------------------------------
ENVIRONMENT = '''"""Puck: a puck on a line that wants to be at 0."""

import numpy as np
from gymnasium import spaces

from hw1.envs.base import BatchedEnv


class Puck(BatchedEnv):
    """Observation, state: `[1]` the place. Action: `[1]` the push in [-1, 1]. Cost: the distance from 0."""

    def __init__(self, num_envs: int = 1, **options):
        box = spaces.Box(-10.0, 10.0, (1,), np.float32)
        super().__init__(num_envs, box, spaces.Box(-1.0, 1.0, (1,), np.float32), **options)
        self.place = np.zeros(num_envs)

    def _reset_rows(self, rows):
        self.place[rows] = self.np_random.uniform(-2.0, 2.0, len(rows))

    def _advance(self, actions):
        self.place = np.clip(self.place + 0.2 * np.clip(actions[:, 0], -1.0, 1.0), -10.0, 10.0)
        return -np.abs(self.place)

    def _observe(self):
        return self.place[:, None].astype(np.float32)

    def _info(self):
        return {"state": self._observe()}

    def draw(self, figure, row=0):
        figure.add_axes((0, 0, 1, 1)).plot([self.place[row]], [0.0], "o")
'''
SINGLE = '''def single_puck(**options) -> SingleEnv:
    """One puck; the options are those of `Puck`."""
    return SingleEnv(Puck, **options)


'''
EXPERT = '''

def puck_expert(state: Float[np.ndarray, "... 1"]) -> Float32[np.ndarray, "... 1"]:
    """Pushes towards 0."""
    return np.clip(-np.asarray(state), -1.0, 1.0).astype(np.float32)
'''


def test_an_environment_costs_four_files(copy):
    copy.write("hw1/envs/puck.py", ENVIRONMENT)
    copy.insert("hw1/envs/__init__.py", "from hw1.envs.tightrope", "from hw1.envs.puck import Puck\n")
    copy.insert("hw1/envs/__init__.py", "def _register(", SINGLE)
    copy.insert("hw1/envs/__init__.py", '_register("Tightrope"', '_register("Puck", Puck, single_puck, 30)\n')
    copy.append("hw1/experts.py", EXPERT)
    copy.insert("hw1/tasks.py", "tightrope_expert, two_drivers", "puck_expert, ")
    copy.insert("hw1/tasks.py", '    "tightrope": TIGHTROPE', '    "puck": PUCK,\n')
    copy.insert(
        "hw1/tasks.py",
        "TASKS: dict",
        'PUCK = Task("hw1/Puck-v0", lambda env, rng: puck_expert, {"l2": Recipe(PolicyConfig())})\n\n',
    )
    assert copy.passes("tests/staff/test_envs.py", "-k", "Puck") >= 6
    options = ("--steps", "200", "--demonstrations", "10", "--evaluations", "10", "--dagger", "1", "--out", "out")
    said = copy.run("-m", "scripts.train", "--task", "puck", *options)
    assert float(re.search(r"return (-?[\d.]+)", said)[1]) > -20  # from 1 on average, standing still would cost 30
    assert len(copy.edited) == documented("an environment") == 4


# --- an exercise -----------------------------------------------------------------------------------------------------
ROW = """  { id = "1.5", points = 3, file = "hw1/losses.py", names = ["laplace_nll"], title = "Laplace likelihood" },
"""
FUNCTION = '''

def laplace_nll(
    mean: Float[torch.Tensor, "B A"], log_scale: Float[torch.Tensor, "B A"], action: Float[torch.Tensor, "B A"]
) -> Float[torch.Tensor, ""]:
    """Exercise 1.5. Mean over the batch of -log Laplace(action; mean, scale).

    Example: A = 1 and action = mean, log_scale = 0 give log 2.
    """
    # TODO 1.5: |action - mean| / scale + log(2 scale); sum over A, average over B.
    # BEGIN {} 1.5
    distance = (action - mean).abs() * torch.exp(-log_scale)
    return (distance + log_scale + math.log(2)).sum(dim=-1).mean()
    # END {}
'''
PROBES = """

# --- 1.5 -------------------------------------------------------------------------------------------------------------


def draw_laplace(rng: np.random.Generator) -> Arrays:
    shape = rng.integers(2, 6, 2)
    mean, log_scale = rng.normal(size=shape), rng.uniform(-1.0, 1.0, shape)
    return float32(mean=mean, log_scale=log_scale, action=mean + np.exp(log_scale) * spread(rng, *shape))


def laplace(hw1: Homework, inputs: Arrays) -> dict:
    given = {name: tensor(inputs, name).requires_grad_() for name in ("mean", "log_scale", "action")}
    return with_gradients(forms.trained(hw1.losses.laplace_nll(*given.values()), "laplace_nll"), given)


@probe("1.5.1", "the value", points=2.0, draw=draw_laplace, asked="Mean over the batch of -log Laplace")
def laplace_value(hw1: Homework, inputs: Arrays) -> dict:
    return {"loss": laplace(hw1, inputs)["loss"]}


@probe("1.5.2", "the gradients", points=1.0, draw=draw_laplace, asked="Mean over the batch of -log Laplace")
def laplace_gradients(hw1: Homework, inputs: Arrays) -> dict:
    return {name: value for name, value in laplace(hw1, inputs).items() if name != "loss"}
"""
WAYS = """
[[right]]
id = "laplace-divided"
exercise = "1.5"
edit = [["(action - mean).abs() * torch.exp(-log_scale)", "(action - mean).abs() / log_scale.exp()"]]
""" + "".join(
    f"""
[[bug]]
id = "laplace-{id}"
exercise = "1.5"
says = "your loss is the one {says}"
edit = [["{old}", "{new}"]]
"""
    for id, says, old, new in [
        ("averaged", "that averages over A", ".sum(dim=-1).mean()", ".mean()"),
        ("squared", "of the squared distance", ".abs()", ".square()"),
        ("constant", "without its constant log 2", " + math.log(2)", ""),
        ("scale", "that takes log_scale for the scale", "torch.exp(-log_scale)", "1 / log_scale"),
    ]
)
BOX = r"""#exercise("1.5", 15)[
  A Laplace distribution: $-log p = sum_i [abs(a_i - mu_i) / b_i + log 2 b_i]$ for scales $b$.
]

"""
KIND = """[[kind]]
name = "a Laplace distribution"
exercises = ["1.5"]
mistakes = ['your loss is the one']
hints = [
  "Which terms has the negative logarithm of a Laplace density, and over what is it added up?",
  "With A = 1, no distance and a scale of 1 only log 2 = 0.693 is left.",
  "Distance divided by the scale, plus the logarithm of twice the scale; the sum over A, the mean over B.",
]

"""
BEGINNING = """"1.5" = [
  "What does a Laplace density look like, compared with a Gaussian one?",
  "A = 1: no distance and the scale 1 give 0.693, a distance of one scale gives 1 more.",
  "For each dimension the distance in scales plus log of twice the scale.",
]
"""
# make snapshot, but not once more as on another processor; make writeup
GENERATE = """
from scripts.staff import snapshot, writeup
(snapshot.ROOT / snapshot.SNAPSHOT).write_bytes(snapshot.make(twice=False))
for path, content in writeup.made().items():
    path.write_bytes(content)
"""


def test_an_exercise_costs_six_files_and_no_test_is_edited(copy):
    copy.insert("hw1/exercises.toml", '  { id = "2.1"', ROW)
    total = exercises.totals()["code"]
    text = (copy.folder / "hw1/exercises.toml").read_text(encoding="utf-8")
    copy.write("hw1/exercises.toml", text.replace(f"code = {total}", f"code = {total + 3}"))
    copy.append("hw1/losses.py", FUNCTION.replace("{}", "SOLUTION"))  # here it would be a marker of this file
    copy.append("tests/autograder/probes/losses.py", PROBES)
    copy.append("tests/staff/bugs/losses.toml", WAYS)
    copy.insert("writeup/staff/handout.typ", '#exercise("2.1"', BOX)
    first = f'[[kind]]\nname = "{hints.kinds()[0].name}"'
    copy.insert("scripts/hints.toml", first, KIND)
    copy.insert("scripts/hints.toml", '"2.1" = [', BEGINNING)
    edited = set(copy.edited)
    copy.run("-c", GENERATE)
    assert copy.passes("tests/staff/test_hints.py", "-k", "kind or beginning or repeated") >= 8
    fast = ("-k", "not known_mistakes and not rounding_errors")  # they would look at all exercises
    assert copy.passes("tests/staff/test_exercises.py", "tests/staff/test_snapshot.py", *fast) >= 10
    tests = ("test_points", "test_bugs", "test_alternatives", "test_writeup")
    chosen = "1.5 or laplace or enough or ids or order"
    assert copy.passes(*(f"tests/staff/{name}.py" for name in tests), "-k", chosen) >= 12
    assert copy.passes("tests/test_probes.py", "-m", "ex1_5") == 2
    assert "1.5  Laplace likelihood" in copy.run("-m", "scripts.check", "1.5")
    assert len(edited) == documented("an exercise") == 6


# --- a claim with its figure -----------------------------------------------------------------------------------------
CLAIM = '''
def fallen(results: Results) -> list[Claim]:
    """Nearly everyone has fallen at the longest horizon."""
    cost = results["tightrope forever"]["cost"]
    last = (cost[:, -1] - cost[:, -2]) / (HORIZONS[-1] - HORIZONS[-2])
    text = "Theory: share of walkers off the rope at the end"
    return [Claim(text, last, at_least=0.5, unit="%", jobs=("tightrope forever",))]


def draw_fallen(results: Results) -> Figure:
    figure = Figure(figsize=(4, 3))
    figure.add_subplot().plot(HORIZONS, results["tightrope forever"]["cost"].mean(axis=0) / HORIZONS)
    return figure


'''


def test_a_claim_with_its_figure_costs_one_file(copy):
    file = "scripts/experiments/tightrope.py"
    copy.insert(file, "EXPERIMENT = Experiment(", CLAIM)
    text = (copy.folder / file).read_text(encoding="utf-8")
    assert text.count("claims=(claims,),") == text.count("drawings=[\n") == 1
    text = text.replace("claims=(claims,),", "claims=(claims, fallen),")
    drawing = 'drawings=[\n        Drawing("fallen", "The mean cost of a step.", draw_fallen),\n'
    copy.write(file, text.replace("drawings=[\n", drawing))
    said = copy.run("-m", "scripts.figures", "--quick", "--only", "tightrope", "--out", "out")
    assert "share of walkers off the rope" in said
    rows = json.loads((copy.folder / "out/claims.json").read_text(encoding="utf-8"))
    assert any("off the rope" in row["claim"] for row in rows)
    assert (copy.folder / "out/figures/fallen.png").stat().st_size > 1000
    page = (copy.folder / "out/index.html").read_text(encoding="utf-8")
    assert "off the rope" in page
    assert "The mean cost of a step" in page
    assert len(copy.edited) == documented("a claim with its figure") == 1
