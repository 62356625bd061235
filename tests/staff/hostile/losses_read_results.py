"""Reads the results of others and leaks them in the message of an exception."""

import os

for folder, _, files in os.walk(RESULTS):
    for name in files:
        raise RuntimeError("ESCAPED " + open(os.path.join(folder, name)).read())
open(f"{RESULTS}/canary.json").read()
