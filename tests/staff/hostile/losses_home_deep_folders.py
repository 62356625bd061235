"""Writes below so many folders that a path to them is longer than the system accepts."""

import os
import time

for _ in range(30):
    os.mkdir("d" * 250)
    os.chdir("d" * 250)
for number in range(32):
    with open(f"{number}", "wb") as file:
        file.write(bytes(4 << 20))
    time.sleep(0.05)
raise RuntimeError("ESCAPED 128 MiB")
