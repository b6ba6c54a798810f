"""The thread that keeps the index behind the answers: one transaction for all that is waiting.

A row per instance before the answer would cost most of the rate, and the files are the truth: what
this thread has not written when the process dies is found by `intake.reindex` at the next start.
"""

from __future__ import annotations

import queue
import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dicom_node.intake.arrival import Arrival, AssociationEnd
from dicom_node.intake.index_rows import AuditIsDue, IndexRows
from dicom_node.intake.transfer_audit import RENEW_AFTER_S, record_end
from dicom_node.net.incoming import Rejection
from dicom_node.observe.logging import get_log
from storage.audit import AuditEvent, record
from storage.db.queries.associations import renew_associations
from storage.db.unavailable import DATABASE_UNAVAILABLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dicom_node.config import Settings
    from storage.db.engine import Database

log = get_log(__name__)

Item = Arrival | AssociationEnd | Rejection
GATHER_S = 0.05  # how long the first of a batch waits for company
MOST_AT_ONCE = 1000
RETRY_S = 1.0


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
        self._items: queue.SimpleQueue[Item | None] = queue.SimpleQueue()
        self._open: set[str] = set()
        self._renewed_at = time.monotonic()

    def put(self, item: Item) -> None:
        """Have the item written soon."""
        self._items.put(item)

    def finish(self, deadline_s: float) -> bool:
        """Write what is waiting and stop; False when the database did not take it in time."""
        self._items.put(None)
        self.join(deadline_s)
        return not self.is_alive()

    def run(self) -> None:
        """Gather, write, and keep the open associations alive."""
        is_last = False
        while not is_last:
            batch, is_last = self._gather()
            if batch:
                self._write_until_written(batch)
            self._renew()

    def _gather(self) -> tuple[list[Item], bool]:
        batch: list[Item] = []
        wait_s = RENEW_AFTER_S
        until = time.monotonic() + wait_s
        while len(batch) < MOST_AT_ONCE:
            try:
                item = self._items.get(timeout=max(until - time.monotonic(), 0))
            except queue.Empty:
                break
            if item is None:
                return batch, True
            if not batch:
                until = time.monotonic() + GATHER_S
            batch.append(item)
        return batch, False

    def _write_until_written(self, batch: Sequence[Item]) -> None:
        while True:
            try:
                self._write(batch)
            except DATABASE_UNAVAILABLE:
                log.warning("the database takes no index rows; trying again", count=len(batch))
                time.sleep(RETRY_S)
            else:
                return

    def _write(self, batch: Sequence[Item]) -> None:
        arrivals = [item for item in batch if isinstance(item, Arrival)]
        if len(arrivals) == len(batch):
            try:
                with self._relaxed.begin() as session:
                    IndexRows(session, self._settings, may_audit=False).add(arrivals)
            except AuditIsDue:
                pass
            else:
                self._open.update(one.association.id for one in arrivals)
                return
        with self._durable.begin() as session:
            IndexRows(session, self._settings, may_audit=True).add(arrivals)
            session.flush()
            for item in batch:
                if isinstance(item, AssociationEnd):
                    record_end(session, item)
                elif isinstance(item, Rejection):
                    record(session, _alert(item))
        self._open.update(one.association.id for one in arrivals)
        self._open -= {one.association.id for one in batch if isinstance(one, AssociationEnd)}

    def _renew(self) -> None:
        if not self._open or time.monotonic() < self._renewed_at + RENEW_AFTER_S:
            return
        self._renewed_at = time.monotonic()
        try:
            with self._relaxed.begin() as session:
                renew_associations(session, self._open, datetime.now(UTC))
        except DATABASE_UNAVAILABLE:
            log.warning("the database takes no sign of life; trying again")


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
