"""The process from which workers are forked: it has imported everything heavy, and knows no secret.

It runs with an empty environment, on its own copy of the code, which contains neither the students' files nor expected
values. It gets requests over a socket. When the other end is closed, it ends together with everything that it started.
Requests and answers are JSON; there is at most one worker at a time:

    {"do": "serve", "student": folder, "user": id, "cage": what must work}, with a socket
                                                                      start a worker that answers on that socket
    {"do": "attack", "targets": {...}, "user": id}, with a socket     start one that attacks and reports on that socket
    {"do": "kill", "user": id}                                        end it and every process of that user
"""

import gc
import importlib
import json
import os
import shutil
import signal
import socket
import sys
from pathlib import Path

from tests.autograder.staff import cage

MESSAGE = 64 * 1024
SYSTEM = ["/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache", "/usr/share/zoneinfo"]
DEVICES = ["/dev/null", "/dev/urandom"]


def main(control: int, given: str, work: str, prepare: dict) -> None:
    """Serve requests on the socket `control` until it is closed.

    Args:
        given: the folder of the code that is imported.
        work: the sandbox's folder, removed at the end.
        prepare: {"network": bool, "reveal": [paths]}, the namespaces to try.
    """
    os.umask(0o022)
    sock = socket.socket(fileno=control)
    killer = _killer()
    readable = [sys.prefix, sys.base_prefix, *SYSTEM, *DEVICES, given]
    try:
        cage.become_subreaper()
        held = _namespaces(prepare)
        _warm_up()
        probes = _probes(Path(given))
        sock.send(json.dumps(held).encode())
        _serve(sock, killer, readable, probes)
    except ConnectionError:
        pass
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _namespaces(prepare: dict) -> dict:
    """Leave the network, make the interpreter reachable. Failures are reported; the cage's test decides on them."""
    held = {}
    for name, mechanism in {
        "network": cage.leave_network,
        "reveal": lambda: cage.reveal([Path(p) for p in prepare["reveal"]]),
    }.items():
        if prepare[name]:
            try:
                mechanism()
                held[name] = True
            except (cage.CageError, OSError) as error:
                held[name] = f"no: {error}"
    return held


