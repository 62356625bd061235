"""What passes here passes there: the same rules and the same files for a student's own check and for the server."""

import ast
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
import torch

from hw1 import exercises
from hw1.exercises import ROOT
from scripts import portable
from scripts.staff import packages
from tests.autograder import home, rules, runner, server
from tests.autograder.judge import judge
from tests.autograder.oracle import Stored
from tests.autograder.probes import PROBES, of
from tests.autograder.runner import Answer, Runner, Spawned
from tests.autograder.staff import cage
from tests.autograder.staff.live import Live
from tests.autograder.staff.sandbox import Sandbox, SandboxError

# Lines that a student may have in hw1/losses.py, and what both sides say. "" for full marks.
SAME = {
    # first, because others of these lines settle the method
    "import torch.multiprocessing as mp; mp.set_start_method('spawn')": "",
    "import sys, os; assert os.listdir() == ['hw1'] and 'losses.py' in os.listdir('hw1'), os.listdir()": "",
    "import matplotlib.pyplot as plt; figure = plt.figure(); figure.savefig('figure.png')": "",
    "import joblib, PIL.Image, IPython, safetensors, tqdm, jaxtyping": "",
    "LOG = open('debug.log', 'a')": "",
    "import logging; logging.basicConfig(filename='hw1.log'); logging.warning('hello')": "",
    "import tempfile; tempfile.NamedTemporaryFile('w').write('x')": "",
    "from pathlib import Path; Path('~/.cache/mine').expanduser().mkdir(parents=True)": "",
    "TABLE = open('hw1/exercises.toml').read()": "",
    "from pathlib import Path; TABLE = Path(__file__).with_name('exercises.toml').read_text()": "",
    "torch.set_num_threads(8); torch.set_num_interop_threads(4); assert torch.get_num_threads() == 1": "",
    "import numpy; torch.set_num_threads(numpy.int64(2)); assert torch.get_num_threads() == 1": "",
    "torch.set_num_threads(0)": "RuntimeError: set_num_threads expects a positive integer",
    "torch.set_num_threads('all')": "RuntimeError: set_num_threads expects an int, but got str",
    "torch.set_num_interop_threads(2**40)": "ValueError: Overflow when unpacking long",
    "torch.set_num_threads()": "TypeError: torch.set_num_threads() takes exactly one argument (0 given)",
    "assert hash('homework') == 3700429366477416846": "",  # the order of sets of strings depends on it
    # imports by Python's own C code on behalf of the student's
    "import datetime, time; datetime.datetime.strptime('2020', '%Y'); time.strptime('2020', '%Y')": "",
    "import pickle; pickle.loads(pickle.dumps([torch.ones(2), b'x'], protocol=2))": "",
    "import numpy, decimal, zoneinfo; numpy.ones(2).mean(); print(numpy.ones(2)); zoneinfo.ZoneInfo('UTC')": "",
    "import minari, h5py, gymnasium; gymnasium.make('CartPole-v1').reset(seed=0)": "",
    "list(torch.utils.data.DataLoader(torch.arange(9), batch_size=3))": "",
    "import joblib; print(joblib.Parallel(n_jobs=2)(joblib.delayed(abs)(i) for i in range(9)))": "",
    "from tqdm.auto import tqdm; list(tqdm(range(3)))": "",
    "from concurrent.futures import ThreadPoolExecutor; print(list(ThreadPoolExecutor(16).map(abs, range(99))))": "",
    "import joblib; print(joblib.Parallel(n_jobs=2, prefer='threads')(joblib.delayed(abs)(i) for i in range(9)))": "",
    "import asyncio; asyncio.run(asyncio.sleep(0))": "",
    "import platform, uuid; print(platform.platform(), platform.processor(), uuid.uuid4())": "",
    "import random, numpy; random.seed(); numpy.random.seed(); torch.seed()": "",
    "import sqlite3, csv, json, pickle, zipfile; sqlite3.connect('data.db').execute('create table t (x)')": "",
    "import numpy.linalg, torch.nn.functional, torch.distributions, torch.func, torch.utils.data": "",
    "import os; assert os.environ['HOME'] == os.getcwd() and 'CI' not in os.environ": "",
    # not on the server
    "import hypothesis": "ModuleNotFoundError: the server has no module called hypothesis, only the packages",
    "import importlib; importlib.import_module('hypothesis.strategies')": "the server has no module called hypothesis",
    "__import__('xdist')": "ModuleNotFoundError: the server has no module called xdist",
    "import helper": "ModuleNotFoundError: the server has no module called helper",
    "import importlib; importlib.__import__('hypothesis')": "the server has no module called hypothesis",
    "from hw1 import helper": "ModuleNotFoundError: hw1.helper is not handed in; move what you need from it into hw1/",
    "from . import helper": "ModuleNotFoundError: hw1.helper is not handed in",
    "import hw1.helper": "ModuleNotFoundError: hw1.helper is not handed in",
    "from .helper import cost": "ModuleNotFoundError: hw1.helper is not handed in",
    "import importlib; importlib.import_module('.helper', 'hw1')": "ModuleNotFoundError: hw1.helper is not handed in",
    "from .exercises import no_such_name": "ImportError: cannot import name 'no_such_name'",
    "from ..helper import cost": "ImportError: attempted relative import beyond top-level package",
    "from scripts.check import main": "ModuleNotFoundError: scripts.check is not for homework",
    "from tests.autograder import judge": "ModuleNotFoundError: tests.autograder is not for homework",
    "import distutils": "ModuleNotFoundError: distutils is not in the standard library of every Python from 3.11 on",
    "import subprocess; subprocess.run(['true'])": "PermissionError: new processes are not permitted on the server",
    "import multiprocessing; multiprocessing.Process(target=print).start()": "new processes are not permitted",
    "import multiprocessing; multiprocessing.get_context('forkserver').Process(target=print).start()": "new processes",
    "import multiprocessing; multiprocessing.Pool(2)": "PermissionError: new processes are not permitted",
    "import multiprocessing; multiprocessing.Lock()": "PermissionError: new processes are not permitted",
    "from multiprocessing.pool import ThreadPool; ThreadPool(2)": "PermissionError: new processes are not permitted",
    "torch.utils.data.DataLoader(torch.arange(9), num_workers=2).__iter__()": "PermissionError: new processes are not",
    "import os; os.nice(1)": "PermissionError: other priorities are not permitted on the server (os.nice)",
    "import os; os.sched_setaffinity(0, [0])": "PermissionError: other priorities are not permitted on the server",
    "import os; os.getpriority(0, 0), os.getpgid(0), os.getsid(0), os.getgroups(), os.sched_getscheduler(0)": "",
    "import os; os.waitpid(-1, os.WNOHANG)": "ChildProcessError",
    "import os; os.kill(os.getpid(), 0)": "PermissionError: signals to processes are not permitted on the server",
    "import signal; signal.raise_signal(signal.SIGTERM)": "PermissionError: signals to processes are not permitted",
    "import os; open('file', 'w'); os.symlink('file', 'link')": "PermissionError: links are not permitted",
    "import os; open('file', 'w'); os.link('file', 'link')": "PermissionError: links are not permitted on the server",
    "import os; os.mkfifo('pipe')": "PermissionError: special files are not permitted on the server (os.mkfifo)",
    "import os; os.memfd_create('file')": "PermissionError: special files are not permitted on the server",
    "import os; os.setuid(os.getuid())": "PermissionError: other users are not permitted on the server (os.setuid)",
    "import pwd, os; pwd.getpwuid(os.getuid())": "KeyError: 'there are no accounts on the server'",
    "import getpass; assert getpass.getuser() == 'student'": "",
    "import mmap; mmap.mmap(-1, 100)": "PermissionError: shared memory is not permitted on the server (mmap without",
    "torch.nn.Linear(2, 2).share_memory()": "PermissionError: shared memory is not permitted on the server (torch)",
    "from multiprocessing import shared_memory; shared_memory.SharedMemory(create=True, size=9)": "shared memory is",
    "import numpy; a = numpy.memmap('map', mode='w+', shape=9); a[:] = 1; a.flush()": "",
    "import os, shutil; open('q', 'w'); os.chmod('q', 0o600); os.utime('q', (1, 1)); shutil.copy2('q', 'q2')": "",
    "import sqlite3; d = sqlite3.connect('data'); d.execute('create table a(b)'); d.commit(); d.close()": "",
    "import h5py; h5py.File('data.h5', 'w').close(); torch.save(torch.ones(2), 'tensors'); torch.load('tensors')": "",
    "import matplotlib.pyplot as plt; plt.plot([1]); plt.savefig('figure.pdf'); plt.savefig('figure.svg')": "",
    "open('/dev/null', 'w').write('1'); open('/dev/urandom', 'rb').read(1); open('/dev/zero', 'rb').read(1)": "",
    "import mimetypes, zoneinfo; mimetypes.guess_type('a.png'); zoneinfo.available_timezones()": "",
    "torch.jit.script(torch.nn.Linear(2, 2))(torch.ones(1, 2))": "",
    "import os; list(os.walk('/')); import glob; glob.glob('/etc/*')": "",
    "open('/etc/passwd')": "PermissionError: the server has only the folder in which your code runs, not /etc/passwd",
    "open('/etc/no-such-file')": "PermissionError: the server has only the folder in which your code runs, not /etc/no",
    "open('../notes.txt')": "PermissionError: the server has only the folder in which your code runs, not ../notes.txt",
    "open('/proc/cpuinfo')": "PermissionError: the server has only the folder in which your code runs, not /proc/cpu",
    "import os; os.listdir('/')": "PermissionError: the server has only the folder in which your code runs, not /",
    "import os; os.remove('/tmp/file')": "PermissionError: the server has only the folder in which your code runs, not",
    "import os; open('f', 'w'); os.rename('f', '/tmp/f')": "PermissionError: the server has only the folder in which",
    "from pathlib import Path; Path('/tmp/file').write_text('')": "PermissionError: the server has only the folder in",
    "torch.save(torch.ones(2), '/tmp/tensors')": "PermissionError: the server has only the folder in which your code",
    "import numpy; numpy.save('/tmp/array.npy', numpy.ones(2))": "PermissionError: the server has only the folder in",
    "open('large', 'wb').write(bytes(5 << 20))": "OSError: [Errno 27] File too large",
    "import torchvision": "ModuleNotFoundError: the server has no module called torchvision",
    "import os; os.system('true')": "new processes are not permitted on the server (os.system)",
    "import urllib.request; urllib.request.urlopen('http://localhost:9')": "network connections are not permitted",
    "import socket; socket.create_connection(('localhost', 9))": "network connections are not permitted",
    # how the process was started, and what the machine is
    "import multiprocessing as m; assert m.current_process().name == 'MainProcess' and m.parent_process() is None": "",
    "import argparse; argparse.ArgumentParser().parse_args()": "",
    "import os; torch.set_num_threads(os.cpu_count() - 1); torch.set_num_threads(os.cpu_count() // 2)": "",
    "import hw1; from pathlib import Path; Path(hw1.__file__).with_name('exercises.toml').read_text()": "",
    "import safetensors.torch as s; s.save_file({'a': torch.ones(2)}, '/tmp/x')": "PermissionError: the server has",
    "torch.jit.script(torch.nn.Linear(2, 2)).save('/tmp/x')": "PermissionError: the server has only",
    "torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), '/tmp/x')": "PermissionError: the server has only",
    "torch.from_file('/tmp/x', shared=True, size=4)": "PermissionError: the server has only",
    "import h5py; h5py.File('/tmp/x', 'w')": "PermissionError: the server has only",
    "import os; os.preadv(os.open('hw1/losses.py', os.O_RDONLY), [bytearray(3)], 0)": "",
    "import signal; signal.sigtimedwait([signal.SIGUSR1], 0.01)": "",
    "import time; assert time.tzname[0] == 'UTC' and not torch.cuda.is_available()": "",
    "files = [open(f'n{i}', 'w') for i in range(70)]": "Too many open files",
    "import shutil, os; os.mkdir('d'); [open(f'd/{i}', 'w').close() for i in range(1100)]": "No space left on device",
    "shutil.rmtree('d')": "",
    "files = [open(f'm{i}', 'wb').write(bytes(3 << 20)) for i in range(8)]": "No space left on device",
    "[os.remove(f'm{i}') for i in range(8) if os.path.exists(f'm{i}')]; open('after', 'w').write('x')": "",
}


