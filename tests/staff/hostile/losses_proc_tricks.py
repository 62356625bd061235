"""Goes through /proc: memory, open files, root, namespaces and settings, of itself, of process 1 and of the judge."""

import os

NAMES = "mem maps environ root fd fdinfo task oom_score_adj map_files pagemap stack"
for process in ("self", "thread-self", "1", f"{os.getppid()}", f"{JUDGE}", f"self/root/proc/{JUDGE}"):
    for name in NAMES.split():
        path = f"/proc/{process}/{name}"
        for how in (
            lambda path=path: os.open(path, os.O_RDONLY),
            lambda path=path: os.open(path, os.O_WRONLY),
            lambda path=path: os.listdir(path),
            lambda path=path: os.open(f"{path}/{RESULTS}/canary.json", os.O_RDONLY),
        ):
            try:
                how()
            except OSError:
                continue
            raise RuntimeError(f"ESCAPED {path}")
for path in ("/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "/sys/kernel", "/proc/kmsg", "/proc/kcore"):
    try:
        os.open(path, os.O_RDONLY)
    except OSError:
        continue
    raise RuntimeError(f"ESCAPED {path}")
