"""The alarm that a repository takes no messages: one row when it begins, one when it ends.

A Security Alert (PS3.15 A.5.3.11): recording goes on, but who watches the repository sees nothing.
None of the alert's types means that, so the rows have none. They wait with the others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicom_node.observe.logging import get_log
from storage.audit import AuditEvent, list_events, record

if TYPE_CHECKING:
    from storage.db.engine import Database

log = get_log(__name__)

SECURITY_ALERT = "110113"
MINOR_FAILURE, SUCCESS = 4, 0


class Alarm:
    """Tells trail and log once; what an earlier life of the node has told is not told again."""

    def __init__(self, db: Database, repository: str, after_s: float) -> None:
        self._db = db
        self._repository = repository
        self._subject = f"repository:{repository}"[:64]
        self._after_s = after_s
        self._told: bool | None = None  # what the trail says, as far as it was asked

    def look(self, age_s: float, tried_s: float, reason: str) -> None:
        """Begin where a row waits too long; end where none waits half as long any more.

        Rows of a time when nobody tried to tell them, because the node was off or the repository is
        new, are waited for no longer than it has been tried.
        """
        if self._told is None:
            self._told = self._last_told()
        if not self._told and min(age_s, tried_s) > self._after_s:
            why = f": {reason}" if reason else ""
            self._record(
                f"the audit repository {self._repository} has taken no messages "
                f"for {age_s:.0f} s{why}",
                MINOR_FAILURE,
            )
            log.error("audit messages wait", name=self._repository, seconds=round(age_s))
        elif self._told and age_s < self._after_s / 2:
            self._record(f"the audit repository {self._repository} takes messages again", SUCCESS)
            log.info("audit messages are taken again", name=self._repository)

    def _record(self, text: str, outcome: int) -> None:
        with self._db.begin() as session:
            event = AuditEvent(
                SECURITY_ALERT, "E", "node", text, outcome=outcome, subject=self._subject
            )
            record(session, event)
        self._told = outcome != SUCCESS

    def _last_told(self) -> bool:
        with self._db.read() as session:
            rows = list_events(
                session, limit=1, event=SECURITY_ALERT, actor="node", subject=self._subject
            )
            return bool(rows) and rows[0].outcome != SUCCESS