@pytest.fixture(scope="module")
def box():
    try:
        with Sandbox() as box:
            yield box
    except SandboxError as error:
        pytest.skip(str(error))


# Runs each line as if it were in the file, and reports the exceptions.
TRY = """
found = []
for line in {lines!r}:
    try:
        exec(line, globals())
        found.append("")
    except Exception as error:
        found.append(f"{{type(error).__name__}}: {{error}}"[:300])
raise RuntimeError(found)
"""


def submission(folder: Path, line: str) -> Path:
    """The reference's files with a line after the imports of losses.py."""
    for file in exercises.files():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        text = (ROOT / file).read_text()
        first = text.replace("import torch\n", f"import torch\n{line}\n", 1) if file == "hw1/losses.py" else text
        (folder / file).write_text(first)
    return folder


def texts(launch, oracle, exercise: str = "1.1") -> set[str]:
    with Runner(launch) as ask:
        (verdicts,) = judge(ask, oracle, of(exercise), reveal=True)
    return {verdict.text for verdict in verdicts}


def test_only_given_files_and_the_students_are_in_a_home(monkeypatch, tmp_path):
    shutil.copytree(ROOT / "hw1", tmp_path / "repository/hw1")
    (tmp_path / "repository/hw1/helper.py").write_text("cost = 0.0\n")
    monkeypatch.setattr(home, "ROOT", tmp_path / "repository")
    home.furnish(tmp_path / "home", submission(tmp_path / "student", "MINE = 1"))
    found = {path.relative_to(tmp_path / "home").as_posix() for path in (tmp_path / "home").rglob("*.*")}
    assert found == {*server.server().given, *exercises.files()}
    assert "MINE = 1" in (tmp_path / "home/hw1/losses.py").read_text()


