"""What commands show on a terminal."""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def progress(text: str) -> Iterator[None]:
    """Show `text` on a terminal until the block ends."""
    if not sys.stderr.isatty():
        yield
        return
    text = text[: shutil.get_terminal_size().columns - 1]
    print(text, end="", flush=True, file=sys.stderr)
    try:
        yield
    finally:
        print("\r" + " " * len(text) + "\r", end="", flush=True, file=sys.stderr)


def colour() -> bool:
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ


def prepare_terminal() -> None:
    """Make any text printable, and colours work on Windows."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")
    if sys.platform == "win32":
        import colorama  # pytest installs it there

        colorama.just_fix_windows_console()
