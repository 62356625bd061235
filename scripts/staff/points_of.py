"""The points of several submissions on the public probes, as JSON. Uses only released files (`scripts.staff.proofs`).

python scripts/staff/points_of.py FOLDER NAME...     FOLDER/NAME/hw1 is a submission; trusted code only
"""

import json
import sys
from pathlib import Path

import torch

from tests.autograder import worker
from tests.autograder.judge import judge
from tests.autograder.oracle import Stored
from tests.autograder.probes import PROBES, Homework
from tests.autograder.report import Result
from tests.autograder.runner import InProcess

torch.set_num_threads(1)
oracle = Stored(Path.cwd(), PROBES.values())
earned = {}
for name in sys.argv[2:]:
    student = Path(sys.argv[1]) / name
    worker.use(student)
    verdicts = judge(InProcess(Homework(), student), oracle, PROBES.values(), reveal=True)
    earned[name] = {r.exercise.id: [r.points, r.status] for r in map(Result.of, verdicts)}
print(json.dumps(earned))
