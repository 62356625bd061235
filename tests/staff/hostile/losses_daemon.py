"""Leaves a process in another session, which writes results after the grader has finished."""

import os
import time

try:
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            while True:
                time.sleep(0.05)
                try:
                    os.close(os.open(f"{RESULTS}/daemon", os.O_CREAT | os.O_WRONLY))
                except OSError:
                    continue
        os._exit(0)
except OSError:
    pass
