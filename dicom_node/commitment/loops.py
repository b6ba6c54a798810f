"""The core's side: what could not be told on its own association is told by calling the peer back.

One loop for each peer with an address, so that a peer that is down delays nobody else; and one for
all others, which can only be given up.
"""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dicom_node.commitment.desk import tell_log
from dicom_node.commitment.evidence import report_on
from dicom_node.commitment.peers import reachable
from dicom_node.commitment.rows import fail_unaddressed, note_not_told, note_told
from dicom_node.net.commitment_call import call_back
from dicom_node.net.errors import PeerError
from dicom_node.observe.logging import get_log
from storage.db.queries.commitments import next_request_id, next_unaddressed_id, request_of
from storage.db.unavailable import DATABASE_UNAVAILABLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from dicom_node.config import PeerSection, Settings
    from storage.db.engine import Database
    from storage.files.store import ObjectStore

log = get_log(__name__)

LOOK_EVERY_S = 1.0  # finds what receivers and passing time have made due


class ReportLoops:
    """Starts and stops the loops together."""

    def __init__(self, db: Database, store: ObjectStore, settings: Settings) -> None:
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        peers = reachable(settings)
        for aet, peer in peers.items():
            caller = Caller(peer, db, store, settings, self._stopping.is_set)
            self._add(f"report-{aet}", caller.report_next)
        self._add("report-nowhere", lambda: _fail_next(db, list(peers)))

    def _add(self, name: str, do_next: Callable[[], bool]) -> None:
        thread = threading.Thread(target=self._loop, args=(do_next,), name=name, daemon=True)
        self._threads.append(thread)

    def start(self) -> None:
        """Begin to report."""
        for thread in self._threads:
            thread.start()

    @property
    def is_alive(self) -> bool:
        """Whether every loop still runs."""
        return all(thread.is_alive() for thread in self._threads)

    def stop(self, within_s: float) -> None:
        """Begin no other report, and wait a while for the end of those underway."""
        self._stopping.set()
        until = time.monotonic() + within_s
        for thread in self._threads:
            if thread.is_alive():
                thread.join(max(0.0, until - time.monotonic()))

    def _loop(self, do_next: Callable[[], bool]) -> None:
        while not self._stopping.is_set():
            try:
                was_due = do_next()
            except DATABASE_UNAVAILABLE as error:
                log.warning("commitment requests unreadable", error=error)
                was_due = False
            if not was_due:
                self._stopping.wait(LOOK_EVERY_S)


class Caller:
    """Reports to one peer, one request after another."""

    def __init__(
        self,
        peer: PeerSection,
        db: Database,
        store: ObjectStore,
        settings: Settings,
        is_stopping: Callable[[], bool],
    ) -> None:
        self._peer = peer
        self._db = db
        self._store = store
        self._deliver = settings.deliver
        self._is_stopping = is_stopping

    def report_next(self) -> bool:
        """Tell the peer what is due; False when nothing is."""
        with self._db.read() as session:
            number = next_request_id(session, self._peer.ae_title, datetime.now(UTC))
            row = request_of(session, number) if number else None
        if row is None:
            return False
        # Not an earlier report: what is told is what is true when it is told.
        report = report_on(self._db, self._store, row.id, self._is_stopping)
        if report is None:
            return True
        told = {"row": row.id, "calling_aet": row.calling_aet, "attempt": row.attempt + 1}
        try:
            call_back(self._peer, row.called_aet, report, self._deliver.timeout_s)
        except PeerError as error:
            due = note_not_told(self._db, row.id, str(error), self._deliver)
            if due:
                log.warning("commitment report will be tried again", reason=str(error), **told)
            else:
                log.error("commitment report failed", reason=str(error), **told)  # noqa: TRY400 - its text is told
        else:
            if note_told(self._db, row.id, report):
                tell_log(row.id, report)
        return True


def _fail_next(db: Database, addressed_aets: list[str]) -> bool:
    """Give up one request of a peer that nobody can call; False when there is none."""
    with db.read() as session:
        number = next_unaddressed_id(session, addressed_aets, datetime.now(UTC))
    if number is None:
        return False
    if fail_unaddressed(db, number):
        log.error("commitment report failed: the peer has no address", row=number)
    return True
