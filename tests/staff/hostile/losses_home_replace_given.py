"""Replaces hw1 in its home, before the other files are imported, and every other module that can be found there."""

import os

EVIL = """
import builtins, sys
builtins.EVIL = True
raise SystemExit
"""
os.rename("hw1", "old")
for folder in ("hw1", "tests/autograder/probes", "numpy", "torch", "json", "hw1/__pycache__"):
    os.makedirs(folder, exist_ok=True)
    with open(f"{folder}/__init__.py", "w") as file:
        file.write(EVIL)
for name in ("heads", "dagger", "envs", "bc", "exercises"):
    with open(f"hw1/{name}.py", "w") as file:
        file.write(EVIL)
for name in ("sitecustomize.py", "usercustomize.py", "evil.pth", "conftest.py", "pyvenv.cfg", ".pythonrc"):
    with open(name, "w") as file:
        file.write(EVIL)
os.environ |= {"PYTHONPATH": os.getcwd(), "PYTHONSTARTUP": ".pythonrc", "LD_PRELOAD": "evil.so"}
