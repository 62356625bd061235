"""Deletes, empties and rewrites the given files, results and the repository. Its own home it may destroy."""

import os
import shutil

import hw1

GIVEN = hw1.__file__
for path in (GIVEN, f"{RESULTS}/canary.json", f"{REPOSITORY}/hw1/losses.py", f"{FELLOW}/hw1/losses.py"):
    for how in (os.unlink, lambda path: os.truncate(path, 0), lambda path: os.chmod(path, 0o777), os.utime):
        try:
            how(path)
        except OSError:
            continue
        raise RuntimeError(f"ESCAPED {path}")
    for flags in (os.O_WRONLY, os.O_RDWR, os.O_RDONLY | os.O_TRUNC, os.O_WRONLY | os.O_APPEND):
        try:
            os.open(path, flags)
        except OSError:
            continue
        raise RuntimeError(f"ESCAPED {path}")
    for how in (os.rename, os.replace, os.link, os.symlink, shutil.move):
        for pair in ((path, "mine"), (__file__, path)):
            try:
                how(*pair)
            except OSError:
                continue
            if not os.path.islink("mine"):
                raise RuntimeError(f"ESCAPED {how} {pair}")
shutil.rmtree(os.path.dirname(os.path.dirname(os.path.dirname(GIVEN))), ignore_errors=True)
if not os.path.exists(GIVEN):
    raise RuntimeError("ESCAPED rmtree")
shutil.rmtree(os.getcwd(), ignore_errors=True)