@pytest.fixture(scope="module")
def sides(box, tmp_path_factory) -> tuple[dict[str, str], dict[str, str]]:
    """What becomes of each line of `SAME` in a worker here and in one there: "" or the exception."""
    folder = tmp_path_factory.mktemp("path")
    (folder / "helper.py").write_text("cost = 0.0\n")  # a module of the student's own, found on the student's machine
    student = submission(tmp_path_factory.mktemp("student"), TRY.format(lines=list(SAME)))
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        found = [said(lambda: Spawned(student), Stored(ROOT)), said(box.launcher(student), Live("seed"))]
    return tuple(dict(zip(SAME, each, strict=True)) for each in found)


def said(launch, oracle) -> list[str]:
    """What a file of the student's reports through the traceback for staff."""
    with Runner(launch) as ask:
        (verdicts,) = judge(ask, oracle, of("1.1")[:1], reveal=True)
    text = re.search(r"RuntimeError: (\[.*\])", verdicts[0].staff)[1]
    # Without the places of given files, and without the file at which there was no room: it may be a few earlier.
    return [
        re.sub(r" ?\(/[^ )]*\)|(?<=left on device|any open files): .*", "", each) for each in ast.literal_eval(text)
    ]


@pytest.mark.parametrize(("line", "says"), SAME.items())
def test_both_sides_say_the_same(line, says, sides):
    here, there = (side[line] for side in sides)
    assert here == there
    assert (says in here) if says else here == ""


