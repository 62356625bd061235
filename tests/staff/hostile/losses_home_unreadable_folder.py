"""Writes into a folder that nobody may list."""

import os
import time

os.mkdir("closed", 0o300)
for number in range(32):
    with open(f"closed/{number}", "wb") as file:
        file.write(bytes(4 << 20))
    time.sleep(0.05)
raise RuntimeError("ESCAPED 128 MiB")
