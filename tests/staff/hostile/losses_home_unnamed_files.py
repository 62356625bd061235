"""Writes files that never had a name, and keeps them by mapping one page of each."""

import mmap
import os
import time

KEPT = []
for _ in range(48):
    unnamed = os.open(".", os.O_TMPFILE | os.O_RDWR, 0o600)
    os.write(unnamed, bytes(4 << 20))
    KEPT.append(mmap.mmap(unnamed, 4096))
    os.close(unnamed)
    time.sleep(0.03)
raise RuntimeError("ESCAPED 192 MiB")