def test_a_worker_leaves_nothing_in_the_students_folder(tmp_path):
    student = submission(tmp_path, "open('here', 'w'); open('hw1/there', 'w')")
    before = sorted(student.rglob("*"))
    with Runner(lambda: Spawned(student)) as ask:
        list(judge(ask, Stored(ROOT), of("1.1"), reveal=True))
        folder = ask.worker.home
        assert (folder / "here").exists()
    assert sorted(student.rglob("*")) == before
    assert not folder.exists()


def test_a_computer_on_which_torch_is_slow_to_import_gives_the_same_points(tmp_path, monkeypatch):
    """The limit for a student's file begins when the worker has imported everything else."""
    monkeypatch.setattr(runner, "IMPORT_SECONDS", 3.0)

    def launch() -> Spawned:
        made = Spawned(student)
        os.kill(made.process.pid, signal.SIGSTOP)
        threading.Timer(4.0, os.kill, (made.process.pid, signal.SIGCONT)).start()
        return made

    student = submission(tmp_path, "")
    with Runner(launch) as ask:
        (verdicts,) = judge(ask, Stored(ROOT), of("1.1"), reveal=True)
    assert {verdict.status for verdict in verdicts} == {"passed"}


@pytest.mark.parametrize(("ended", "status"), [(2, "passed"), (3, "crashed")])
def test_a_worker_that_is_ended_while_it_starts_is_started_again(tmp_path, ended, status):
    started = []

    def launch() -> Spawned:
        started.append(Spawned(student))
        if len(started) <= ended:
            started[-1].process.kill()
        return started[-1]

    student = submission(tmp_path, "")
    with Runner(launch) as ask:
        (verdicts,) = judge(ask, Stored(ROOT), of("1.1"), reveal=True)
    assert {verdict.status for verdict in verdicts} == {status}
    assert len(started) == 3


