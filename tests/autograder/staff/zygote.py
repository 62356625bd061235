"""The process from which workers are forked: it has imported everything heavy, and knows no secret.

It runs with an empty environment, on its own copy of the code, which contains neither the students' files nor expected
values. It gets requests over a socket. When the other end is closed, it ends together with everything that it started.
Requests and answers are JSON; there is at most one worker at a time:

    {"do": "serve", "user": id, "cage": what must work}, with a socket
                                                                      start a worker that answers on that socket
    {"do": "attack", "targets": {...}, "user": id}, with a socket     start one that attacks and reports on that socket
    {"do": "kill"}                                                    end it and everything that it started
"""

import gc
import importlib
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from importlib.machinery import SourceFileLoader
from pathlib import Path

from tests.autograder import home, rules
from tests.autograder.server import server
from tests.autograder.staff import cage
from tests.autograder.staff.attempts import attack
from tests.autograder.warm import warm_up

MESSAGE = 64 * 1024
WATCH_SECONDS = 0.02
SPACE = 1 << 30
"""Bytes on the disk that a worker must leave free, or half of what it has found free, if that is less."""
MARGIN = 64 << 20
"""Bytes of memory that a worker may use besides its limit, for its stack and what is measured too late."""


def main(control: int, work: str, *, root: bool, reveal: list[str] | None) -> None:
    """Serve requests on the socket `control` until it is closed.

    Args:
        work: the sandbox's folder, removed at the end: code in given/, the submission in student/, its home in home/.
        root: whether to try the mechanisms that need root.
        reveal: what workers must reach even if it is in a closed folder, such as a home directory.
    """
    os.umask(0o022)
    sock = socket.socket(fileno=control)
    place = Path(work)
    held = _namespaces(reveal, place / "home") if root else {}
    workers = Workers(place, own_mounts=held.get("mounts") is True, own_processes=held.get("processes") is True)
    try:
        cage.become_subreaper()
        _warm_up()
        _compile_once(place / "given", place / "home")
        workers.probes = _probes(place / "given")
        sock.send(json.dumps(held).encode())
        _serve(sock, workers)
    except ConnectionError:
        pass
    finally:
        workers.close()
        shutil.rmtree(work, ignore_errors=True)


def _namespaces(reveal: list[str], folder: Path) -> dict:
    """Leave the network and the processes of the machine, make the interpreter reachable, and let homes be in memory.
    Failures are reported; the cage's test decides on them."""
    held: dict[str, bool | str] = {}

    def attempt(name: str, mechanism: Callable[[], None]) -> None:
        try:
            mechanism()
            held[name] = True
        except (cage.CageError, OSError) as error:
            held[name] = f"no: {error}"

    attempt("network", cage.leave_network)
    attempt("reveal", lambda: cage.reveal([Path(path) for path in reveal]))
    attempt("mounts", lambda: _own_mounts(folder))
    attempt("processes", cage.leave_processes)
    return held


def _own_mounts(folder: Path) -> None:
    """Raises CageError if homes cannot be mounted."""
    cage.own_mounts()
    folder.mkdir()
    cage.mount_small(folder, home.BYTES, home.FILES)
    cage.unmount(folder)


def _warm_up() -> None:
    """So that no worker spends time on it."""
    import torch

    threading.stack_size(home.STACK)
    torch.set_num_interop_threads(1)
    warm_up()
    threads = len(os.listdir("/proc/self/task"))
    if threads != 1:
        raise RuntimeError(f"the zygote has {threads} threads; a forked worker would have only one of them")


def _compile_once(given: Path, target: Path) -> None:
    """Compile the given files of hw1: every worker imports some of them anew, from its home, `target`."""
    plain, known = SourceFileLoader.source_to_code, {}
    for file in server().given:
        text = (given / file).read_bytes()
        if file.endswith(".py"):
            known[text, str(target / file)] = compile(text, str(target / file), "exec", dont_inherit=True)

    def source_to_code(self, data, path, **options):
        return known.get((bytes(data), path)) or plain(self, data, path, **options)

    SourceFileLoader.source_to_code = source_to_code


def _probes(given: Path) -> dict:
    """All probes by id, including those that only the staff have."""
    from tests.autograder.probes import PROBES

    found = dict(PROBES)
    for file in sorted((given / "tests" / "autograder" / "staff" / "probes").glob("*.py")):
        probe = importlib.import_module(f"tests.autograder.staff.probes.{file.stem}").PROBE
        found[probe.id] = probe
    return found


def _serve(sock: socket.socket, workers: "Workers") -> None:
    gc.collect()
    gc.freeze()  # so that garbage collection in a worker does not copy the shared memory
    while True:
        while not select.select([sock], [], [], WATCH_SECONDS if workers.running else None)[0]:
            workers.watch()
        data, sent, _, _ = socket.recv_fds(sock, MESSAGE, 1)
        if not data:
            return
        request = json.loads(data)
        workers.kill()
        if request["do"] != "kill":
            workers.start(request, sent[0])
        for each in sent:
            os.close(each)
        sock.send(b"{}")


