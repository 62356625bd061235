"""HW1, imitation learning. Read it in this order; it is the lecture in code.

demos -> losses -> heads -> policy -> bc -> rollout -> compounding -> dagger
"""

import os

# Tiny matrices: more than one thread only makes them wait for each other. BLAS reads these variables when numpy is
# imported; worker processes inherit them.
for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
