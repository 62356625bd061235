"""Lane: why errors compound, and how corrective behaviour data stops them (parts 3 and 4 of the homework).

    lab            how much is collected, and how every policy is trained and tested
    methods        behaviour cloning, DAgger and the gates, round by round
    measures       where a policy goes, and how often it disagrees with the expert
    drawing        colours and names of the methods

Each of the other modules is one subject: what is measured, claimed and drawn about it.
"""

from scripts.experiments.base import Experiment
from scripts.experiments.lane import alarm, collecting, compounding, gates

SUBJECTS = (compounding, gates, alarm, collecting)

EXPERIMENT = Experiment(
    name="lane",
    title="Lane: compounding errors and how corrections stop them",
    jobs=lambda quick: [job for subject in SUBJECTS for job in subject.jobs(quick)],
    claims=[claims for subject in SUBJECTS for claims in subject.CLAIMS],
    drawings=[drawing for subject in SUBJECTS for drawing in subject.DRAWINGS],
)
