"""Moves its home, its parents and the given code away, and others' files into its home."""

import os

HOME = os.environ["HOME"]
WORK = os.path.dirname(HOME)
for source, target in (
    (HOME, f"{WORK}/other"),
    (WORK, "/tmp/hw1-moved"),
    (f"{WORK}/given", f"{HOME}/given"),
    (f"{WORK}/student", f"{HOME}/student"),
    ("hw1", f"{WORK}/hw1"),
    ("hw1", "/tmp/hw1-moved"),
    (f"{WORK}/given/hw1/envs.py", "envs.py"),
    ("hw1/envs.py", f"{WORK}/given/hw1/envs.py"),
    (f"{RESULTS}/canary.json", "canary.json"),
):
    try:
        os.rename(source, target)
    except OSError:
        continue
    raise RuntimeError(f"ESCAPED {source} to {target}")
