"""What people run, as `python -m scripts.NAME`: check, submit, train, figures."""

import os

# Tiny matrices: more than one thread only makes them wait for each other. This has to be said before numpy is imported;
# worker processes inherit it.
for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
