"""How the benchmark measures: in CPU seconds of one thread, the arms of a comparison taking turns."""

import statistics
import time
from collections.abc import Callable

from tqdm import tqdm


def interleaved(repeats: int, **arms: Callable[[], float]) -> dict[str, float]:
    """Median cost of each arm. The arms take turns; the first turn warms everything up and is not counted."""
    costs: dict[str, list[float]] = {name: [] for name in arms}
    for _ in tqdm(range(repeats + 1), desc=", ".join(arms), leave=False):
        for name, arm in arms.items():
            costs[name].append(arm())
    return {name: statistics.median(values[1:]) for name, values in costs.items()}


def cpu_seconds(work: Callable[[], object]) -> float:
    begin = time.process_time()
    work()
    return time.process_time() - begin
