"""The home of a worker: a private folder that looks like the release, so that files are found here as on the server.

A student's code runs in it, may write into it, and finds there hw1/ with the given files and its own. The folder is new
for each worker and is removed after it.
"""

import io
import os
import shutil
import signal
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from hw1 import exercises
from hw1.exercises import ROOT
from tests.autograder.server import server

BYTES = 16 << 20
"""What may be written into a home in all."""
FILE_BYTES = 4 << 20
"""What one file may hold."""
FILES = 1000
"""How many files may be made in a home."""
OPEN_FILES = 64
"""How many files may be open at a time."""
STACK = 2 << 20
"""Bytes of a thread's stack. On the server it counts as memory even if it is not used."""
PYTHON = {"PYTHONHASHSEED": "0", "PYTHONUTF8": "1", "PYTHONWARNINGS": "ignore"}
"""Variables for a new process: sets of strings have the same order in every run, text files the same encoding, and no
warning names a place that exists only during a check."""
THREADS = tuple(f"{library}_NUM_THREADS" for library in ("OMP", "OPENBLAS", "MKL"))
# What Python itself needs on Windows, and where matplotlib keeps its list of fonts.
KEPT = {"SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "NUMBER_OF_PROCESSORS", "MPLCONFIGDIR", *THREADS}


def furnish(home: Path, student: Path) -> None:
    """Copy the given files, and the student's files from the folder `student`, to `home`. Links are not followed."""
    sources = dict.fromkeys(server().given, ROOT) | dict.fromkeys(exercises.files(), student)
    for file, folder in sources.items():
        if (folder / file).is_file() and not (folder / file).is_symlink():
            copy(folder / file, home / file)


def copy(source: Path, target: Path) -> None:
    """Copy a file's contents; everyone who may enter the folder can read the copy."""
    for folder in reversed(target.parents):
        if not folder.exists():
            folder.mkdir()
            folder.chmod(0o755)  # whatever the umask is
    shutil.copyfile(source, target)
    target.chmod(0o644)


def keep_fonts() -> None:
    """Let matplotlib find the list of fonts that it has made on this machine: to make one can take a minute."""
    caches = (
        Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "matplotlib",
        Path.home() / ".matplotlib",
    )
    for folder in caches:
        if any(folder.glob("fontlist*.json")):
            os.environ.setdefault("MPLCONFIGDIR", str(folder))


def limit_files() -> None:
    """Let no file of this process become larger, and no more be open, than on the server, where the system can do
    that. What is printed has no limit there, so it has none here either, not even in a log file."""
    with suppress(ImportError):  # not on Windows
        import resource

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # an error instead
        resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES, FILE_BYTES))
        resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, OPEN_FILES))
        printed = io.BufferedWriter(Printed(sys.stderr.fileno(), "w", closefd=False))
        sys.stderr = io.TextIOWrapper(printed, "utf-8", "backslashreplace", line_buffering=True)


class Printed(io.FileIO):
    """A file that leaves out what it cannot write, instead of raising OSError."""

    def write(self, data) -> int:
        with suppress(OSError):
            return super().write(data) or len(data)
        return len(data)


def settle(home: Path) -> None:
    """Make `home` the current folder, the home and the place of temporary files of this process, with an environment
    that is the same everywhere."""
    environment = {name: os.environ[name] for name in KEPT & os.environ.keys()}
    environment |= {name: str(home) for name in ("HOME", "USERPROFILE", "TMPDIR", "TEMP", "TMP")}
    environment |= {"USER": "student", "LOGNAME": "student", "USERNAME": "student", "PATH": os.defpath}
    environment |= {"LANG": "C.UTF-8", "TZ": "UTC", "MPLBACKEND": "Agg"}
    environment |= {"CUDA_VISIBLE_DEVICES": ""}  # the server has none
    os.environ.clear()
    os.environ.update(environment)
    if hasattr(time, "tzset"):  # not on Windows
        time.tzset()
    os.chdir(home)
    tempfile.tempdir = None  # found again from the environment
