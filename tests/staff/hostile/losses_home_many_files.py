"""Leaves thousands of files and folders."""

import os
import time

for number in range(5000):
    os.mkdir(f"{number}")
    open(f"{number}/file", "w").close()
time.sleep(0.3)
raise RuntimeError("ESCAPED 10000")
