"""HW1, imitation learning: the lecture in code. Read it in this order.

    envs  experts      the road, the car, and who drives it
    rollout            who drives? one loop for evaluation, DAgger and interventions
    demos              demonstrations, collected and stored
    losses             part 1: from l2 to log likelihoods
    heads              part 2: how features become a distribution over actions
    policy  bc         observations in, actions out; behaviour cloning
    compounding        part 3: why errors compound
    gates  dagger      part 4: who takes the wheel; corrective data, and how to collect it

You edit losses, heads, compounding and dagger. What they rest on, to look up when needed: sampling and given_heads
(under heads), training, stack and checkpoint (under bc), learners (many seeds in one batch), tasks (what is trained
where, and how), exercises (the table of exercises).
"""

import os

# Tiny matrices: more than one thread only makes them wait for each other. BLAS reads these variables when numpy is
# imported; worker processes inherit them.
for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
