"""The sandbox: its level, its limits and its speed; nothing of it remains, and sandboxes do not see each other."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from hw1 import exercises
from hw1.exercises import ROOT
from tests.autograder.judge import judge
from tests.autograder.probes import of
from tests.autograder.runner import Runner, Spawned
from tests.autograder.staff import cage, sandbox, zygote
from tests.autograder.staff.live import Live
from tests.autograder.staff.sandbox import Sandbox, SandboxError

ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")
MEMORY = 768 << 20


@pytest.fixture(scope="module")
def box():
    """A sandbox at the best level of this machine."""
    try:
        with Sandbox() as box:
            yield box
    except SandboxError as error:
        pytest.skip(str(error))


def submission(folder: Path, code: str) -> Path:
    """The reference's files with `code` after the losses."""
    for file in exercises.files():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text((ROOT / file).read_text() + (code if file == "hw1/losses.py" else ""))
    return folder


def verdicts(box: Sandbox, folder: Path, exercise: str = "1.3", reveal: bool = True) -> list:
    with Runner(box.launcher(folder)) as runner:
        (found,) = judge(runner, Live("seed"), of(exercise), reveal)
    return found


def value(box: Sandbox, folder: Path, code: str) -> str:
    """The value of an expression that is evaluated while a student's file is imported."""
    folder = submission(folder, f"\nraise RuntimeError(str({code}))")
    return re.search(r"RuntimeError: (.*) \(hw1", verdicts(box, folder)[0].text)[1]


def processes(user: int) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            found += [int(path.name)] if path.stat().st_uid == user else []
        except OSError:
            continue
    return found


def gone(process: int, seconds: float = 10.0) -> bool:
    """Whether a process that is not a child of this one ends within some seconds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if "\nState:\tZ" in Path(f"/proc/{process}/status").read_text():
                return True
        except OSError:
            return True
        time.sleep(0.05)
    return False


# --- levels -----------------------------------------------------------------------------------------------------------
def test_an_unknown_level_is_refused():
    with pytest.raises(SandboxError, match="no isolation level 'ful', only full, partial, none"):
        Sandbox("ful")


@pytest.mark.parametrize("level", [None, "none"])
def test_running_unprotected_must_be_allowed(level, monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(SandboxError, match="unprotected"):
        Sandbox(level).__enter__()
    with Sandbox(level, allow_none=True) as box:
        assert box.level == box.describe()["level"] == "none"
    with pytest.raises(SandboxError, match="isolation full: it needs Linux"):
        Sandbox("full", allow_none=True).__enter__()


def test_level_none_still_grades():
    with Sandbox("none", allow_none=True) as box, Runner(box.launcher(ROOT)) as runner:
        (found,) = judge(runner, Live("seed"), of("1.3"), reveal=False)
        assert isinstance(runner.worker, Spawned)
    assert all(v.status == "passed" for v in found)


@ROOT_ONLY
@LINUX
def test_root_on_linux_gets_the_full_level(box):
    assert box.level == "full"
    about = json.loads(json.dumps(box.describe()))
    assert about["level"] == "full"
    assert about["user"] in sandbox.USERS
    assert not about["not held"]


@ROOT_ONLY
@LINUX
def test_a_level_whose_test_fails_is_refused(monkeypatch):
    """A file that a caged process should not be able to read is detected, even if all mechanisms seem to work."""
    system = f"SYSTEM = {json.dumps(zygote.SYSTEM)}"
    assert system in (ROOT / "tests/autograder/staff/zygote.py").read_text()
    with TemporaryDirectory() as folder:  # pytest's own folders are closed to other users
        Path(folder).chmod(0o755)
        (open_file := Path(folder) / "results").write_text("secret")
        weak = f"SYSTEM = {[*zygote.SYSTEM, str(open_file)]}"
        monkeypatch.setattr(sandbox, "copy", lambda source, target: weak_copy(source, target, system, weak))
        with pytest.raises(SandboxError, match=f"isolation full: a caged process could read {open_file}"):
            Sandbox("full", secrets=[open_file]).__enter__()


def weak_copy(source: Path, target: Path, old: str, new: str) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(source.read_text().replace(old, new))


@ROOT_ONLY
@LINUX
def test_partial_level_as_another_user(tmp_path):
    """A grader that is not root also keeps students away from its files, its processes and the network."""
    code = """
