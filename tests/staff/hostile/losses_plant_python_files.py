"""Plants sitecustomize, .pth, conftest and test files wherever Python or pytest may find them."""

import os
import site
import sys

for folder in {*sys.path, *site.getsitepackages(), os.getcwd(), REPOSITORY, f"{REPOSITORY}/tests", FELLOW, RESULTS}:
    for name in ("sitecustomize.py", "usercustomize.py", "evil.pth", "conftest.py", "test_evil.py", "numpy.py"):
        try:
            os.open(os.path.join(folder, name), os.O_CREAT | os.O_EXCL | os.O_WRONLY)
        except OSError:
            continue
        raise RuntimeError(f"ESCAPED {folder}/{name}")
