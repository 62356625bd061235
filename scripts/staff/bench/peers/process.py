"""Other processes that the benchmark starts: `imitation` in its own virtual environment, and whole commands."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import venv
from dataclasses import dataclass
from pathlib import Path

from hw1.exercises import ROOT

VENV = ROOT / ".venv-bench"
REQUIREMENTS = ROOT / "requirements-bench.txt"
PEER = Path(__file__).with_name("imitation_peer.py")


class Unmeasured(RuntimeError):
    """Something could not be measured; the message says why and what to do."""


def peer_python() -> Path:
    """The interpreter of the peer's environment, which is created if it is missing or if its pins have changed."""
    python, made_from = VENV / "bin" / "python", VENV / REQUIREMENTS.name
    if made_from.exists() and made_from.read_text() == REQUIREMENTS.read_text():
        return python
    print(f"creating {VENV.name} from {REQUIREMENTS.name} (only once; this takes a few minutes)", file=sys.stderr)
    try:
        venv.create(VENV, clear=True, with_pip=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise Unmeasured(f"Python could not make the virtual environment {VENV.name}: {error}.") from error
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", REQUIREMENTS]
    done = subprocess.run(pip, stdout=sys.stderr, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise Unmeasured(
            f"pip could not install {REQUIREMENTS.name} into {VENV.name} ({_last_line(done.stderr)}); "
            "the rows against imitation need access to a package index."
        )
    shutil.copy(REQUIREMENTS, made_from)  # last: an interrupted installation starts again
    return python


class Imitation:
    """The process of `imitation_peer.py`. It answers one job at a time, so that the arms can take turns."""

    def __init__(self):
        environment = os.environ | {"HF_DATASETS_DISABLE_PROGRESS_BARS": "1"}
        environment.pop("PYTHONPATH", None)  # the peer must not see the packages of this project
        self.errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 (lives as long as the process)
        self.process = subprocess.Popen(
            [peer_python(), PEER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            env=environment,
            text=True,
        )

    def __enter__(self) -> "Imitation":
        return self

    def __exit__(self, *_) -> None:
        self.process.stdin.close()
        self.process.wait()
        self.errors.close()

    def ask(self, job: str, **options) -> dict:
        """The peer's answer to one job; see `imitation_peer.py`."""
        try:
            print(json.dumps({"job": job, **options}), file=self.process.stdin, flush=True)
            answer = self.process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            self.errors.seek(0)
            raise Unmeasured(f"imitation stopped at the job {job!r}: {_last_line(self.errors.read())}.")
        return json.loads(answer)


@dataclass(frozen=True)
class Finished:
    """What a whole command needed."""

    minutes: float
    """On the wall clock."""
    gibibytes: float
    """Peak memory of the largest process among the command and its children."""


def run_command(arguments: list[str]) -> Finished:
    """Run `python ARGUMENTS` in the project's folder; its output goes to standard error."""
    begin = time.monotonic()
    process = subprocess.Popen([sys.executable, *arguments], cwd=ROOT, stdout=sys.stderr)
    # Not RUSAGE_CHILDREN: that would include the earlier commands of this benchmark.
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        command = " ".join(["python", *arguments])
        raise Unmeasured(f"`{command}` ended with exit status {process.returncode}; see its message above.")
    unit = 1 if sys.platform == "darwin" else 1024  # bytes in one unit of ru_maxrss
    return Finished((time.monotonic() - begin) / 60, usage.ru_maxrss * unit / 2**30)


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1].rstrip(".") if lines else "it gave no reason"