import os
from pathlib import Path
from tests.autograder.staff import cage
import sys
cage.reveal([Path(sys.prefix), Path(sys.base_prefix), Path(os.getcwd())])
os.setgroups([]); os.setresgid(61990, 61990, 61990); os.setresuid(61990, 61990, 61990)
from tests.autograder.runner import Runner
from tests.autograder.judge import judge
from tests.autograder.staff.sandbox import Sandbox
from tests.autograder.staff.live import Live
from tests.autograder.probes import of
with Sandbox() as box, Runner(box.launcher(Path(os.getcwd()))) as runner:
    (found,) = judge(runner, Live("seed"), of("1.3"), reveal=True)
    print(box.describe(), [v.status for v in found])
"""
    run = subprocess.run(
        [sys.executable, "-B", "-c", code], cwd=ROOT, env=clean_environment(), capture_output=True, text=True
    )
    assert "'level': 'partial'" in run.stdout, run.stdout + run.stderr
    assert "'full': 'the grader is not root'" in run.stdout
    assert run.stdout.count("'passed'") == len(of("1.3"))


def clean_environment() -> dict[str, str]:
    threads = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")}
    return {"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"], **threads}


# --- what a worker has and does not have ------------------------------------------------------------------------------
def test_the_reference_passes(box):
    for exercise in ("1.3", "2.1", "3.1", "4.1"):
        assert {v.status for v in verdicts(box, ROOT, exercise)} == {"passed"}


def test_a_worker_starts_with_an_empty_environment(box, tmp_path, monkeypatch):
    monkeypatch.setenv("HW1_SEED", "secret")
    assert "secret" not in value(box, tmp_path, "dict(__import__('os').environ)")


def test_a_worker_has_no_open_file_except_its_socket(box, tmp_path):
    code = "[n for n in range(1000) if not __import__('ctypes').CDLL(None).fcntl(n, 1) < 0]"
    assert value(box, tmp_path, code) == "[0, 1, 2, 3]"


def test_lazy_imports_work(box, tmp_path):
    assert value(box, tmp_path, "__import__('sqlite3').__name__ + __import__('torch.optim.lbfgs').__name__") == (
        "sqlite3torch"
    )


def test_printing_and_threads_do_no_harm(box, tmp_path):
    code = """
import sys, threading, torch
print("hello"); print("hello", file=sys.stderr)
thread = threading.Thread(target=lambda: torch.ones(100, 100) @ torch.ones(100, 100)); thread.start(); thread.join()
"""
    assert {v.status for v in verdicts(box, submission(tmp_path, code))} == {"passed"}


def test_the_submission_is_a_copy_and_links_are_not_followed(box, tmp_path):
    submission(tmp_path, "")
    (tmp_path / "hw1/losses.py").unlink()
    (tmp_path / "hw1/losses.py").symlink_to(ROOT / "hw1/losses.py")
    assert verdicts(box, tmp_path)[0].text == "hw1/losses.py is missing"


def test_memory_is_limited(box, tmp_path):
    """A worker that uses all the memory it can get stays below the limit, and gets a MemoryError."""
    code = """
