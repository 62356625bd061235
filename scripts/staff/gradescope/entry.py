"""Grades the submission on the platform and writes results.json. `run_autograder` calls it.

    ROOT/source                      this code, and settings.json with the secret seed (`scripts.staff.autograder`)
    ROOT/submission                  the student's files
    ROOT/submission_metadata.json    who submitted, and when; may be missing
    ROOT/results/results.json        the results

It runs as `python -I -B`, so that neither the environment nor the working folder can change what is imported.
"""

import json
import math
import signal
import sys
import time
import traceback
from contextlib import closing
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from hw1.exercises import ROOT as SOURCE
from tests.autograder.staff import keys, pages
from tests.autograder.staff.sandbox import Sandbox
from tests.autograder.warm import warm_up

GRACE = 40  # seconds beyond the limit, for the grader's own work after the last probe
FAILED = (
    "the grader itself failed, which is not your fault. Submit again, or ask the course staff, who can see the reason"
)


def main(root: Path) -> None:
    began = time.monotonic()
    settings = json.loads((SOURCE / "settings.json").read_text(encoding="utf-8"))
    signal.alarm(math.ceil(settings["seconds"]) + GRACE)  # ends this process even if it hangs
    try:
        page = grade(root, settings, began)
    except Exception:
        from tests.autograder.staff import results

        page = results.unusable(FAILED, time.monotonic() - began, {}) | {"staff": traceback.format_exc()}
    page["extra_data"]["platform"] = metadata(root / "submission_metadata.json")
    print(page.pop("staff", ""))  # the platform shows it to the course staff only
    pages.write(root / "results" / "results.json", page)
    print(f"{page['score']:g} points in {time.monotonic() - began:.0f} s,", json.dumps(page["extra_data"], indent=2))


def grade(root: Path, settings: dict, began: float) -> dict:
    secrets = [root / name for name in ("source", "results", "submission_metadata.json")]
    sandbox = Sandbox(allow_none=settings["allow_unprotected"], secrets=secrets)
    with closing(sandbox.begin()):
        from tests.autograder.staff import one  # takes long; meanwhile, the sandbox starts

        warm_up()
        sandbox.enter()
        left = settings["seconds"] - (time.monotonic() - began)
        how = keys.Settings(settings["seed"], settings["probe_seconds"], left)
        return one.grade(root / "submission", sandbox, how)


def metadata(path: Path) -> dict:
    """The submission's id, its users and the number of earlier ones; empty if the platform does not provide them."""
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        return {
            "id": about["id"],
            "users": [user["id"] for user in about["users"]],
            "previous_submissions": len(about["previous_submissions"]),
        }
    except (OSError, ValueError, KeyError, TypeError):
        return {}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
