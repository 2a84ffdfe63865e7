"""Medians of cases that are measured in turn, so that what else the machine does falls on all of them."""

import gc
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence


def medians(cases: Mapping[str, Callable[[], float]], runs: int, *, uncounted: int = 1) -> dict[str, float]:
    """The median of each case in seconds.

    Args:
        cases: each does its work once and returns the seconds it took; what it prepares or cleans up is not in them.
        runs: how often each case is run.
        uncounted: how many runs come before those, for caches and the like.
    """
    taken: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(uncounted + runs):
        for name, case in cases.items():
            gc.collect()
            taken[name].append(case())
        print({name: round(seconds[-1], 3) for name, seconds in taken.items()}, file=sys.stderr, flush=True)
    return {name: statistics.median(seconds[uncounted:]) for name, seconds in taken.items()}


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
