"""One loop for each repository: tells it the trail in order, from where it was left.

Nothing waits for it, and nothing is lost by it: the rows are there until they have been told.
Each is told at least once; after a way was lost, those that do not count as taken again.
"""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dicom_node.audit.alarm import Alarm
from dicom_node.audit.fhir import audit_event_of
from dicom_node.audit.http_wire import HttpWire
from dicom_node.audit.syslog import line_of
from dicom_node.audit.telling import Telling
from dicom_node.audit.waiting import Waiting
from dicom_node.audit.wire import TlsWire, UdpWire, in_words
from dicom_node.observe.logging import get_log
from storage.db.queries.audit_positions import (
    move_position,
    next_after,
    position_of,
    rows_after,
)
from storage.db.unavailable import DATABASE_UNAVAILABLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from dicom_node.audit.here import Here
    from dicom_node.audit.wire import Wire
    from dicom_node.config import RepositorySection
    from storage.db.engine import Database

log = get_log(__name__)

WIRES: dict[str, Callable[[RepositorySection], Wire]] = {
    "tls": TlsWire, "udp": UdpWire, "fhir": HttpWire,
}  # fmt: skip
AT_ONCE = 200
EDITED = (ValueError, TypeError, AttributeError, RecursionError)
"""A row that somebody else wrote into the database, and that is none. It stops the messages, which
the check of the trail explains, and not the core.
"""
LOOK_EVERY_S = 1.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0


class Feed:
    """Tells one repository until it is stopped.

    Parameters
    ----------
    db : Database
        For reading the trail, and for the rows of the alarm.
    relaxed : Database
        For the position, which may fall back in a crash of the machine: rows are then told twice.
    """

    def __init__(
        self,
        name: str,
        repository: RepositorySection,
        here: Here,
        db: Database,
        relaxed: Database,
        alarm_after_s: float,
    ) -> None:
        self._name = name
        self._repository = repository
        self._here = here
        self._render = audit_event_of if repository.transport == "fhir" else line_of
        self._db = db
        self._relaxed = relaxed
        self._alarm = Alarm(db, name, alarm_after_s)
        self._waiting = Waiting()
        self._position: int | None = None
        self._telling: Telling | None = None
        self._reason, self._is_stuck = "", False
        self._pause_s, self._due_at = FIRST_PAUSE_S, 0.0
        self._last_words_s = 0.0
        self._begun_at = 0.0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._loop, name=f"audit-{name}", daemon=True)

    def start(self) -> None:
        """Begin to tell."""
        self._begun_at = time.monotonic()
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """Whether the loop still runs."""
        return self._thread.is_alive()

    def stop(self, within_s: float) -> None:
        """Begin to end: tell what is there by now, if the repository listens."""
        self._last_words_s = within_s
        self._stopping.set()

    def await_end(self, within_s: float) -> None:
        """Return when the loop has ended, or the time is over."""
        if self._thread.is_alive():
            self._thread.join(within_s)

    def _loop(self) -> None:
        while not self._stopping.is_set():
            if not self._read_and_do(self._step):
                self._stopping.wait(LOOK_EVERY_S)
        self._read_and_do(self._say_last_words)

    def _read_and_do(self, do: Callable[[], bool]) -> bool:
        """What it gives; False where the database gives no rows, which is told once."""
        try:
            has_more = do()
        except (*DATABASE_UNAVAILABLE, *EDITED) as error:
            if not self._is_stuck:  # it may take hours until a full disk has room
                log.warning("audit rows unreadable", name=self._name, error=error)
            self._is_stuck = True
            return False
        self._is_stuck = False
        return has_more

    def _step(self) -> bool:
        """Tell the next rows; whether there may be more of them."""
        if self._position is None:
            with self._db.read() as session:
                self._position = position_of(session, self._name)
        self._look_at_age()
        has_more = False
        try:
            if self._telling is None and time.monotonic() >= self._due_at:
                wire = WIRES[self._repository.transport](self._repository)
                self._telling = Telling(wire, self._position, time.monotonic)
            if self._telling:
                has_more = self._tell_next(self._telling)
                self._move(self._telling.taken())
        except OSError as error:
            self._lose(in_words(error))
            has_more = False
        return has_more

    def _tell_next(self, telling: Telling) -> bool:
        """Write the next rows, as far as there is room; whether more may be there."""
        most = telling.room(AT_ONCE)
        return most > 0 and self._write(telling, most) == most > 1

    def _write(self, telling: Telling, most: int) -> int:
        """How many rows were written."""
        with self._db.read() as session:
            rows = rows_after(session, telling.sent, most)
        if rows:
            telling.write([self._render(row, self._here) for row in rows], rows[-1].seq)
        return len(rows)

    def _move(self, taken: int) -> None:
        """Keep the position where it has moved; a repository that takes rows is well."""
        if self._position is not None and taken <= self._position:
            return
        with self._relaxed.begin() as session:
            move_position(session, self._name, taken, datetime.now(UTC))
        self._position = taken
        self._pause_s = FIRST_PAUSE_S
        if self._reason:
            log.info("audit repository takes messages", name=self._name)
        self._reason = ""

    def _lose(self, reason: str) -> None:
        """Forget the way; try again after a pause that grows."""
        if self._telling:
            self._telling.close()
        self._telling = None
        self._due_at = time.monotonic() + self._pause_s
        self._pause_s = min(self._pause_s * 2, LONGEST_PAUSE_S)
        if reason != self._reason:
            log.warning("audit repository out of reach", name=self._name, reason=reason)
        self._reason = reason

    def _look_at_age(self) -> None:
        with self._db.read() as session:
            oldest = next_after(session, self._position or 0)
        age_s = self._waiting.age_s(oldest, datetime.now(UTC), time.monotonic())
        self._alarm.look(age_s, time.monotonic() - self._begun_at, self._reason)

    def _say_last_words(self) -> bool:
        """Tell the rest and hang up in order: what the other side has read is taken."""
        if self._telling is None:
            return False
        until = time.monotonic() + self._last_words_s
        try:
            telling = self._telling
            while self._write(telling, AT_ONCE) and time.monotonic() < until:
                pass
            self._move(telling.finish(max(0.0, until - time.monotonic())))
        except OSError as error:
            self._lose(in_words(error))
        else:
            telling.close()
        return False
