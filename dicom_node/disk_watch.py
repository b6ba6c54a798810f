"""Tells the log and the audit trail where on the ladder the disk puts the node, once for each step.

That reception was refused for lack of room, from when to when, is what an auditor asks when images
are missing, so its beginning and its end are a row each: a Security Alert (PS3.15 A.5.3.11), the
availability of the node being lost and regained. Application Activity would be wrong, as nothing
has stopped: the node answers, and says why not. Of the alert's type codes (PS3.16 CID 403, which
may be extended) none means this, so the rows have none.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dicom_node.observe.logging import get_log
from storage.audit import AuditEvent, list_events, record

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from dicom_node.observe.health import DiskGauge, DiskSpace, Verdict
    from storage.db.engine import Database

log = get_log(__name__)

SECURITY_ALERT, SUBJECT = "110113", "disk"
SERIOUS_FAILURE, SUCCESS = 8, 0


class DiskWatch:
    """Looks, and tells what has changed; for one thread of one process of the node.

    A full disk may take no audit row. What began and ended is then told when there is room again,
    with the times at which it did.
    """

    def __init__(self, gauge: DiskGauge, db: Database) -> None:
        self._gauge = gauge
        self._db = db
        self._verdict: Verdict = "ok"
        self._told: bool | None = None  # what the trail says, as far as it was asked: is it full?
        self._full_since: datetime | None = None
        self.full_until: datetime | None = None
        """When the disk was last seen full; until then others may have been unable to write too."""

    def look(self) -> None:
        """Look at the disk; raise what the database raises that does not take the row."""
        space = self._gauge.look()
        if space.verdict != self._verdict:
            self._log(space)
            self._verdict = space.verdict
        if space.stops_reception:
            self.full_until = datetime.now(UTC)
            self._full_since = self._full_since or self.full_until
        self._tell(space)

    def _tell(self, space: DiskSpace) -> None:
        """Bring the trail up to what is."""
        if self._told is None:
            with self._db.read() as session:
                self._told = _last_told(session)
        begins = self._full_since is not None and not self._told
        ends = not space.stops_reception and (self._told or begins)
        if begins or ends:
            with self._db.begin() as session:
                if self._full_since and begins:
                    record(session, _begun(self._full_since))
                if ends:
                    record(session, _ended(space))
        self._told = space.stops_reception
        if not space.stops_reception:
            self._full_since = None

    def _log(self, space: DiskSpace) -> None:
        free_mb = space.free_mb
        if space.verdict == "ok":
            log.info("there is room on the disk again", free_mb=free_mb)
        elif space.verdict == "low":
            log.warning("the disk runs low", free_mb=free_mb)
        elif space.verdict == "tight":
            log.warning("the disk is nearly full: no job is started", free_mb=free_mb)
        else:
            log.error(
                "the disk is full: nothing is received, no job is started",
                free_mb=free_mb,
                files=space.free_files,
            )


def _last_told(session: Session) -> bool:
    """Whether the trail's last word, perhaps of an earlier life of the node, is that it is full."""
    rows = list_events(session, limit=1, event=SECURITY_ALERT, actor="node", subject=SUBJECT)
    return bool(rows) and rows[0].outcome != SUCCESS


def _begun(since: datetime) -> AuditEvent:
    text = f"the disk is full: from {since:%Y-%m-%dT%H:%M:%SZ} on C-STORE is answered 0xA700"
    return AuditEvent(SECURITY_ALERT, "E", "node", text, outcome=SERIOUS_FAILURE, subject=SUBJECT)


def _ended(space: DiskSpace) -> AuditEvent:
    text = f"there is room on the disk again, {space.free_mb} MB: C-STORE is taken"
    return AuditEvent(SECURITY_ALERT, "E", "node", text, subject=SUBJECT)
