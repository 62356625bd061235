"""Plants sitecustomize, .pth, conftest and test files wherever Python or pytest may find them."""

import os
import site
import sys

FOLDERS = {
    *sys.path,
    *site.getsitepackages(),
    os.path.dirname(os.getcwd()),
    REPOSITORY,
    f"{REPOSITORY}/tests",
    FELLOW,
    RESULTS,
}
for folder in FOLDERS - {"", os.getcwd()}:
    for name in ("sitecustomize.py", "usercustomize.py", "evil.pth", "conftest.py", "test_evil.py", "numpy.py"):
        try:
            os.open(os.path.join(folder, name), os.O_CREAT | os.O_EXCL | os.O_WRONLY)
        except OSError:
            continue
        raise RuntimeError(f"ESCAPED {folder}/{name}")
