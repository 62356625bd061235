"""Claims to be other modules: rewrites `__name__`, `__file__`, source lines, the table of exercises."""

import linecache
import sys

from hw1 import exercises

__file__ = exercises.__file__
linecache.getlines = lambda *args: ["passed"] * 1000
exercises.load.cache_clear()
exercises.load = lambda: {}
exercises.files = lambda: []
sys.modules[__name__].gaussian_nll = len
sys.modules["hw1.losses"] = sys.modules["math"]
