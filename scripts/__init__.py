"""The commands, run as `python -m scripts.NAME`: check, submit, train, figures."""

import hw1  # noqa: F401 (one thread for BLAS, which must be set before numpy is imported)
