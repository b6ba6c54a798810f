"""Signs and verifies the audit trail by the clock, and alerts once for each thing that is wrong.

An alert is a Security Alert (PS3.15 A.5.3.11) in the trail itself, a line of the log, and a trouble
on the page and in /health. Of the alert's type codes (PS3.16 CID 403, which may be extended) none
means a log that was tampered with, so the rows have none.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from dicom_node.observe.logging import get_log
from dicom_node.observe.trail import TrailGauge
from storage.audit import AuditEvent, list_events, record
from storage.db.queries.audit_positions import told_to_all
from storage.db.unavailable import DATABASE_UNAVAILABLE
from storage.errors import AuditBroken
from storage.verification import examine

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from datetime import time, tzinfo

    from storage.db.engine import Database
    from storage.notary import Notary
    from storage.proof import Proof
    from storage.retention import Archiver

log = get_log(__name__)

SECURITY_ALERT = "110113"
TRAIL, ANCHOR, ARCHIVE = "audit", "audit:anchor", "audit:archive"
SUCCESS, MINOR_FAILURE, SERIOUS_FAILURE = 0, 4, 8


class TrailWatch:
    """The duties of one node about its trail; `gauge` tells the page what they found."""

    def __init__(
        self,
        db: Database,
        notary: Notary,
        proof: Proof,
        archiver: Archiver | None = None,
        keep: timedelta | None = None,
        repositories: Collection[str] = (),
    ) -> None:
        self._db = db
        self._notary = notary
        self._proof = proof
        self._archiver = archiver
        self._keep = keep
        self._repositories = repositories
        self.gauge = TrailGauge()

    def sign(self) -> None:
        """Sign what was added since the last checkpoint, and tell it outside."""
        try:
            self._notary.sign()
        except OSError as error:
            why = in_a_word(error)
            if not self.gauge.unanchored:
                log.error("checkpoints do not get out of the database", error=error)  # noqa: TRY400 - its kind
            self.gauge.unanchored = why
            self._tell(ANCHOR, f"checkpoints are not anchored outside: {why}", MINOR_FAILURE)
        else:
            if self.gauge.unanchored:
                log.info("checkpoints are anchored outside again")
            self.gauge.unanchored = ""
            self._tell_end(ANCHOR, "checkpoints are anchored outside again")

    def sign_last(self) -> None:
        """Sign the end of this life of the node, if the database can be reached."""
        try:
            self.sign()
        except DATABASE_UNAVAILABLE as error:
            log.warning("the database took no last checkpoint", error=error)

    def verify(self) -> None:
        """Verify the whole trail."""
        if self._db.head_file is None:
            return
        try:
            found = examine(self._db, self._db.head_file, self._proof)
        except AuditBroken as broken:
            log.error("audit trail broken", seq=broken.seq, reason=broken.reason)  # noqa: TRY400 - the place in our code says nothing
            self.gauge.fault = str(broken)
            self._tell(TRAIL, f"the audit trail does not verify: {broken}", SERIOUS_FAILURE)
        else:
            log.info("audit trail verified", rows=found.rows)
            self.gauge.fault = ""
            self._tell_end(TRAIL, "the audit trail verifies again")
        self.gauge.verified_at = datetime.now(UTC)

    def look_after(self) -> None:
        """Verify the whole trail and, where it is whole, move rows that are old into archives.

        Rows that a repository is still to be told stay, however old they are.
        """
        self.verify()
        if self._archiver is None or self._keep is None or self.gauge.fault:
            return
        try:
            with self._db.read() as session:
                told = told_to_all(session, self._repositories)
            made = self._archiver.archive(datetime.now(UTC) - self._keep, told)
        except (AuditBroken, OSError) as error:
            why = str(error) if isinstance(error, AuditBroken) else in_a_word(error)
            log.error("audit rows were not archived", reason=why)  # noqa: TRY400 - the place in our code says nothing
            self.gauge.unarchived = why
            self._tell(ARCHIVE, f"audit rows cannot be archived: {why}", SERIOUS_FAILURE)
        else:
            self.gauge.unarchived = ""
            self._tell_end(ARCHIVE, "audit rows can be archived again")
            if made:
                log.info("audit rows archived", files=len(made))

    def _tell(self, subject: str, text: str, outcome: int) -> None:
        """Record an alert, unless the last one about `subject` said the same."""
        if self._last_told(subject) != text:
            self._record(subject, text, outcome)

    def _tell_end(self, subject: str, text: str) -> None:
        if self._last_told(subject):
            self._record(subject, text, SUCCESS)

    def _last_told(self, subject: str) -> str:
        """What the trail says is wrong, perhaps since an earlier life of the node."""
        with self._db.read() as session:
            rows = list_events(
                session, limit=1, event=SECURITY_ALERT, actor="node", subject=subject
            )
        return rows[0].text if rows and rows[0].outcome != SUCCESS else ""

    def _record(self, subject: str, text: str, outcome: int) -> None:
        with self._db.begin() as session:
            record(
                session,
                AuditEvent(SECURITY_ALERT, "E", "node", text, outcome=outcome, subject=subject),
            )


def in_a_word(error: OSError) -> str:
    """What went wrong, without the name of a file."""
    return error.strerror or type(error).__name__


class Daily:
    """Does something once a day, at a time of day or at the first look after it.

    With `is_done` what was due before the start has been done by the start.

    Which days it was done on counts, not how long ago: a clock that is set forth and back makes it
    be done once more at worst, and never be left out.
    """

    def __init__(
        self,
        at: time,
        zone: tzinfo | None,
        do: Callable[[], object],
        now: datetime | None = None,
        *,
        is_done: bool = True,
    ) -> None:
        self._at = at
        self._zone = zone
        self._do = do
        now = (now or datetime.now(UTC)).astimezone(zone)
        self._done_on = now.date() if is_done and now.time() >= at else None

    def look(self, now: datetime | None = None) -> None:
        """Do it if it is due."""
        now = (now or datetime.now(UTC)).astimezone(self._zone)
        if now.time() >= self._at and now.date() != self._done_on:
            self._do()
            self._done_on = now.date()
