"""The commitment desk of a receiver, which has no database until a peer asks for the first time."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from dicom_node.commitment.desk import CommitmentDesk
    from dicom_node.config import Settings
    from dicom_node.net.commitment import Report, Request
    from dicom_node.net.incoming import AssociationInfo
    from storage.files.store import ObjectStore


class DeskOnDemand:
    """A `CommitmentDesk` that is made for its first request: it costs a receiver 40 MB."""

    def __init__(self, store: ObjectStore, settings: Settings) -> None:
        self._store = store
        self._settings = settings
        self._made: CommitmentDesk | None = None
        self._lock = threading.Lock()

    def ask(self, association: AssociationInfo, request: Request) -> int:
        """The number of the request, durably stored; `Declined` where it is not taken."""
        return self._desk().ask(association, request)

    def report_on(self, number: int, is_over: Callable[[], bool]) -> Report | None:
        """What is true now; None where it cannot be found out, or `is_over` turned true."""
        return self._desk().report_on(number, is_over)

    def told(self, number: int, report: Report) -> None:
        """Note a report that the peer has confirmed."""
        self._desk().told(number, report)

    def leave(self, number: int) -> None:
        """Have the core tell the peer what it was not told here."""
        self._desk().leave(number)

    def _desk(self) -> CommitmentDesk:
        from dicom_node.commitment.desk import CommitmentDesk  # noqa: PLC0415 - see the class
        from storage.db.engine import Database  # noqa: PLC0415

        with self._lock:
            if self._made is None:
                head = self._settings.node.data_folder / "audit.head"
                db = Database(self._settings.database_url, head_file=head)
                self._made = CommitmentDesk(db, self._store, self._settings)
            return self._made
