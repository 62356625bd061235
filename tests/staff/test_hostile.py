"""The hostile bank: no attack gains a point, learns a secret, harms the judge or another student, or leaves anything.

Each file of `hostile/` is appended to a student's file whose exercises are all unfinished. It gets the place of every
target: RESULTS (others' results), FELLOW (another student's submission), REPOSITORY (the reference), JUDGE (a process
id), LISTENER (the socket of a service that everybody may use). An attack that succeeds raises an exception with the
word ESCAPED, which the text for staff then contains.
"""

import os
import secrets
import socket
import tempfile
from functools import partial
from pathlib import Path

import pytest

from hw1 import exercises
from hw1.exercises import ROOT
from tests.autograder import runner
from tests.autograder.judge import judge
from tests.autograder.probes import of
from tests.autograder.runner import Runner
from tests.autograder.staff import sandbox as judge_sandbox
from tests.autograder.staff.live import Live
from tests.autograder.staff.markers import strip
from tests.autograder.staff.sandbox import Sandbox, SandboxError
from tests.staff.test_sandbox import NO_RULES, bare, weak_copy  # noqa: F401 (bare is a fixture)

ATTACKS = sorted(Path(__file__).with_name("hostile").glob("*.py"))
EXERCISES = {"losses": "1.3", "heads": "2.1", "compounding": "3.1", "dagger": "4.1"}
RIGHT = {"losses_just_in_time"}  # appended to the reference: right answers, but they may do harm
SHARED = [Path(path) for path in ("/tmp", "/var/tmp", "/dev/shm", "/run/lock")]
CANARY = f"canary{secrets.token_hex(8)}"
LISTENER = Path(tempfile.gettempdir()) / f"hw1-listener-{CANARY}"
# They take memory and space on the disk, which other mechanisms limit where there are no namespaces. There, files that
# have no name are found only when the disk gets full.
NAMELESS = {"losses_home_unlinked_files", "losses_home_unnamed_files"}
GREEDY = [
    attack
    for attack in ATTACKS
    if attack.stem.startswith(("losses_home_", "losses_memory_")) and attack.stem not in NAMELESS
]


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """A grader's folders, closed to other users: others' results and another student's submission."""
    place = tmp_path_factory.mktemp("grader", numbered=True)
    results = place / "results"
    results.mkdir(mode=0o700)
    (results / "canary.json").write_text(CANARY)
    write(place / "fellow", {file: (ROOT / file).read_text() for file in exercises.files()})
    (place / "fellow").chmod(0o700)
    return place


@pytest.fixture(scope="module")
def sandbox(place):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HW1_CANARY", CANARY)
        patch.setattr(runner, "IMPORT_SECONDS", 3.0)
        patch.setattr(judge_sandbox, "copy", partial(weak_copy, edits=NO_RULES))
        try:
            with Sandbox(secrets=[place / "results", place / "fellow"]) as sandbox:
                yield sandbox
        except SandboxError as error:
            pytest.skip(str(error))


@pytest.fixture(scope="module", autouse=True)
def listener():
    """The socket of a service; a datagram that arrives is a failure."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(LISTENER))
        LISTENER.chmod(0o777)
        yield
        LISTENER.unlink()
        sock.setblocking(False)
        with pytest.raises(BlockingIOError):
            sock.recv(1)


def write(folder: Path, texts: dict[str, str]) -> Path:
    for file, text in texts.items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(text, newline="")
    return folder


def submission(folder: Path, attack: Path, place: Path) -> Path:
    """The reference's files, with one of them unfinished and followed by the attack."""
    texts = {file: strip((ROOT / file).read_text(), keep=exercises.load()) for file in exercises.files()}
    target = f"hw1/{attack.stem.partition('_')[0]}.py"
    if attack.stem not in RIGHT:
        texts[target] = strip((ROOT / target).read_text())
    targets = {
        "RESULTS": str(place / "results"),
        "FELLOW": str(place / "fellow"),
        "REPOSITORY": str(ROOT),
        "JUDGE": os.getpid(),
        "LISTENER": str(LISTENER),
    }
    texts[target] += "\n" + "".join(f"{name} = {value!r}\n" for name, value in targets.items())
    texts[target] += attack.read_text()
    return write(folder, texts)


def graded(sandbox: Sandbox, folder: Path, exercise: str, probe_seconds: float | None = None) -> list:
    with Runner(sandbox.launcher(folder), seconds=30.0, probe_seconds=probe_seconds) as ask:
        (verdicts,) = judge(ask, Live(secrets.token_hex(8)), of(exercise), reveal=False)
    return verdicts


def left_behind(sandbox: Sandbox, place: Path) -> list[str]:
    """Processes, files and kernel objects of the workers' user; changes in the grader's folders."""
    user = sandbox.describe().get("user", -1)
    found = [f"file {path}" for top in SHARED if top.is_dir() for path in top.iterdir() if owner(path) == user]
    found += [f"process {path.name}" for path in Path("/proc").glob("[0-9]*") if owner(path) == user]
    for kind in ("shm", "msg", "sem"):
        rows = [line.split() for line in Path(f"/proc/sysvipc/{kind}").read_text().splitlines()]
        found += [f"{kind} {row}" for row in rows[1:] if row[rows[0].index("uid")] == str(user)]
    found += [f"file {path}" for path in (place / "results").rglob("*") if path.name != "canary.json"]
    assert (place / "results" / "canary.json").read_text() == CANARY
    return found


def owner(path: Path) -> int | None:
    try:
        return path.lstat().st_uid
    except OSError:
        return None


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda path: path.stem)
def test_an_attack_gains_nothing(attack, sandbox, place, tmp_path):
    check(attack, sandbox, place, tmp_path)


@pytest.mark.parametrize("attack", GREEDY, ids=lambda path: path.stem)
def test_an_attack_gains_nothing_without_namespaces(attack, sandbox, request, place, tmp_path):
    check(attack, request.getfixturevalue("bare"), place, tmp_path)


def check(attack: Path, sandbox: Sandbox, place: Path, tmp_path: Path) -> None:
    exercise = EXERCISES[attack.stem.partition("_")[0]]
    verdicts = graded(
        sandbox, submission(tmp_path / "hostile", attack, place), exercise, None if attack.stem in RIGHT else 0.3
    )
    full = sum(probe.points for probe in of(exercise))
    assert sum(v.points for v in verdicts) == (full if attack.stem in RIGHT else 0), [v.text for v in verdicts]
    for text in (v.text for v in verdicts):
        assert not any(word in text for word in (CANARY, "ESCAPED", "LEAK")), text
        assert text.isprintable()
        assert len(text) < 1000
    assert not any("ESCAPED" in v.staff for v in verdicts), [v.staff for v in verdicts]
    assert not left_behind(sandbox, place)
    fellow = graded(sandbox, place / "fellow", exercise)
    assert sum(v.points for v in fellow) == full, [(v.status, v.text) for v in fellow]


def test_the_bank_is_large():
    assert len(ATTACKS) >= 120