def gaussian_nll(*args):
    kept, size = [], 2**28
    while size > 2**16:
        try:
            kept.append(b"x" * size)
        except MemoryError:
            size //= 2
    import resource
    kept.clear()
    raise RuntimeError(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""
    got = int(re.search(r"RuntimeError: (\d+) \(hw1", verdicts(box, submission(tmp_path, code))[0].text)[1])
    assert 256 << 20 < got < MEMORY


@LINUX
def test_a_warm_worker_starts_fast(box):
    seconds = []
    for _ in range(9):
        begin = time.perf_counter()
        box.launcher(ROOT)().kill()
        seconds.append(time.perf_counter() - begin)
    assert min(seconds) < 0.2


# --- nothing remains, and sandboxes are separate ----------------------------------------------------------------------
@ROOT_ONLY
@LINUX
def test_sandboxes_have_different_users_and_hidden_folders(box):
    with ExitStack() as stack:
        other = stack.enter_context(Sandbox("full"))
        assert other.describe()["user"] != box.describe()["user"]
        folder = other._zygote.work.stat()
        assert (folder.st_uid, folder.st_gid, folder.st_mode & 0o777) == (0, other.describe()["user"], 0o710)


@LINUX
def test_closing_leaves_nothing_behind():
    with Sandbox("full" if os.geteuid() == 0 else "partial") as box:
        work, process = box._zygote.work, box._zygote.process.pid
        worker = box.launcher(ROOT)()
        user = box.describe().get("user", -1)
    assert gone(process)
    assert not work.exists()
    assert not processes(user)
    with worker.sock as sock:
        assert sock.recv(1) == b""


@LINUX
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_survives_the_judge(number, tmp_path):
    submission(tmp_path, "\nwhile True: pass")
    code = f"""
from pathlib import Path
from tests.autograder.staff.sandbox import Sandbox
box = Sandbox().__enter__()
worker = box.launcher(Path({str(tmp_path)!r}))()
from tests.autograder import wire
wire.send(worker.sock, {{"stand in": "hw1/heads.py"}})
wire.receive(worker.sock)  # now it is in its cage
wire.send(worker.sock, {{"import": "hw1/losses.py"}})
print(box._zygote.process.pid, box._zygote.work, box.describe().get("user", -1), flush=True)
import time; time.sleep(1000)
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, env=clean_environment(), stdout=subprocess.PIPE, text=True
    ) as run:
        zygote, work, user = run.stdout.readline().split()
        workers = processes(int(user))
        run.send_signal(number)
    assert workers or user == "-1"
    assert gone(int(zygote))
    assert not processes(int(user))
    assert not Path(work).exists()


@LINUX
def test_a_killed_zygote_is_replaced(box):
    box._zygote.process.kill()
    box._zygote.process.wait()
    assert {v.status for v in verdicts(box, ROOT)} == {"passed"}


@LINUX
def test_a_worker_ends_with_the_zygote(box):
    worker, zygote = box.launcher(ROOT)(), box._zygote.process
    children = Path(f"/proc/{zygote.pid}/task/{zygote.pid}/children").read_text().split()
    zygote.kill()
    assert len(children) == 1
    assert gone(int(children[0]))
    worker.kill()


# --- the filter -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("column", "header", "prefix"),
    [(0, "/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "__NR_"), (1, "/usr/include/asm-generic/unistd.h", "__NR")],
)
def test_the_numbers_of_system_calls_are_those_of_the_kernel(column, header, prefix):
    if not Path(header).exists():
        pytest.skip("the kernel's headers are not installed")
    known = {
        name: int(number)
        for name, number in re.findall(rf"#define {prefix}(?:3264)?_?(\w+)\s+(\d+)", Path(header).read_text())
    }
    known |= {"newfstatat": known.get("newfstatat", known.get("fstatat"))}
    calls = cage.ALLOWED | {name: numbers for name, (numbers, *_) in cage.CONDITIONAL.items()}
    ours = {name: numbers[column] for name, numbers in calls.items() if numbers[column] is not None}
    assert ours == {name: known.get(name) for name in ours}


def test_there_is_no_filter_for_an_unknown_machine():
    with pytest.raises(cage.CageError, match="riscv64 are not known"):
        cage.seccomp_program("riscv64")


def test_every_system_call_that_is_not_listed_is_denied():
    """Run the filter with a small interpreter, for every number up to 1023, on both machines."""
    for machine, (column, architecture) in cage.MACHINES.items():
        program = cage.seccomp_program(machine)
        named = {numbers[column] for numbers in cage.ALLOWED.values()}
        let_through = {n for n in range(1024) if run(program, n, architecture, [0] * 6) == cage.ALLOW}
        harmless = {cage.CONDITIONAL[name][0][column] for name in ("open", "openat", "fcntl", "prlimit64")}
        assert let_through == (named | harmless) - {None}
        assert run(program, 0, 0x40000003, [0] * 6) == cage.KILL  # 32-bit programs
        clone = cage.CONDITIONAL["clone"][0][column]
        assert run(program, clone, architecture, [17] * 6) != cage.ALLOW
        assert run(program, clone, architecture, [cage.CLONE_THREAD | 0x3D0F00] * 6) == cage.ALLOW
        for flags in (os.O_WRONLY, os.O_RDWR, os.O_CREAT, os.O_TMPFILE):
            assert run(program, cage.CONDITIONAL["openat"][0][column], architecture, [flags] * 6) != cage.ALLOW


def run(program: list, number: int, architecture: int, arguments: list[int]) -> int:
    """What the kernel does with a system call."""
    words = {0: number, 4: architecture} | {16 + 8 * i: argument for i, argument in enumerate(arguments)}
    at, value = 0, 0
    while True:
        code, jump, otherwise, operand = program[at]
        at += 1
        if code == cage.RETURN:
            return operand
        if code == cage.LOAD:
            value = words[operand]
        else:
            test = {cage.EQUAL: value == operand, cage.AT_LEAST: value >= operand, cage.BITS: bool(value & operand)}
            at += jump if test[code] else otherwise
