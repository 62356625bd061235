"""Searches everything that it can read for a solution or a stored answer, and reports what it found."""

import os
import sys

FOUND = []
for top in {*sys.path, os.getcwd(), "/tmp", "/var/tmp", "/home", "/autograder", REPOSITORY, os.path.dirname(RESULTS)}:
    if top.startswith(sys.base_prefix) or "site-packages" in top:
        continue
    for folder, _, files in os.walk(top):
        for name in files:
            path = os.path.join(folder, name)
            if name.endswith((".safetensors", ".npz")):
                FOUND.append(path)
            if name.endswith((".py", ".toml", ".json")) and os.path.realpath(path) != os.path.realpath(__file__):
                try:
                    if "BEGIN SOL" + "UTION 1.3" in open(path).read():
                        FOUND.append(path)
                except (OSError, UnicodeDecodeError):
                    continue
if FOUND:
    raise RuntimeError(f"ESCAPED {FOUND}")
