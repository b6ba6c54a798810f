"""The receiver's side: takes requests, and answers them while their association is open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicom_node.commitment.evidence import report_on
from dicom_node.commitment.peers import reachable
from dicom_node.commitment.rows import leave_to_core, note_told, store_request
from dicom_node.net.commitment import ActionStatus, Declined
from dicom_node.observe.logging import get_log
from storage.db.unavailable import DATABASE_UNAVAILABLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from dicom_node.config import Settings
    from dicom_node.net.commitment import Report, Request
    from dicom_node.net.incoming import AssociationInfo
    from storage.db.engine import Database
    from storage.files.store import ObjectStore

log = get_log(__name__)


class CommitmentDesk:
    """What `net.commitment_scp` asks; its methods are called in many threads at once."""

    def __init__(self, db: Database, store: ObjectStore, settings: Settings) -> None:
        self._db = db
        self._store = store
        self._addressed = set(reachable(settings))

    def ask(self, association: AssociationInfo, request: Request) -> int:
        """The number of the request, durably stored.

        Raises
        ------
        Declined
            It contradicts an earlier one, or the database takes nothing now.
        """
        is_addressed = association.calling_aet in self._addressed
        try:
            number = store_request(self._db, association, request, is_addressed=is_addressed)
        except DATABASE_UNAVAILABLE:
            reason = "the database takes no request now"
            raise Declined(ActionStatus.PROCESSING_FAILURE, reason) from None
        log.info(
            "commitment requested",
            association=association.id,
            calling_aet=association.calling_aet,
            instances=len(request.references),
            row=number,
        )
        return number

    def report_on(self, number: int, is_over: Callable[[], bool]) -> Report | None:
        """What is true now, once the index has caught up; None where it cannot be found out."""
        try:
            return report_on(self._db, self._store, number, is_over)
        except DATABASE_UNAVAILABLE as error:
            log.warning("commitment request unreadable", row=number, error=error)
            return None

    def told(self, number: int, report: Report) -> None:
        """Note a report that the peer has confirmed."""
        try:
            if note_told(self._db, number, report):
                tell_log(number, report)
        except DATABASE_UNAVAILABLE as error:  # then the core tells it once more
            log.warning("commitment report not noted", row=number, error=error)

    def leave(self, number: int) -> None:
        """Have the core tell the peer what it was not told here."""
        try:
            leave_to_core(self._db, number)
        except DATABASE_UNAVAILABLE as error:  # the core comes to it a little later by itself
            log.warning("commitment request not handed on", row=number, error=error)


def tell_log(number: int, report: Report) -> None:
    """One line for each report that a peer has confirmed."""
    log.info("commitment reported", row=number, stored=len(report.safe), failed=len(report.failed))
