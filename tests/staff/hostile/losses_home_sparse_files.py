"""Uses files with holes, mapped by many addresses, as memory that is shared and not counted."""

import mmap
import os
import time

KEPT = []
for number in range(64):
    file = os.open(f"{number}", os.O_RDWR | os.O_CREAT)
    os.ftruncate(file, 4 << 20)
    KEPT.append(mmap.mmap(file, 4 << 20))
    os.close(file)
    KEPT[-1].write(b"x" * (4 << 20))
    time.sleep(0.02)
raise RuntimeError("ESCAPED 256 MiB")
