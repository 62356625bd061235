"""The commands, run as `python -m scripts.NAME`: check, submit, train, figures."""

import sys

import hw1  # noqa: F401 (one thread for BLAS, which must be set before numpy is imported)


def _end(kind, error, trace) -> None:
    """Ctrl-C while packages are still being imported, which takes seconds, needs no traceback."""
    print("\ninterrupted", file=sys.stderr) if kind is KeyboardInterrupt else sys.__excepthook__(kind, error, trace)


if sys.argv[0] == "-m":  # `python -m` is looking for one of the commands
    sys.excepthook = _end
