"""The sandbox: its level, its limits and its speed; nothing of it remains, and sandboxes do not see each other."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from hw1 import exercises
from hw1.exercises import ROOT
from tests.autograder.judge import judge
from tests.autograder.probes import of
from tests.autograder.runner import Runner, Spawned
from tests.autograder.staff import sandbox, users
from tests.autograder.staff.live import Live
from tests.autograder.staff.sandbox import Sandbox, SandboxError

ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")
MEMORY = 768 << 20
# Edits of the files that a zygote imports: by file, what is replaced by what. Without rules, the cage must hold alone.
NO_RULES = {"rules.py": ("def enforce() -> None:\n", "def enforce() -> None:\n    return\n")}


def weak_copy(source: Path, target: Path, edits: dict[str, tuple[str, str]]) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    old, new = edits.get(source.name, ("", ""))
    text = source.read_text()
    assert old in text
    target.write_text(text.replace(old, new) if old else text)


@pytest.fixture(scope="module")
def box():
    """A sandbox at the best level of this machine."""
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sandbox, "copy", partial(weak_copy, edits=NO_RULES))
            with Sandbox() as box:
                yield box
    except SandboxError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def bare():
    """A sandbox as in a container that permits no namespaces, except for those that reach the interpreter here."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("needs root on Linux")
    permitted = """    attempt("mounts", lambda: _own_mounts(folder))
    attempt("processes", cage.leave_processes)
"""
    refused = """    held |= dict.fromkeys(("mounts", "processes"), "no")\n"""
    with pytest.MonkeyPatch.context() as patch:
        edits = NO_RULES | {"zygote.py": (permitted, refused)}
        patch.setattr(sandbox, "copy", partial(weak_copy, edits=edits))
        box = Sandbox("full").__enter__()
    with closing(box):
        assert box.describe()["processes"] == box.describe()["mounts"] == "no"
        yield box


@pytest.fixture(params=["box", "bare"])
def each_box(request):
    return request.getfixturevalue(request.param)


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
    assert about["user"] in users.USERS
    assert not about["not held"]


@ROOT_ONLY
@LINUX
def test_a_level_whose_test_fails_is_refused(monkeypatch):
    """A file that a caged process should not be able to read is detected, even if all mechanisms seem to work."""
    with TemporaryDirectory() as folder:  # pytest's own folders are closed to other users
        Path(folder).chmod(0o755)
        (open_file := Path(folder) / "results").write_text("secret")
        edits = {"rules.py": ('SYSTEM = ("/lib", ', f'SYSTEM = ({str(open_file)!r}, "/lib", ')}
        monkeypatch.setattr(sandbox, "copy", partial(weak_copy, edits=edits))
        with pytest.raises(SandboxError, match=f"isolation full: a caged process could read {open_file}"):
            Sandbox("full", secrets=[open_file]).__enter__()


@ROOT_ONLY
@LINUX
@pytest.mark.parametrize("moment", ["wait", "attack"])
def test_a_process_that_is_killed_costs_no_isolation(monkeypatch, moment):
    """A level is only lost if it does not work, not if something outside ends the sandbox while it is tested."""
    plain, times = getattr(sandbox.Zygote, moment), []

    def killed(zygote, *arguments):
        times.append(moment)
        if len(times) < sandbox.TRIES:
            zygote.process.kill()
            zygote.process.wait()
        return plain(zygote, *arguments)

    monkeypatch.setattr(sandbox.Zygote, moment, killed)
    with Sandbox() as box:
        assert box.level == "full"
        assert not box.describe()["not held"]
    assert len(times) == sandbox.TRIES


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


# --- a worker's home --------------------------------------------------------------------------------------------------
@LINUX
@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("open('debug.log', 'a').write('four')", "4"),
        ("__import__('tempfile').NamedTemporaryFile('w').write('four')", "4"),
        ("open(__import__('tempfile').mkdtemp() + '/x', 'w').write('four')", "4"),
        ("(Path('a/b').mkdir(parents=True), Path('a/b/c').write_text('x'), Path('a').rename('z'))[1]", "1"),
        ("[Path('x').write_text('1'), Path('x').replace('hw1/y'), Path('hw1/y').unlink()][0]", "1"),
        ("[Path('d').mkdir(), Path('d/x').touch(), __import__('shutil').rmtree('d'), Path('d').exists()][-1]", "False"),
        ("[Path('x').touch(), __import__('shutil').copy2('x', 'y'), Path('y').exists()][-1]", "True"),
        ("Path.home() == Path.cwd() == Path(__import__('tempfile').gettempdir())", "True"),
        ("'mse_loss' in Path('hw1/exercises.toml').read_text()", "True"),
        ("Path(__file__) == Path('hw1/losses.py').resolve()", "True"),
        ("Path(__file__).with_name('losses.npy').write_bytes(b'four')", "4"),
        ("(Path('hw1/envs/lane.py').exists(), sorted(x.name for x in Path('.').iterdir()))", "(True, ['hw1'])"),
        ("(__import__('getpass').getuser(), sorted(__import__('os').environ)[1])", "('student', 'HOME')"),
    ],
)
def test_files_can_be_written_and_read_as_at_home(each_box, tmp_path, code, expected):
    """A log file, a temporary file, a given file: what works on a student's machine works here."""
    got = value(each_box, tmp_path, code.replace("Path", "__import__('pathlib').Path"))
    assert got == expected