def test_global_random_numbers_are_the_same_in_every_run(box, tmp_path):
    """A wrong answer that depends on a global generator is equally wrong each time, and whatever was asked before."""
    lines = """
import random, numpy
def mse_loss(pred, action):
    return (pred - action).square().sum(-1).mean() + random.random() + numpy.random.rand() + torch.rand(()).item()
"""
    student = submission(tmp_path, "")
    with (student / "hw1/losses.py").open("a") as file:
        file.write(lines)
    found = [texts(box.launcher(student), Live("seed")) for _ in range(3)]
    assert found[0] == found[1] == found[2]
    with Runner(box.launcher(student)) as ask:
        *_, last = judge(ask, Live("seed"), [*of("1.2"), *of("1.1")], reveal=True)
    assert {verdict.text for verdict in last} == found[0]


def test_an_exception_whose_text_fails_does_not_end_the_worker():
    from tests.autograder.worker import describe

    class Silent(ValueError):
        def __str__(self):
            raise SystemExit

    class Loud(ValueError):
        def __str__(self):
            return "x" * 10_000

    assert describe(Silent(), Path("student"))["message"] == ""
    assert describe(Loud(), Path("student"))["message"] == "x" * 500


def test_a_pair_of_sockets_may_consist_of_connections():
    """As on Windows, where asyncio needs it."""
    code = """
import socket
from tests.autograder.rules import enforce
def socketpair():
    listener = socket.socket(); listener.bind(("127.0.0.1", 0)); listener.listen()
    client = socket.socket(); client.connect(listener.getsockname())
    return client, listener.accept()[0]
other = type(socketpair)(socketpair.__code__.replace(co_name="other"), globals())
socket.socketpair = socketpair
enforce()
socketpair()
try:
    other()
except PermissionError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "network connections are not permitted on the server (socket.__new__)\n"


def test_matplotlib_keeps_its_list_of_fonts(monkeypatch, tmp_path):
    monkeypatch.delenv("MPLCONFIGDIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
    home.keep_fonts()
    assert "MPLCONFIGDIR" not in os.environ
    (tmp_path / "matplotlib").mkdir()
    (tmp_path / "matplotlib/fontlist-v390.json").write_text("{}")
    home.keep_fonts()
    assert os.environ["MPLCONFIGDIR"] == str(tmp_path / "matplotlib")


def test_a_worker_changes_no_variable_of_this_process(monkeypatch, tmp_path):
    monkeypatch.setenv("PYTHONHASHSEED", "7")
    before = dict(os.environ)
    Spawned(tmp_path).kill()
    assert os.environ == before
    monkeypatch.delenv("PYTHONHASHSEED")
    Spawned(tmp_path).kill()
    assert "PYTHONHASHSEED" not in os.environ


# --- the list ---------------------------------------------------------------------------------------------------------
def test_the_list_contains_what_requirements_txt_installs():
    """Dependencies of dependencies are not pinned and may change; the packages themselves may not."""
    wanted = {re.split(r"[\[=]", line)[0] for line in packages_of("requirements.txt")}
    owners = metadata.packages_distributions()
    modules = {name for name, found in owners.items() if wanted & set(found) and not name.startswith("_")}
    assert len(modules) >= len(wanted) - 2  # jupyter and pytest's plugins have no modules of their own
    assert modules <= server.server().packages
    staff = {re.split(r"[\[=]", line)[0] for line in packages_of("requirements-staff.txt")} - packages.distributions()
    assert {"hypothesis", "ruff"} <= staff
    assert not {name for name, found in owners.items() if set(found) <= staff} & server.server().packages


def packages_of(file: str) -> list[str]:
    return [line for line in (ROOT / file).read_text().splitlines() if "==" in line and not line.startswith("#")]


@pytest.mark.skipif(sys.version_info[:2] != server.server().python, reason="the list is of the server's Python")
def test_the_list_is_what_the_command_writes():
    written = packages.contents()
    stored = server.FILE.read_text(encoding="utf-8")
    assert written.partition("packages = ")[0] == stored.partition("packages = ")[0]
    assert written.partition("given = ")[2] == stored.partition("given = ")[2]


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        *((name, True) for name in ("torch.nn", "__future__", "PIL", "hw1.losses", "math", "IPython")),
        *((name, False) for name in ("tkinter", "imp", "msvcrt", "scipy", "_posixsubprocess")),
    ],
)
def test_what_can_be_imported(name, allowed):
    assert bool(server.refusal(name)) != allowed


def test_the_rules_cost_nothing():
    """The hook is called for each event of Python; it must return at once."""
    code = """
