"""Is interrupted by an alarm a thousand times a second, catches its own faults, and ignores every signal."""

import contextlib
import signal
import time


def interrupt(number, frame):
    raise KeyboardInterrupt


for number in range(1, 65):
    with contextlib.suppress(OSError, ValueError):
        signal.signal(number, signal.SIG_IGN)
signal.signal(signal.SIGALRM, interrupt)
signal.signal(signal.SIGVTALRM, interrupt)


def gaussian_nll(mean, log_std, action):
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    signal.setitimer(signal.ITIMER_VIRTUAL, 0.001, 0.001)
    while True:
        with contextlib.suppress(BaseException):
            time.sleep(1)
