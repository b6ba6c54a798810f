"""The thread that keeps the index behind the answers: one transaction for all that is waiting.

A row per instance before the answer would cost most of the rate, and the files are the truth: what
this thread has not written when the process dies is found by `intake.reindex` at the next start.
"""

from __future__ import annotations

import queue
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dicom_node.intake.arrival import Arrival, AssociationEnd, Item, SignOfLife
from dicom_node.intake.index_rows import AuditIsDue, IndexRows
from dicom_node.intake.practice import practise
from dicom_node.intake.transfer_audit import record_end, record_found
from dicom_node.net.incoming import Rejection
from dicom_node.observe.logging import get_log
from storage.audit import AuditEvent, record
from storage.db.queries.associations import lost_among, renew_associations
from storage.db.unavailable import DATABASE_UNAVAILABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from sqlalchemy.orm import Session

    from dicom_node.config import Settings
    from storage.db.engine import Database

log = get_log(__name__)

GATHER_S = 0.25  # how long the first of a batch waits for company; each batch costs some queries
MOST_AT_ONCE = 1000
RETRY_S = 1.0
LOOK_S = 2.0


class IndexThread(threading.Thread):
    """Writes items in the order given.

    Parameters
    ----------
    durable : Database
        For everything that the audit trail tells of.
    relaxed : Database
        For rows that can be rebuilt from the files.
    """

    def __init__(self, durable: Database, relaxed: Database, settings: Settings) -> None:
        super().__init__(name="index", daemon=True)
        self._durable = durable
        self._relaxed = relaxed
        self._settings = settings
        self._items: queue.SimpleQueue[Item | Callable[[], None] | None] = queue.SimpleQueue()
        self._is_over = threading.Event()

    def put(self, item: Item | Callable[[], None]) -> None:
        """Have the item written soon; a callable is called when all before it is written."""
        self._items.put(item)

    def finish(self, deadline_s: float) -> bool:
        """Write what is waiting and stop; False when the database did not take it in time."""
        self._items.put(None)
        self._is_over.set()
        self.join(deadline_s)
        return not self.is_alive()

    def run(self) -> None:
        """Gather and write."""
        with suppress(*DATABASE_UNAVAILABLE):  # it was only practice
            practise(self._relaxed, self._settings)
        is_last = False
        while not is_last:
            batch, is_last = self._gather()
            items = [item for item in batch if not callable(item)]
            if items:
                self._write_until_written(items)
            for tell in batch:
                if callable(tell):
                    tell()

    def _gather(self) -> tuple[list[Item | Callable[[], None]], bool]:
        """What has come a moment after the first of it, and whether that is all there will be.

        It sleeps meanwhile: woken for each item it would take the processor from the receivers.
        """
        try:
            batch = [self._items.get(timeout=LOOK_S)]
        except queue.Empty:
            return [], False
        if batch[0] is not None:
            self._is_over.wait(GATHER_S)
        while batch[-1] is not None and len(batch) < MOST_AT_ONCE and not self._items.empty():
            batch.append(self._items.get())
        is_last = batch[-1] is None
        return [item for item in batch if item is not None], is_last

    def _write_until_written(self, batch: Sequence[Item]) -> None:
        told = False
        while True:
            try:
                self._write(batch)
            except DATABASE_UNAVAILABLE as error:
                if not told:  # once, as it may take hours until a full disk has room
                    log.warning("the database takes no index rows; they wait", error=error)
                told = True
                time.sleep(RETRY_S)
            else:
                if told:
                    log.info("the database takes index rows again", count=len(batch))
                return

    def _write(self, batch: Sequence[Item]) -> None:
        arrivals = [item for item in batch if isinstance(item, Arrival)]
        signs = [item for item in batch if isinstance(item, SignOfLife)]
        living = {one for sign in signs for one in sign.association_ids}
        if len(arrivals) + len(signs) == len(batch):
            try:
                with self._relaxed.begin() as session:
                    IndexRows(session, self._settings, may_audit=False).add(arrivals)
                    _renew(session, living, may_audit=False)
            except AuditIsDue:
                pass
            else:
                return
        with self._durable.begin() as session:
            IndexRows(session, self._settings, may_audit=True).add(arrivals)
            session.flush()
            _renew(session, living, may_audit=True)
            for item in batch:
                if isinstance(item, AssociationEnd):
                    record_end(session, item)
                elif isinstance(item, Rejection):
                    record(session, _alert(item))


def _renew(session: Session, living: Collection[str], *, may_audit: bool) -> None:
    """Note that these associations live, even where they were called lost."""
    if not living:
        return
    now = datetime.now(UTC)
    renew_associations(session, living, now)
    if lost_among(session, living):
        if not may_audit:
            raise AuditIsDue
        found = record_found(session, living, now)
        log.warning("associations called lost live: open again", count=found)


def _alert(rejection: Rejection) -> AuditEvent:
    """Security Alert, Node Authentication (PS3.15 A.5.3.11)."""
    times = f" ({rejection.count} more within a minute)" if rejection.count > 1 else ""
    return AuditEvent(
        event="110113",
        event_type="110126",
        action="E",
        outcome=8,
        actor=f"peer:{rejection.calling_aet}" if rejection.calling_aet else "unknown",
        origin=rejection.host,
        text=f"{rejection.what}: {rejection.reason}{times}",
        detail={"called_aet": rejection.called_aet, "count": rejection.count},
    )