import sys, timeit
from tests.autograder.rules import enforce
work = lambda: [open("/dev/null").close() for _ in range(2000)]
before = min(timeit.repeat(work, number=1, repeat=20)); enforce()
print(min(timeit.repeat(work, number=1, repeat=20)) / before)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert float(done.stdout) < 2.5


# --- what scripts.submit warns of -------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("import scipy.stats", "line 1: the import will fail on the server: the server has no module called scipy,"),
        ("def never_called():\n    from pandas import DataFrame", "line 2: .*no module called pandas"),
        ("import importlib\nimportlib.import_module('jax')", "line 2: .*no module called jax"),
        ("import importlib\nimportlib.import_module('.own', 'hw1')", "line 2: .*hw1.own is not handed in; move"),
        ("__import__('cgi')", "line 1: .*cgi is not in the standard library of every Python"),
        ("import tests.autograder.judge", "line 1: .*not for homework"),
        ("import itertools\nx = itertools.batched([1], 2)", "line 2: .*batched.* needs Python 3.12, .* has 3.11"),
        ("from typing import override", "line 1: .*override.* needs Python 3.12"),
        ("from pathlib import Path\nfor x in Path('.').walk(): pass", "line 2: .*Path.walk.* needs Python 3.12"),
    ],
)
def test_it_warns_of_what_is_different_on_the_server(code, says):
    (warning,) = portable.warnings({"hw1/heads.py": code.encode()})
    assert re.match(f"hw1/heads.py, {says}", warning)


