"""Looks for a seed, a token or any other hint in the environment and the arguments."""

import os
import sys

HARMLESS = {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "LC_CTYPE", "KMP_INIT_AT_FORK"}
HARMLESS |= {"KMP_DUPLICATE_LIB_OK", "PYGAME_HIDE_SUPPORT_PROMPT", "TORCHINDUCTOR_CACHE_DIR"}
HARMLESS |= {
    "HOME",
    "USERPROFILE",
    "TMPDIR",
    "TEMP",
    "TMP",
    "USER",
    "LOGNAME",
    "USERNAME",
    "PATH",
    "LANG",
    "TZ",
    "CUDA_VISIBLE_DEVICES",
    "MPLBACKEND",
}
if extra := set(os.environ) - HARMLESS:
    raise RuntimeError(f"ESCAPED {extra} {sys.argv}")
if any(str(JUDGE) in argument or "seed" in argument for argument in sys.argv):
    raise RuntimeError(f"ESCAPED {sys.argv}")
if any(str(JUDGE) in value or "seed" in value for value in os.environ.values()):
    raise RuntimeError(f"ESCAPED {os.environ}")
