"""The audit trail: rows that are only ever added, each sealed by a hash over itself and its past.

`record` is called inside the transaction that it records, so the trail can neither miss a change
nor tell of one that was rolled back. The head (count and hash of the last row) is also kept in a
file beside the database after each commit (`storage.head`), which is how a shortened or older
trail is found. What the seal can and cannot show: docs/adr/0006.
"""

from __future__ import annotations

import hashlib
import time
from contextlib import closing
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from storage.db.engine import HEAD_BEFORE
from storage.db.queries.audit import last_row, select_events, stream_rows
from storage.db.tables import Audit, Study
from storage.db.types import OutsideText, storable, to_json
from storage.errors import AuditBroken, HeadUnusable
from storage.head import EMPTY, Head, read_head

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from sqlalchemy.orm import Session

    from storage.db.engine import Database

HEAD_FOLLOWS_S = 0.5
"""How long after the trail's first row its head file may be written."""
# What a seal covers. A column added later needs a second list, or old rows would no longer verify.
SEALED = (
    "seq", "at", "event", "event_type", "action", "outcome", "actor", "origin", "study_uid",
    "patient_id", "accession_number", "subject", "text", "detail", "previous_hash",
)  # fmt: skip


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

    Text is sealed as it is stored: cut to its column, without what a database cannot hold.
    """
    seq, previous_hash = last_row(session)
    values: dict[str, Any] = {
        "seq": seq + 1,
        "at": datetime.now(UTC),
        "previous_hash": previous_hash,
        **{each.name: getattr(happened, each.name) for each in fields(AuditEvent)},
    }
    for name, value in values.items():
        kind = Audit.__table__.c[name].type
        if isinstance(kind, OutsideText):
            values[name] = storable(value, kind.length)
    row = Audit(**values, hash=seal({**values, "detail": to_json(happened.detail)}))
    session.add(row)
    session.flush()
    session.info.setdefault(HEAD_BEFORE, Head(seq, previous_hash))
    return row


def seal(values: Mapping[str, Any]) -> str:
    """SHA-256 over the canonical JSON of the `SEALED` values of a row, its past included.

    ``at`` is an aware time, ``detail`` the JSON text of the column. TypeError or ValueError where
    a value is not of its column's kind.
    """
    sealed = {name: values[name] for name in SEALED}
    sealed["at"] = values["at"].astimezone(UTC).isoformat(timespec="microseconds")
    return hashlib.sha256(to_json(sealed).encode("ascii")).hexdigest()


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


def verify(db: Database, head_file: Path) -> int:
    """How many rows were verified: each seal, each link, each number, and the head file.

    Rows stream through constant memory from one snapshot, beside running writers.

    Raises
    ------
    AuditBroken
        The first row that is wrong or missing, and what is wrong.
    """
    head, problem = _known_head(head_file)  # read first: a row is there before the file names it
    last = EMPTY
    with db.read() as session, closing(stream_rows(session, (*SEALED, "hash"))) as rows:
        for row in rows:
            last = _check(row, last)
            if last.count == head.count and last.hash != head.hash:
                raise AuditBroken(last.count, "replaced: the head file holds another hash for it")
    if last.count < head.count:
        raise AuditBroken(last.count + 1, f"missing: the head file counts {head.count} rows")
    if last.count and problem:
        time.sleep(HEAD_FOLLOWS_S)
        if not _known_head(head_file)[1]:  # only the very first row can be ahead of its file
            return verify(db, head_file)
        raise AuditBroken(last.count, f"{problem}, so rows missing after this one would go unseen")
    return last.count


def _known_head(head_file: Path) -> tuple[Head, str]:
    try:
        head = read_head(head_file)
    except HeadUnusable as error:
        return EMPTY, str(error)
    return (head, "") if head else (EMPTY, f"the head file {head_file.name} is missing")


def _check(row: Mapping[str, Any], last: Head) -> Head:
    """The head after `row`, which must be the whole and unchanged successor of `last`."""
    seq = last.count + 1
    if row["seq"] != seq:
        if isinstance(row["seq"], int) and row["seq"] > seq:
            raise AuditBroken(seq, "missing")
        raise AuditBroken(seq, "inserted: a row with a number outside the sequence stands here")
    try:
        whole = seal({**row, "at": _time(row["at"])}) == row["hash"]
    except (TypeError, ValueError, OverflowError):
        whole = False
    if not whole:
        raise AuditBroken(seq, "edited: its content does not match its seal")
    if row["previous_hash"] != last.hash:
        if seq == 1:
            raise AuditBroken(1, "replaced: it is not the first row of a trail")
        # Its own seal vouches for the hash that it remembers, so the row before it has changed.
        raise AuditBroken(seq - 1, f"replaced: row {seq} was sealed after another row")
    return Head(seq, row["hash"])


def _time(value: object) -> datetime:
    """The time in a column as the database holds it; ValueError for any other spelling."""
    if isinstance(value, str):  # SQLite
        at = datetime.fromisoformat(value)
        if at.isoformat(" ", "microseconds") != value or at.tzinfo:
            raise ValueError("not a stored time")
        return at.replace(tzinfo=UTC)
    if isinstance(value, datetime):
        return value
    raise TypeError("not a time")