def _warm_up() -> None:
    """Import and use once what probes and students use, so that no worker spends time on it."""
    import gymnasium  # noqa: F401
    import safetensors.numpy  # noqa: F401
    import torch

    import hw1.demos
    import hw1.envs
    import hw1.experts
    import hw1.rollout  # noqa: F401
    from tests.autograder import worker  # noqa: F401

    torch.set_num_threads(1)
    torch.set_num_interop_threads(1)
    layer = torch.nn.Linear(2, 2)
    optimizer = torch.optim.Adam(layer.parameters())
    layer(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    torch.func.vmap(torch.func.grad(lambda x: x.square().sum()))(torch.ones(2, 2))
    torch.distributions.Normal(0.0, 1.0).sample()
    torch.manual_seed(0)
    threads = len(os.listdir("/proc/self/task"))
    if threads != 1:
        raise RuntimeError(f"the zygote has {threads} threads; a forked worker would have only one of them")


def _probes(given: Path) -> dict:
    """All probes by id, including those that only the staff have."""
    from tests.autograder.probes import PROBES

    found = dict(PROBES)
    for file in sorted((given / "tests" / "autograder" / "staff" / "probes").glob("*.py")):
        probe = importlib.import_module(f"tests.autograder.staff.probes.{file.stem}").PROBE
        found[probe.id] = probe
    return found


def _serve(sock: socket.socket, killer: socket.socket, readable: list[str], probes: dict) -> None:
    gc.collect()
    gc.freeze()  # so that garbage collection in a worker does not copy the shared memory
    user = None
    try:
        while True:
            data, sent, _, _ = socket.recv_fds(sock, MESSAGE, 1)
            if not data:
                return
            request = json.loads(data)
            user = request["user"]
            _kill(user, killer)
            if request["do"] != "kill":
                _fork(request, sent[0], readable, probes)
            for each in sent:
                os.close(each)
            sock.send(b"{}")
    finally:
        _kill(user, killer)


_worker: list[int] = []


def _fork(request: dict, connection: int, readable: list[str], probes: dict) -> None:
    parent = os.getpid()
    child = os.fork()
    if child:
        _worker.append(child)
        return
    try:
        _work(parent, request, connection, readable, probes)
    finally:
        os._exit(0)  # without the exit handlers of the parent


def _work(parent: int, request: dict, connection: int, readable: list[str], probes: dict) -> None:
    """What a worker does: close everything except its own socket, enter the cage, answer."""
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    os.dup2(connection, 3)
    os.closerange(4, os.sysconf("SC_OPEN_MAX"))
    sock = socket.socket(fileno=3)
    if request["do"] == "attack":
        try:
            held = cage.enter(parent, request["user"], readable)
            found = {"cage": held, "done": attack(request["targets"])}
        except Exception as error:
            found = {"done": [f"could not be locked in: {error!r}"]}
        sock.sendall(json.dumps(found).encode())
        return
    from tests.autograder import worker

    if cage.enter(parent, request["user"], [*readable, request["student"]]) != request["cage"]:
        return  # this is not the cage that was tested
    worker.serve(sock, Path(request["student"]), probes)


def _kill(user: int | None, killer: socket.socket) -> None:
    """End the worker and, acting as that user, every process of that user; wait until they have ended."""
    if not _worker:
        return
    for child in _worker:
        os.kill(child, signal.SIGKILL)
    _worker.clear()
    if user is not None:
        killer.send(str(user).encode())
        killer.recv(1)
    try:
        while True:
            os.waitpid(-1, 0)
    except ChildProcessError:
        pass


def _killer() -> socket.socket:
    """Start a process that ends all processes of a user on request; returns the socket for the requests.

    It is forked while this process is small: a later fork would take longer than everything else. It is not a child of
    this process, which waits until all its children have ended.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        theirs.close()
        return ours
    try:
        if not os.fork():
            os.dup2(theirs.fileno(), 3)
            os.closerange(4, os.sysconf("SC_OPEN_MAX"))
            _kill_on_demand(socket.socket(fileno=3))
    finally:
        os._exit(0)


def _kill_on_demand(sock: socket.socket) -> None:
    while user := sock.recv(16):
        child = os.fork()
        if not child:
            try:
                os.setgroups([])
                os.setresgid(int(user), int(user), int(user))
                os.setresuid(int(user), int(user), int(user))
                os.kill(-1, signal.SIGKILL)
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        sock.send(b".")


# --- what a caged process must not be able to do ----------------------------------------------------------------------
def attack(targets: dict) -> list[str]:
    """Try what is forbidden; returns what "could" be done, and what "could not" although it is needed.

    Args:
        targets: "read": files and folders; "write": folders; "process": the id of the judge.
    """
    judge = f"/proc/{targets['process']}"
    attempts = {f"read {path}": lambda path=path: _read(path) for path in targets["read"]}
    attempts |= {f"read the judge's {name}": lambda name=name: _read(f"{judge}/{name}") for name in ("environ", "mem")}
    attempts |= {"list the judge's open files": lambda: os.listdir(f"{judge}/fd")}
    attempts |= {f"write a file in {path}": lambda path=path: _write(path) for path in targets["write"]}
    attempts |= {
        "open a network socket": lambda: socket.socket(socket.AF_INET),
        "open a local socket": lambda: socket.socket(socket.AF_UNIX),
        "signal the judge": lambda: os.kill(targets["process"], 0),
        "signal the zygote": lambda: os.kill(os.getppid(), 0),
        "start a process": _fork_once,
        "run a program": lambda: os.execv(sys.executable, [sys.executable, "-c", ""]),
    }
    done = [f"could {name}" for name, attempt in attempts.items() if _succeeds(attempt)]
    here = [sys.executable, os.__file__, sys.modules["torch"].__file__, __file__]
    return done + [
        f"could not read {path}, which it needs" for path in here if not _succeeds(lambda path=path: _read(path))
    ]


def _succeeds(attempt) -> bool:
    try:
        attempt()
        return True
    except OSError:
        return False


def _read(path: str) -> None:
    if os.path.isdir(path):
        os.listdir(path)
    else:
        with open(path, "rb", buffering=0) as file:
            file.read(1)


def _write(folder: str) -> None:
    path = os.path.join(folder, f"written-{os.getpid()}")
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
    os.unlink(path)


def _fork_once() -> None:
    if not os.fork():
        os._exit(0)
