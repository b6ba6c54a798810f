"""What a commitment request's row goes through: asked, reported, tried again, failed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from dicom_node.commitment.trail import (
    failure_events,
    record_all,
    report_events,
    request_events,
    retry_event,
)
from dicom_node.delivery.retry import next_try
from dicom_node.net.commitment import ActionStatus, Declined, Reference, Request
from storage.db.queries.commitments import find_request, make_due, request_of
from storage.db.tables import CommitmentRequest
from storage.lifecycle import advance

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from dicom_node.config import DeliverSection
    from dicom_node.net.commitment import Report
    from dicom_node.net.incoming import AssociationInfo
    from storage.db.engine import Database

OWN_ASSOCIATION_S = 15.0
"""So long a request belongs to the receiver that took it; if that one dies, to the core."""


def store_request(
    db: Database, association: AssociationInfo, request: Request, *, is_addressed: bool
) -> int:
    """The number of the request, on disk when this returns.

    What is asked again under the same Transaction UID is answered again.

    Raises
    ------
    Declined
        The peer has asked about other instances under this Transaction UID.
    """
    now = datetime.now(UTC)
    instances = [[one.sop_class_uid, one.sop_uid] for one in request.references]
    text = "" if is_addressed else (
        "; the settings have no peer of its name with a host and a port, "
        "so it can be told on its own association only"
    )  # fmt: skip
    times = {"run_after": now + timedelta(seconds=OWN_ASSOCIATION_S), "created_at": now}
    with db.begin() as session:
        row = find_request(session, association.calling_aet, request.transaction_uid)
        if row is None:
            row = CommitmentRequest(
                calling_aet=association.calling_aet,
                called_aet=association.called_aet,
                host=association.host,
                transaction_uid=request.transaction_uid,
                instances=instances,
                **times,
            )
            session.add(row)
            session.flush()
            record_all(session, request_events(session, row, request.references, text))
            return row.id
        if row.instances != instances:
            reason = "this Transaction UID was used for other instances before"
            raise Declined(ActionStatus.INVALID_ARGUMENT, reason)
        first, *others = request_events(session, row, request.references, f" again{text}")
        advance(
            session, row, "repeat", audit=first, attempt=0, reason="", ended_at=None,
            called_aet=association.called_aet, host=association.host, **times,
        )  # fmt: skip
        record_all(session, others)
        return row.id


def request_on(row: CommitmentRequest) -> Request:
    """The request as the peer made it."""
    return Request(row.transaction_uid, tuple(Reference(*pair) for pair in row.instances))


def note_told(db: Database, number: int, report: Report) -> bool:
    """Note that the peer has confirmed the report; False where it had been told before."""
    with db.begin() as session:
        row = request_of(session, number)
        if row is None or row.state != "queued":
            return False
        first, *others = report_events(session, row, report)
        advance(
            session, row, "report", audit=first,
            safe=len(report.safe), reason="", ended_at=datetime.now(UTC),
        )  # fmt: skip
        record_all(session, others)
    return True


def note_not_told(
    db: Database, number: int, reason: str, deliver: DeliverSection
) -> datetime | None:
    """Note a report that did not get through; when it is tried again, or None to give up."""
    now = datetime.now(UTC)
    with db.begin() as session:
        row = request_of(session, number)
        if row is None or row.state != "queued":
            return None
        attempt = row.attempt + 1
        due = next_try(deliver, attempt=attempt, created_at=row.created_at, now=now)
        text = f"attempt {attempt} failed: {reason}"
        if due:
            changes = {"attempt": attempt, "reason": reason, "run_after": due}
            advance(session, row, "retry", audit=retry_event(row, text), **changes)
        else:
            _fail(session, row, text, attempt=attempt, reason=reason)
    return due


def fail_unaddressed(db: Database, number: int) -> bool:
    """Fail a request whose peer was not told while it could be; False where it has been."""
    reason = (
        "its association ended before the report, and the settings have no peer of its name "
        "with a host and a port"
    )
    with db.begin() as session:
        row = request_of(session, number)
        if row is None or row.state != "queued":
            return False
        _fail(session, row, reason, reason=reason)
    return True


def _fail(session: Session, row: CommitmentRequest, text: str, **changes: object) -> None:
    first, *others = failure_events(session, row, request_on(row).references, text)
    advance(session, row, "fail", audit=first, ended_at=datetime.now(UTC), **changes)
    record_all(session, others)


def leave_to_core(db: Database, number: int) -> None:
    """Have the core report over an association of its own, now."""
    with db.begin() as session:
        make_due(session, number, datetime.now(UTC))