@pytest.mark.parametrize("code", ["type X = int", "x = f'{'a'}'", "def f[T](x: T): pass"])
def test_it_warns_of_newer_syntax(code, tmp_path):
    """Only a newer Python can read it."""
    python = next(filter(None, map(shutil.which, ("python3.12", "python3.13", "python3.14"))), None)
    if python is None or subprocess.run([python, "-c", ""], capture_output=True).returncode:
        pytest.skip("there is no newer Python here")
    show = (
        f"import sys; sys.path[:0] = {[str(ROOT), str(Path(np.__file__).parents[1])]}; from scripts import portable\n"
    )
    show += f"print(list(portable.newer({code.encode()!r})))"
    done = subprocess.run([python, "-c", show], capture_output=True, text=True, check=True)
    assert "'3.12'" in done.stdout


def test_an_expression_that_is_too_long_gets_a_sentence():
    (warning,) = portable.warnings({"hw1/heads.py": b"import scipy\nx = 1" + b" + 1" * 5000})
    assert warning.startswith("hw1/heads.py was not searched for imports: an expression in it is too long.")


def test_the_reference_gets_no_warning():
    files = {file: (ROOT / file).read_bytes() for file in exercises.files()}
    assert list(portable.warnings(files)) == []
    plain = b"y = f\"{x['a']:.3f} {'b'!r}\"\nw = f'''{x[\"a\"]}'''\n"
    assert list(portable.warnings({"hw1/heads.py": plain, "hw1/losses.py": b"import (\n"})) == []


def test_other_versions_are_named(monkeypatch):
    true = metadata.version
    monkeypatch.setattr(metadata, "version", lambda name: "1.0+cpu" if name == "numpy" else true(name))
    pinned = re.search(r"numpy==(.*)", (ROOT / "requirements.txt").read_text())[1]
    (warning,) = portable.warnings({})
    assert warning.startswith(f"numpy is 1.0 here and {pinned} on the server.")


def test_the_readme_states_the_limits():
    text = (ROOT / "README.md").read_text()
    text = " ".join(text.split())
    assert f"up to {home.FILES} files of {home.BYTES >> 20} megabytes together ({home.FILE_BYTES >> 20} each)" in text
    assert f"have {home.OPEN_FILES} of them open" in text
    assert f"more than {cage.MEMORY >> 20} megabytes of memory or {cage.THREADS} threads" in text
    assert rules.CORES == 2
    assert "it is told of two cores, no GPU and the time zone UTC" in text
    assert f"newer Python than the server's {'.'.join(map(str, server.server().python))}" in text


def test_seeds_differ_between_probes():
    from tests.autograder.worker import _seed

    drawn = []
    for probe in of("1.1"):
        _seed(probe, {"x": np.zeros(3)})
        drawn.append((random.random(), np.random.rand(), torch.rand(()).item()))
    assert len(set(drawn)) == len(drawn)


def test_a_time_out_is_tried_again_until_one_is_no_accident(monkeypatch):
    asked = Runner(launch=lambda: None)
    asked.worker = object()
    monkeypatch.setattr(asked, "_start", lambda: None)
    answers = []
    monkeypatch.setattr(asked, "_ask", lambda probe, inputs: Answer(answers.pop(0)))
    for given, told in (
        (["timed out", "ok"], "ok"),
        (["timed out", "timed out"], "timed out"),
        (["timed out"], "timed out"),
    ):
        answers[:] = given
        assert asked.ask(PROBES["1.1.1" if told == "ok" else "1.2.1"], {}).status == told
        assert answers == []
