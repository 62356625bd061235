"""The process that runs a student's code. It receives inputs and returns arrays; it never sees an expected value."""

import bdb
import contextlib
import importlib
import random
import re
import signal
import socket
import sys
import threading
import traceback
import zlib
from pathlib import Path
from types import ModuleType

import numpy as np

from hw1 import exercises
from tests.autograder import forms, given, home, wire
from tests.autograder.probes.base import Homework, Probe
from tests.autograder.rules import enforce

# The student sees the names of their exceptions.
LIBRARIES = {"builtins", "bdb", "dataclasses", "torch", "numpy", "gymnasium"}
FRAMES, TRACEBACK = 20, 8_000  # the frames and the characters of a traceback that staff get


def serve(sock: socket.socket, student: Path, probes: dict[str, Probe]) -> None:
    """Answer requests until the other side closes the connection.

    A request {"ready": true} waits until the worker can begin, {"import": "hw1/losses.py"} imports a file, {"stand in":
    "hw1/losses.py"} replaces it by a stand-in module in which every exercise is unfinished, and {"probe": "1.3.1"} with
    arrays runs a probe on them.

    Args:
        student: the folder whose `hw1` contains the student's files, and all others: the worker's home.
    """
    use(student)
    sys.modules["hw1"].__path__[:] = [str(student / "hw1")]  # not files that somebody has added to the given ones
    enforce()
    sys.breakpointhook = _no_debugger
    hw1 = Homework()
    with contextlib.redirect_stdout(sys.stderr):
        while True:
            try:
                request, inputs = wire.receive(sock)
            except EOFError:
                return
            if "ready" in request:
                wire.send(sock, {"status": "ok"})
            elif "import" in request:
                wire.send(sock, _import(request["import"], student))
            elif "stand in" in request:
                wire.send(sock, _stand_in(request["stand in"]))
            else:
                wire.send(sock, *answer(hw1, probes[request["probe"]], inputs, student))


def _no_debugger(*args, **kwargs):
    """breakpoint() in a process that nobody can type into."""
    raise bdb.BdbQuit


def use(student: Path) -> None:
    """Let imports from `hw1` find the student's files before the given ones."""
    import hw1

    hw1.__path__.insert(0, str(student / "hw1"))
    for file in exercises.files():
        sys.modules.pop(_module(file), None)
    importlib.invalidate_caches()


def _module(file: str) -> str:
    return file.removesuffix(".py").replace("/", ".")


def _import(file: str, student: Path) -> dict:
    """Import a student's file. If it is broken, a stand-in replaces it, so that only its own exercises fail."""
    try:
        if not (student / file).is_file():
            _stand_in(file)
            return {"status": "missing"}
        _seed_with(zlib.crc32(file.encode()))
        _complete(file, importlib.import_module(_module(file)))
        return {"status": "ok"}
    except BaseException as error:
        _stand_in(file)
        return describe(error, student)


def _stand_in(file: str) -> dict:
    """Replace the module of `file` by one in which every exercise is unfinished."""
    package, _, name = _module(file).rpartition(".")
    module = ModuleType(_module(file))
    for exercise in exercises.load().values():
        if exercise.file == file:
            vars(module).update({each: _unfinished(exercise.id) for each in exercise.names})
    sys.modules[module.__name__] = module
    setattr(sys.modules[package], name, module)
    return {"status": "ok"}


def _complete(file: str, module: ModuleType) -> None:
    """Define what an exercise's file lacks, so that files that import it can be imported: only its exercise fails."""
    for exercise in exercises.load().values():
        for name in exercise.names:
            if exercise.file == file and not hasattr(module, name):
                setattr(module, name, _lacking(file, name))


def _lacking(file: str, name: str):
    def function(*args, **kwargs):
        raise AttributeError(f"{file} has no {name}; has it another name now?")

    return function


def _unfinished(exercise: str):
    def function(*args, **kwargs):
        raise NotImplementedError(f"TODO {exercise}")

    return function


def answer(hw1: Homework, probe: Probe, inputs: wire.Arrays, student: Path) -> tuple[dict, wire.Arrays]:
    """The header and arrays of the answer to one probe: {"status": "ok"} and its arrays, or the error and no arrays."""
    _seed(probe, inputs)
    try:
        return {"status": "ok"}, run(hw1, probe, inputs)
    except BaseException as error:  # a student's SystemExit or KeyboardInterrupt must not end the worker
        return describe(error, student), {}


