"""The points of several submissions on the public probes, as JSON. Uses only released files (`scripts.staff.proofs`).

python scripts/staff/points_of.py FOLDER NAME...     FOLDER/NAME/hw1 is a submission; trusted code only
"""

import json
import sys
from pathlib import Path

import torch

from hw1 import exercises
from tests.autograder import worker
from tests.autograder.judge import judge
from tests.autograder.oracle import Stored
from tests.autograder.probes import PROBES, Homework
from tests.autograder.report import Result
from tests.autograder.runner import InProcess


def forget() -> None:
    """Unload the student's files and every module that uses them: they belong to the submission before."""
    stale = {file.removesuffix(".py").replace("/", ".") for file in exercises.files()}
    found = stale
    while found:
        loaded = {name: vars(module) for name, module in sys.modules.items() if name.startswith("hw1.")}
        found = {
            name
            for name, values in loaded.items()
            if name not in stale
            and stale & {getattr(v, "__module__", getattr(v, "__name__", "")) for v in values.values()}
        }
        stale |= found
    for name in stale:
        sys.modules.pop(name, None)


torch.set_num_threads(1)
oracle = Stored(Path.cwd(), PROBES.values())
earned = {}
for name in sys.argv[2:]:
    student = Path(sys.argv[1]) / name
    forget()
    worker.use(student)
    verdicts = judge(InProcess(Homework(), student), oracle, PROBES.values(), reveal=True)
    earned[name] = {r.exercise.id: [r.points, r.status] for r in map(Result.of, verdicts)}
print(json.dumps(earned))
