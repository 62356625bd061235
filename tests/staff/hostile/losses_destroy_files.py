"""Deletes, empties and rewrites its own files, the given files, results and the repository."""

import os
import shutil

HERE = os.path.dirname(os.path.dirname(os.path.dirname(__file__)))
for path in (__file__, f"{RESULTS}/canary.json", f"{REPOSITORY}/hw1/losses.py", f"{FELLOW}/hw1/losses.py"):
    for how in (os.unlink, lambda path: os.truncate(path, 0), lambda path: os.chmod(path, 0o777), os.utime):
        try:
            how(path)
        except OSError:
            continue
        raise RuntimeError(f"ESCAPED {path}")
    try:
        os.open(path, os.O_WRONLY)
    except OSError:
        continue
    raise RuntimeError(f"ESCAPED {path}")
shutil.rmtree(HERE, ignore_errors=True)
if not os.path.exists(__file__):
    raise RuntimeError("ESCAPED rmtree")
