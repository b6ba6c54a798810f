"""The audit trail: rows that are only ever added, each sealed by a hash over itself and its past.

`record` is called inside the transaction that it records, so the trail can neither miss a change
nor tell of one that was rolled back. The head (count and hash of the last row) is also kept in a
file beside the database after each commit, which is how a truncated or older trail is found.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, text

from storage.db.tables import Audit, Study

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

GENESIS = "0" * 64
_LOCK_KEY = 0x0D1C0  # one appender at a time on PostgreSQL; SQLite has one writer anyway


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
    """Append one event to the trail inside the caller's transaction."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK_KEY})
    session.flush()
    last = session.execute(select(Audit).order_by(Audit.seq.desc()).limit(1)).scalar_one_or_none()
    row = Audit(
        seq=last.seq + 1 if last else 1,
        at=datetime.now(UTC),
        previous_hash=last.hash if last else GENESIS,
        **{name: getattr(happened, name) for name in AuditEvent.__slots__},
    )
    row.hash = seal(row)
    session.add(row)
    session.flush()
    return row


def seal(row: Audit) -> str:
    """SHA-256 over the row's canonical JSON, its past included."""
    sealed = {
        column.key: getattr(row, column.key)
        for column in Audit.__table__.columns
        if column.key != "hash"
    }
    sealed["at"] = row.at.astimezone(UTC).isoformat(timespec="microseconds")
    canonical = json.dumps(sealed, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()


def study_event(study: Study, event: str, action: str, **fields: Any) -> AuditEvent:
    """An `AuditEvent` about one study, its identifiers filled in from the row."""
    return AuditEvent(
        event=event,
        action=action,
        study_uid=study.study_uid,
        patient_id=study.patient_id,
        accession_number=study.accession_number,
        **{"subject": f"study:{study.id}", **fields},
    )
