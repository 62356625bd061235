"""Hopper: a public task that nobody here designed, Gymnasium's one-legged robot in the simulator MuJoCo. Optional.

pip install -r requirements-mujoco.txt
python -m scripts.figures --only hopper

expert         linear policies, a few dozen numbers each
lab            how much is labelled, and how every policy is trained and tested
compare        behaviour cloning against DAgger at equal labels: measured, claimed and drawn
tried          the same on other tasks, and with labels for whole episodes
"""

from scripts.experiments.base import Experiment
from scripts.experiments.hopper import compare, tried
from scripts.experiments.hopper.lab import absent

EXPERIMENT = Experiment(
    name="hopper",
    title="Hopper: a task that nobody here designed",
    jobs=compare.jobs,
    claims=compare.CLAIMS,
    drawings=(*compare.DRAWINGS, *tried.DRAWINGS),
    optional=True,
    absent=absent,
)
