"""Opens files, pipes and copies of its socket until no more can be opened."""

import os


def gaussian_nll(mean, log_std, action):
    while True:
        try:
            os.pipe()
            os.dup(3)
        except OSError:
            os.close(3)
            raise
