"""Keeps files that have no name any more, without a descriptor, by mapping one page of each."""

import mmap
import os
import time

KEPT = []
for number in range(48):
    with open(f"{number}", "wb+") as file:
        file.write(bytes(4 << 20))
        file.flush()
        KEPT.append(mmap.mmap(file.fileno(), 4096))
    os.unlink(f"{number}")
    time.sleep(0.03)
raise RuntimeError("ESCAPED 192 MiB")