def _seed(probe: Probe, inputs: wire.Arrays) -> None:
    """Seed the global random generators: who uses them gets the same answers in every run, whatever ran before."""
    seed = zlib.crc32(probe.id.encode())
    for name, array in inputs.items():
        seed = zlib.crc32(array.tobytes(), zlib.crc32(name.encode(), seed))
    _seed_with(seed)


def _seed_with(seed: int) -> None:
    import torch

    random.seed(seed)
    np.random.seed(seed)
    torch.default_generator.manual_seed(seed)  # torch.manual_seed also notes who asks: 1 ms


def run(hw1: Homework, probe: Probe, inputs: wire.Arrays) -> wire.Arrays:
    """Run one probe; what it returns, as arrays. The inputs are copied, since the student's code may change them."""
    answer = probe.run(hw1, {name: np.array(array) for name, array in inputs.items()})
    return {name: to_numpy(value) for name, value in answer.items()}


def to_numpy(value) -> np.ndarray:
    """Tensors, arrays and numbers as arrays of plain numbers."""
    array = np.asarray(value.detach().cpu().numpy() if hasattr(value, "detach") else value)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"got {type(value).__name__}, expected a tensor, an array or a number")
    return array


def describe(error: BaseException, student: Path) -> dict:
    """An exception as a header: its kind, its message, the line of the student's code that led to it, and the given
    function that this line called, if the exception came from there; under "staff" the whole traceback."""
    frames = [
        (frame.f_code.co_filename, line, f"{Path(frame.f_code.co_filename).stem}.{frame.f_code.co_qualname}")
        for frame, line in traceback.walk_tb(error.__traceback__)
    ]
    if isinstance(error, SyntaxError):
        frames.append((error.filename, error.lineno, ""))
    files = {str(student / file): file for file in exercises.files()}
    own = [number for number, (name, _, code) in enumerate(frames) if name in files and code not in given.METHODS]
    where = {"file": files[frames[own[-1]][0]], "line": frames[own[-1]][1]} if own else {}
    if todo := exercises.unfinished(error):
        return {"status": "todo", "exercise": todo, **where}
    where["staff"] = _traceback(error)
    if isinstance(error, forms.FormError):
        return {"status": "form", **error.detail, **where}
    if own and (after := frames[own[-1] + 1 :]):
        method = next((code for *_, code in after if code in given.METHODS), "")
        function = re.sub(r"\.(\w+\.)*", ".", after[0][2]) if Path(after[0][0]).parent.name == "hw1" else ""
        where["given"] = method or function
    if isinstance(error, SyntaxError) and (line := conflict(Path(error.filename or ""))):
        return {"status": "error", "kind": "conflict", "message": "", **where | {"line": line}}
    message = error.msg if isinstance(error, SyntaxError) else error  # without the place, which `where` contains
    kind = type(error)
    named = kind.__module__.partition(".")[0] in LIBRARIES
    return {"status": "error", "kind": kind.__name__ if named else "", "message": _message(message), **where}


def _message(error: object) -> str:
    """The start of an exception's text; "" if its own __str__ fails."""
    try:
        return str(error)[:500]
    except BaseException:
        return ""


def _traceback(error: BaseException) -> str:
    """The last frames and the message, in ASCII and of a limited length; "" if the exception prevents it."""
    try:
        text = "".join(traceback.TracebackException.from_exception(error, limit=-FRAMES).format())
        data = text.encode("ascii", "backslashreplace")
    except BaseException:
        return ""
    half = TRACEBACK // 2
    return (data if len(data) <= TRACEBACK else data[:half] + b"\n...\n" + data[-half:]).decode()


def conflict(file: Path) -> int:
    """The line with the first marker of a merge conflict in a file; 0 if there is none."""
    with contextlib.suppress(OSError):
        for number, line in enumerate(file.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            if line.startswith(("<<<<<<< ", ">>>>>>> ", "||||||| ")):
                return number
    return 0


def main(sock: socket.socket, student: Path) -> None:
    """Entry point of a worker in a new process (`tests.autograder.runner`). `student`: its home."""
    home.keep_fonts()
    home.settle(student)
    home.limit_files()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the judge, which then ends this process
    import torch
    from tqdm import tqdm

    threading.stack_size(home.STACK)
    torch.set_num_threads(1)
    torch.set_num_interop_threads(1)
    tqdm.set_lock(threading.RLock())  # its own lock is shared by processes, and is left behind when this one is killed
    from tests.autograder.probes import PROBES

    serve(sock, student, PROBES)
