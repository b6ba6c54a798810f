"""The audit trail: rows that are only ever added, each sealed by a hash over itself and its past.

`record` is called inside the transaction that it records, so the trail can neither miss a change
nor tell of one that was rolled back. The head (count and hash of the last row) is also kept in a
file beside the database after each commit (`storage.head`), which is how a shortened or older
trail is found. What the seal can and cannot show: docs/adr/0006.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from storage.db.engine import HEAD_BEFORE
from storage.db.queries.audit import last_row, select_events
from storage.db.tables import Audit, Study
from storage.db.types import OutsideText, storable, to_json
from storage.head import Head
from storage.seal import seal
from storage.verification import examine

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy.orm import Session

    from storage.db.engine import Database
    from storage.proof import Proof


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """Who did what to which study. ``event`` is the DCM code of PS3.15 A.5's EventID."""

    event: str
    action: str
    actor: str
    text: str
    event_type: str = ""
    outcome: int = 0
    origin: str = ""
    study_uid: str = ""
    patient_id: str = ""
    accession_number: str = ""
    subject: str = ""
    detail: dict[str, Any] = field(default_factory=dict)


def record(session: Session, happened: AuditEvent) -> Audit:
    """Append one event to the trail inside the caller's writing transaction (`Database.begin`).

    Text is sealed as it is stored: cut to its column, without what a database cannot hold. The
    detail gets ``pid``, the process that records: audit messages name it (PS3.15 A.5.2).
    """
    seq, previous_hash = last_row(session)
    values: dict[str, Any] = {
        "seq": seq + 1,
        "at": datetime.now(UTC),
        "previous_hash": previous_hash,
        **{each.name: getattr(happened, each.name) for each in fields(AuditEvent)},
        "detail": {**happened.detail, "pid": os.getpid()},
    }
    for name, value in values.items():
        kind = Audit.__table__.c[name].type
        if isinstance(kind, OutsideText):
            values[name] = storable(value, kind.length)
    row = Audit(**values, hash=seal({**values, "detail": to_json(values["detail"])}))
    session.add(row)
    session.flush()
    session.info.setdefault(HEAD_BEFORE, Head(seq, previous_hash))
    return row


def study_event(study: Study, event: str, action: str, **more: Any) -> AuditEvent:
    """An `AuditEvent` about one study, its identifiers filled in from the row."""
    return AuditEvent(
        event=event,
        action=action,
        study_uid=study.study_uid,
        patient_id=study.patient_id,
        accession_number=study.accession_number,
        **{"subject": f"study:{study.id}", **more},
    )


def list_events(  # noqa: PLR0913 - one argument for each thing that the trail is searched by
    session: Session,
    *,
    limit: int,
    before_seq: int | None = None,
    study_uid: str | None = None,
    patient_id: str | None = None,
    actor: str | None = None,
    event: str | None = None,
    subject: str | None = None,
) -> list[Audit]:
    """The newest `limit` events, newest first, that match what is given."""
    return select_events(
        session,
        limit=limit,
        before_seq=before_seq,
        study_uid=study_uid,
        patient_id=patient_id,
        actor=actor,
        event=event,
        subject=subject,
    )


def verify(db: Database, head_file: Path | None, proof: Proof | None = None) -> int:
    """How many rows were verified: each seal, each link, each number, the head and the checkpoints.

    Raises
    ------
    AuditBroken
        The first row that is wrong or missing, and what is wrong.
    """
    return examine(db, head_file, proof).rows
