"""Waits until nothing of the run before disturbs the next one."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from benchmarks.errors import BenchmarkFailed
from benchmarks.proc import cpu_s, machine_cpu_s, unwritten_mb

LOOK_S = 0.25
BUSY_SHARE = 0.12  # of all processors: below it the machine is quiet
IDLE_SHARE = 0.05  # of one processor: below it, this often in a row, a program is idle
IDLE_LOOKS = 3
OWED_MB = 4.0


def become_quiet(within_s: float) -> bool:
    """Write out what the page cache owes and wait for idle processors; False: time is over."""
    until = time.monotonic() + within_s
    while True:
        os.sync()
        busy, total = machine_cpu_s()
        time.sleep(LOOK_S)
        busy_after, total_after = machine_cpu_s()
        share = (busy_after - busy) / max(total_after - total, 0.01)
        if share < BUSY_SHARE and unwritten_mb() < OWED_MB:
            return True
        if time.monotonic() > until:
            return False


def become_idle(pid: int, within_s: float) -> None:
    """Return when the program and its children have used no CPU to speak of for a moment."""
    until = time.monotonic() + within_s
    looks = 0
    while looks < IDLE_LOOKS and time.monotonic() < until:
        before = cpu_s(pid)
        time.sleep(LOOK_S)
        looks = looks + 1 if cpu_s(pid) - before < IDLE_SHARE * LOOK_S else 0


def await_that(holds: Callable[[], bool], what: str, within_s: float) -> None:
    """Return as soon as it holds; BenchmarkFailed with `what` where it does not in time."""
    until = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > until:
            raise BenchmarkFailed(f"waited {within_s:.0f} s in vain: {what}")
        time.sleep(0.05)
