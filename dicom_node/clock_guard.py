"""Keeps timed duties going when the machine's clock is set back.

APScheduler 3 waits for a time of day. After a clock was set back by an hour, every duty would stand
still for that hour: nothing settles, no checkpoint is signed.
"""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from apscheduler.events import EVENT_SCHEDULER_SHUTDOWN

from dicom_node.observe.logging import get_log

if TYPE_CHECKING:
    from apscheduler.schedulers.base import BaseScheduler

log = get_log(__name__)

LOOK_EVERY_S = 1.0
SET_BACK_S = 1.0  # less is what a duty can wait


def guard_against_set_back(scheduler: BaseScheduler) -> None:
    """Watch the clock while the scheduler runs; each job must go by an interval."""
    stop = threading.Event()
    scheduler.add_listener(lambda _event: stop.set(), EVENT_SCHEDULER_SHUTDOWN)
    threading.Thread(target=_watch, args=(scheduler, stop), name="clock guard", daemon=True).start()


def _watch(scheduler: BaseScheduler, stop: threading.Event) -> None:
    before = _ahead_s()
    while not stop.wait(LOOK_EVERY_S):
        now = _ahead_s()
        if now < before - SET_BACK_S:
            log.warning("the clock was set back", seconds=round(before - now))
            _begin_anew(scheduler)
        before = now


def _ahead_s() -> float:
    """How far the clock, as APScheduler reads it, is ahead of one that nobody sets."""
    return datetime.now(UTC).timestamp() - time.monotonic()


def _begin_anew(scheduler: BaseScheduler) -> None:
    """Every job is due one interval from now."""
    for job in scheduler.get_jobs():
        seconds = job.trigger.interval_length
        scheduler.reschedule_job(job.id, trigger="interval", seconds=seconds)
