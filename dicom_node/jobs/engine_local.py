"""The embedded engine: the job's row is the queue, one thread for each slot takes from it."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dicom_node.errors import SlotLost
from dicom_node.jobs.attempt import give_back_lost
from dicom_node.jobs.orders import cancel_job
from dicom_node.jobs.run import run_job
from dicom_node.observe.logging import get_log
from storage.db.after_commit import after_commit
from storage.db.queries.jobs import next_job_id, running_attempts
from storage.db.unavailable import DATABASE_UNAVAILABLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.orm import Session

    from dicom_node.jobs.bench import Bench
    from dicom_node.jobs.slot import Slot
    from dicom_node.observe.health import DiskGauge
    from storage.db.tables import Job

log = get_log(__name__)

LOOK_EVERY_S = 0.5  # finds what other processes and passing time have made due
WATCH_EVERY_S = 1.0
END_WITHIN_S = 5.0  # for a thread whose slot was killed to write what it has to


class LocalEngine:
    """Runs the jobs of a database that no other engine serves.

    Parameters
    ----------
    bench : Bench
    disk : DiskGauge
        While it says that the disk is tight, no job is started; what runs may end.
    """

    def __init__(self, bench: Bench, disk: DiskGauge) -> None:
        self._bench = bench
        self._disk = disk
        self._slots: list[Slot] = []
        self._threads: list[threading.Thread] = []
        self._held: dict[str, int | None] = {}  # slot name -> job id, from before its claim
        self._work = threading.Condition()
        self._calls = 0  # how often there was news, so that none is missed between two looks
        self._stopping = threading.Event()

    def enqueue(self, session: Session, job: Job) -> None:  # noqa: ARG002 - its row says it all
        """Wake the slots once the job's row is committed."""
        after_commit(session, self._wake)

    def cancel(self, session: Session, job_id: int, *, actor: str = "node") -> None:
        """Cancel a queued or running job; what runs is killed once `session` has committed."""
        job = cancel_job(session, job_id, actor=actor)
        label = (job.id, job.attempt)
        after_commit(session, lambda: self._kill(label))

    def serve(self, slots: Sequence[Slot]) -> None:
        """Give back what an earlier life of the node left running, and begin to run jobs."""
        lost = give_back_lost(self._bench, self._held_jobs)
        if lost:
            log.info("jobs of an earlier run queued again", jobs=lost)
        self._slots = list(slots)
        self._held = {slot.name: None for slot in slots}
        works = [
            threading.Thread(target=self._serve, args=(slot,), name=slot.name) for slot in slots
        ]
        self._threads = [*works, threading.Thread(target=self._watch, name="engine-watch")]
        for thread in self._threads:
            thread.daemon = True
            thread.start()

    @property
    def is_alive(self) -> bool:
        """Whether every slot still takes jobs."""
        return all(thread.is_alive() for thread in self._threads)

    def stop(self, grace_s: float) -> None:
        """Take no more jobs, let running ones end until the grace is over, then kill them."""
        self._stopping.set()
        self._wake()
        until = time.monotonic() + grace_s
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        for slot in self._slots:
            slot.close()
        for thread in self._threads:
            thread.join(END_WITHIN_S)

    def _serve(self, slot: Slot) -> None:
        with suppress(OSError, SlotLost):  # only to be warm in time; a job tries again
            slot.start()
        while not self._stopping.is_set():
            calls = self._calls
            job_id = None if self._disk.look().stops_jobs else self._next_job_id(slot)
            if job_id is None or not self._run(job_id, slot):
                self._wait_for_news(calls)

    def _next_job_id(self, slot: Slot) -> int | None:
        try:
            with self._bench.db.read() as session:
                return next_job_id(session, datetime.now(UTC))
        except DATABASE_UNAVAILABLE as error:
            log.warning("queue unreadable", slot=slot.name, error=error)
            return None

    def _run(self, job_id: int, slot: Slot) -> bool:
        self._held[slot.name] = job_id
        try:
            return run_job(job_id, slot, self._bench)
        finally:
            self._held[slot.name] = None

    def _watch(self) -> None:
        """Kill what another process cancelled; give back what lost its slot."""
        while not self._stopping.wait(WATCH_EVERY_S):
            try:
                labels = [slot.label for slot in self._slots]
                with self._bench.db.read() as session:
                    running = running_attempts(session)
                for label in labels:
                    if label and label not in running:
                        self._kill(label)
                give_back_lost(self._bench, self._held_jobs)
            except DATABASE_UNAVAILABLE as error:
                log.warning("running jobs unreadable", error=error)

    def _held_jobs(self) -> set[int]:
        return {job_id for job_id in self._held.values() if job_id is not None}

    def _kill(self, label: tuple[int, int]) -> None:
        for slot in self._slots:
            slot.kill(label)

    def _wait_for_news(self, calls: int) -> None:
        with self._work:
            self._work.wait_for(lambda: self._calls != calls, LOOK_EVERY_S)

    def _wake(self) -> None:
        with self._work:
            self._calls += 1
            self._work.notify_all()
