"""Lets an index do its work once before anybody waits for it.

The first rows that a process writes take as long as hundreds of later ones, because statements are
compiled; just then studies come in. So a made-up instance is indexed at the start, in a transaction
that is taken back: nothing of it is ever seen.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dicom_node.intake.arrival import Arrival
from dicom_node.intake.duplicate import Verdict
from dicom_node.intake.header import Header, Patient
from dicom_node.intake.index_rows import IndexRows
from dicom_node.net.incoming import AssociationInfo

if TYPE_CHECKING:
    from dicom_node.config import Settings
    from storage.db.engine import Database

UID = "2.25.0"  # of nothing: a UUID of zeros (PS3.5 B.2)


class _TakenBack(Exception):
    """Ends the transaction without a commit."""


def practise(db: Database, settings: Settings) -> None:
    """Index an instance that there is not, and take it back; on SQLite only.

    PostgreSQL would use up row numbers for it, and people read these.
    """
    if not db.is_sqlite:
        return
    now = datetime.now(UTC)
    nobody = AssociationInfo(UID, "", "", "", now)
    header = Header(UID, UID, UID, UID, Patient("", "", "", ""), "", "", "", "", None, "")
    arrivals = [
        Arrival(nobody, header, f"practice/{number}", 0, UID, Verdict.NEW, now) for number in (1, 2)
    ]
    with suppress(_TakenBack), db.begin() as session:
        IndexRows(session, settings, may_audit=False).add(arrivals)
        raise _TakenBack
