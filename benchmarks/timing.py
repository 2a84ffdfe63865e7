"""Medians of cases that are measured in turn, so that what else the machine does falls on all of them."""

import gc
import statistics
import time
from collections.abc import Callable, Mapping, Sequence


def medians(cases: Mapping[str, Callable[[], float]], runs: int) -> dict[str, float]:
    """The median of each case in seconds.

    Args:
        cases: each does its work once and returns the seconds it took; what it prepares or cleans up is not in them.
        runs: how often each case is run, after one run that is not counted.
    """
    taken: dict[str, list[float]] = {name: [] for name in cases}
    for run in range(runs + 1):
        for name, case in cases.items():
            gc.collect()
            seconds = case()
            if run:
                taken[name].append(seconds)
    return {name: statistics.median(seconds) for name, seconds in taken.items()}


def seconds_of(work: Callable[[], object], *, cpu: bool = False) -> float:
    """How long a piece of work takes: by the clock on the wall, or of this process's own time (user and system)."""
    clock = time.process_time if cpu else time.perf_counter
    begun = clock()
    work()
    return clock() - begun


def table(rows: Sequence[tuple[str, ...]]) -> str:
    """Rows as a Markdown table, the first one its head."""
    head, *body = rows
    lines = [head, tuple("---" if column == 0 else "---:" for column in range(len(head))), *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