@LINUX
def test_nothing_remains_in_a_home(each_box, tmp_path):
    for _ in range(2):
        code = "[__import__('os').path.exists('seen'), open('seen', 'w')][0]"
        assert value(each_box, tmp_path, code) == "False"


@LINUX
@pytest.mark.parametrize(
    "fill",
    [
        "[open(f'{i}', 'wb').write(bytes(1 << 20)) for i in range(200)]",
        "[open(f'{i}', 'w').close() for i in range(100_000)]",
        "[(os.mkdir('d'), os.chdir('d')) for i in range(100_000)]",
        "open('one', 'wb').write(bytes(64 << 20))",
    ],
)
def test_a_home_is_small(each_box, tmp_path, fill):
    """A full home is an error in the student's code, or ends it; either way the disk does not fill up."""
    folder = submission(tmp_path / "fills", f"\nimport os\n{fill}\nimport time\ntime.sleep(1)")
    found = verdicts(each_box, folder)
    assert {v.status for v in found} <= {"failed", "crashed"}
    assert re.search("No space left|File too large|ended unexpectedly", found[0].text), found[0].text
    assert {v.status for v in verdicts(each_box, submission(tmp_path / "next", ""))} == {"passed"}


@LINUX
@pytest.mark.parametrize(
    "place",
    ["/tmp/x", "/var/tmp/x", "/dev/shm/x", "../x", "../given/x", "../student/hw1/x", "/proc/self/comm", "/x", "/etc/x"],
)
def test_nothing_else_can_be_written(each_box, tmp_path, place):
    folder = submission(tmp_path, f"\nopen({place!r}, 'w')")
    assert re.match("hw1/losses.py cannot be imported: (Permission|OS)Error", verdicts(each_box, folder)[0].text)
    assert not Path(place).is_relative_to("/tmp") or not Path(place).exists()


# --- threads and memory -----------------------------------------------------------------------------------------------
@LINUX
@pytest.mark.parametrize(
    "threads",
    [
        "torch.set_num_threads(8)",
        "import ctypes; ctypes.CDLL(None).omp_set_num_threads(8)",
        "import ctypes; ctypes.CDLL(None).omp_set_num_threads(64)",
        "from concurrent.futures import ThreadPoolExecutor; pool = ThreadPoolExecutor(64); "
        "print(list(pool.map(lambda i: (torch.randn(50, 50) @ torch.randn(50, 50)).sum(), range(500))))",
        "import threading; [threading.Thread(target=threading.Event().wait, daemon=True).start() for _ in range(30)]",
    ],
)
def test_threads_cost_no_points(box, tmp_path, threads):
    """A right solution with many threads is right in every run."""
    folder = submission(
        tmp_path, f"\n{threads}\nprint(torch.randn(700, 700).exp().sum() + torch.ones(300_000).sum())\n"
    )
    for _ in range(4):
        found = [v for exercise in ("1.3", "2.1") for v in verdicts(box, folder, exercise)]
        assert {v.status for v in found} == {"passed"}, [v.text for v in found]


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


def user_of(box: Sandbox) -> int:
    return box.describe()["user"]


@pytest.fixture
def stranger():
    """A function that starts a process of another program with this user id."""
    started = []

    def start(user: int) -> subprocess.Popen:
        started.append(subprocess.Popen(["sleep", "100"], user=user, group=user, extra_groups=[]))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


@ROOT_ONLY
@LINUX
def test_a_user_with_an_account_or_a_process_is_not_taken(stranger, monkeypatch):
    with Sandbox("full") as box:
        first = user_of(box)
    process = stranger(first)
    with Sandbox("full") as box:
        second = user_of(box)
        assert second != first
        assert {v.status for v in verdicts(box, ROOT)} == {"passed"}
    assert process.poll() is None
    monkeypatch.setattr(users.pwd, "getpwuid", lambda user: {second: "somebody"}[user])
    with Sandbox("full") as box:
        assert user_of(box) not in (first, second)


@ROOT_ONLY
@LINUX
def test_a_process_that_gets_the_same_user_later_is_not_killed(stranger):
    with Sandbox("full") as box:
        process = stranger(user_of(box))
        assert {v.status for v in verdicts(box, ROOT)} == {"passed"}
    assert process.poll() is None


@ROOT_ONLY
@LINUX
def test_a_sandbox_in_another_network_has_another_user(box):
    code = "from tests.autograder.staff.users import Slot; print(Slot().user)"
    command = ["unshare", "--net", "--ipc", sys.executable, "-c", code]
    other = subprocess.run(command, cwd=ROOT, env=clean_environment(), capture_output=True, text=True)
    assert int(other.stdout) != user_of(box), other.stderr


@ROOT_ONLY
@LINUX
def test_locks_in_a_folder_of_somebody_else_are_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(users, "PLACES", (str(tmp_path),))
    (tmp_path / "hw1-sandbox").mkdir(mode=0o777)
    (tmp_path / "hw1-sandbox").chmod(0o777)
    with pytest.raises(users.UsersError, match="only root may enter: remove it"):
        users.Slot()


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