class Workers:
    """Starts a worker in its new home, and ends it together with everything that it started."""

    def __init__(self, place: Path, own_mounts: bool, own_processes: bool):
        """`own_mounts`, `own_processes`: whether this process has its own namespaces of them."""
        self.place, self.home = place, place / "home"
        self.own_mounts, self.own_processes = own_mounts, own_processes
        self.killer = None if own_processes else _killer()
        self.running = 0
        """The process id of the worker, 0 if there is none."""
        self.user: int | None = None
        self.probes: dict = {}
        self.memory = self.free = 0
        """Bytes of memory that the worker may use at most, and bytes that must stay free on the disk."""

    def start(self, request: dict, connection: int) -> None:
        self.user = request["user"]
        self._furnish()
        self.memory = _memory("self") + cage.MEMORY + MARGIN
        self.free = min(SPACE, _free(self.home) // 2)
        parent = os.getpid()
        self.running = os.fork()
        if not self.running:
            try:
                self._work(parent, request, connection)
            finally:
                os._exit(0)  # without the exit handlers of the parent

    def _furnish(self) -> None:
        """Make the home, which belongs to the worker's user."""
        self._remove_home()
        self.home.mkdir(exist_ok=True)
        if self.own_mounts:
            cage.mount_small(self.home, home.BYTES, home.FILES)
        home.furnish(self.home, self.place / "student")
        self.home.chmod(0o700)
        if self.user is not None:
            for path in (self.home, *self.home.rglob("*")):
                os.chown(path, self.user, self.user)

    def _work(self, parent: int, request: dict, connection: int) -> None:
        """What a worker does: close everything except its own socket, enter the cage, answer."""
        null = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1, 2):
            os.dup2(null, standard)
        os.dup2(connection, 3)
        os.closerange(4, os.sysconf("SC_OPEN_MAX"))
        sock = socket.socket(fileno=3)
        readable = [sys.prefix, sys.base_prefix, *rules.SYSTEM, *rules.DEVICES, str(self.place / "given")]
        lock_in = partial(cage.enter, parent, self.user, self.user or parent, readable, str(self.home))
        if request["do"] == "attack":
            try:
                held = lock_in()
                found = {"cage": held, "done": attack(request["targets"], held)}
            except Exception as error:
                found = {"done": [f"could not be locked in: {error!r}"]}
            sock.sendall(json.dumps(found).encode())
        elif lock_in() == request["cage"]:  # otherwise it is not the cage that was tested
            from tests.autograder import worker

            home.settle(self.home)
            worker.serve(sock, self.home, self.probes)

    def kill(self) -> None:
        """End the worker and every process of its namespace or else its user; wait until they have ended."""
        if not self.running:
            return
        os.kill(self.running, signal.SIGKILL)
        self.running = 0
        if self.own_processes:
            with suppress(ProcessLookupError):
                os.kill(-1, signal.SIGKILL)  # all processes that this one can see, except itself
        elif self.user is not None:
            self.killer.send(str(self.user).encode())
            self.killer.recv(1)
        with suppress(ChildProcessError):
            while True:
                os.waitpid(-1, 0)

    def watch(self) -> None:
        """End the worker if it uses too much: memory in a way that no limit counts, or space on the disk."""
        children = Path("/proc/thread-self/children").read_text().split()  # as /proc numbers them
        if sum(map(_memory, children)) > self.memory or (not self.own_mounts and self._wrote_too_much()):
            self.kill()

    def _wrote_too_much(self) -> bool:
        """Where nothing else limits it. Files without a name are not found; that the disk gets full is."""
        size = files = 0
        try:
            for folder, below, names in os.walk(self.home, onerror=_unless_removed):
                files += len(below) + len(names)
                size += sum(_blocks(os.path.join(folder, name)) for name in names)
                if size > home.BYTES or files > home.FILES:
                    return True
        except OSError:  # a folder that is closed or too deep, where everything could be hidden
            return True
        return _free(self.home) < self.free

    def close(self) -> None:
        self.kill()
        self._remove_home()

    def _remove_home(self) -> None:
        if self.own_mounts:
            with suppress(cage.CageError):
                cage.unmount(self.home)
        elif self.home.exists():  # by programs that no depth of folders stops
            subprocess.run(["chmod", "-R", "u+rwX", self.home], stderr=subprocess.DEVNULL)
            subprocess.run(["rm", "-rf", "--", self.home], stderr=subprocess.DEVNULL)


def _memory(process: str) -> int:
    """Bytes of memory that are only of this process, or still shared with the one from which it was forked."""
    with suppress(OSError):  # it has ended
        pages = Path(f"/proc/{process}/statm").read_text().split()
        return (int(pages[1]) - int(pages[2])) * os.sysconf("SC_PAGE_SIZE")
    return 0


def _unless_removed(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error


def _blocks(path: str) -> int:
    """Bytes that a file takes on the disk."""
    try:
        return os.lstat(path).st_blocks * 512
    except FileNotFoundError:  # it has just been removed
        return 0


def _free(folder: Path) -> int:
    about = os.statvfs(folder)
    return about.f_bavail * about.f_frsize


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
