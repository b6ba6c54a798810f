"""The states of everything that has states, as tables, and the only code that moves them.

`advance` looks the move up, writes it with a compare-and-set on the state (and, where there are
attempts, on the attempt), and appends the audit row in the same transaction; `advance_all` moves
rows that one event tells of. A row that has moved on meanwhile is a `StaleTransition`: the caller
lost, and its transaction must write nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import update

from storage.audit import AuditEvent, record
from storage.db.tables import CommitmentRequest, Delivery, Job, Output, Study
from storage.errors import StaleTransition, UnknownTransition

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.orm import Session

Row = Study | Job | Output | Delivery | CommitmentRequest
Transitions = dict[tuple[str, str], str]

STUDY: Transitions = {
    ("receiving", "settle"): "settled",
    ("settled", "match"): "routed",
    ("settled", "match_none"): "unmatched",
    ("settled", "late_instance"): "receiving",
    ("routed", "late_instance"): "receiving",
    ("unmatched", "late_instance"): "receiving",
    ("purged", "late_instance"): "receiving",
    ("receiving", "quarantine"): "quarantined",
    ("settled", "quarantine"): "quarantined",
    ("routed", "quarantine"): "quarantined",
    ("unmatched", "quarantine"): "quarantined",
    ("quarantined", "release"): "receiving",
    ("routed", "purge"): "purged",
    ("unmatched", "purge"): "purged",
}

JOB: Transitions = {
    ("queued", "claim"): "running",
    ("running", "publish"): "succeeded",
    ("running", "refuse"): "refused",
    ("running", "retry"): "queued",
    ("running", "fail"): "failed",
    ("running", "cancel"): "cancelled",
    ("queued", "cancel"): "cancelled",
    ("queued", "supersede"): "cancelled",
    ("failed", "rerun"): "queued",
    ("refused", "rerun"): "queued",
}

OUTPUT: Transitions = {
    ("produced", "pass_gate"): "released",
    ("produced", "fail_gate"): "held",
    ("held", "release"): "released",
    ("held", "discard"): "discarded",
}

DELIVERY: Transitions = {
    ("queued", "hold"): "held",
    ("held", "resend"): "queued",
    ("held", "cancel"): "cancelled",
    ("queued", "start"): "sending",
    ("sending", "all_accepted"): "sent",
    ("sent", "commit"): "committed",
    ("sending", "retry"): "queued",
    ("sending", "fail"): "failed",
    ("sent", "commitment_failed"): "queued",
    ("queued", "cancel"): "cancelled",
    ("failed", "cancel"): "cancelled",
    ("failed", "resend"): "queued",
}

COMMITMENT_REQUEST: Transitions = {
    ("queued", "report"): "reported",
    ("queued", "retry"): "queued",
    ("queued", "fail"): "failed",
    ("queued", "repeat"): "queued",
    ("reported", "repeat"): "queued",
    ("failed", "repeat"): "queued",
}

TRANSITIONS: dict[type[Row], Transitions] = {
    Study: STUDY, Job: JOB, Output: OUTPUT, Delivery: DELIVERY,
    CommitmentRequest: COMMITMENT_REQUEST,
}  # fmt: skip


def advance(session: Session, row: Row, event: str, *, audit: AuditEvent, **changes: Any) -> None:
    """Move `row` by `event`, write `changes` with it, and append `audit`; all or nothing.

    Raises
    ------
    UnknownTransition
        The table has no such event in the row's state.
    StaleTransition
        Another transaction moved the row first (or another attempt holds it).
    """
    advance_all(session, [row], event, audit=audit, **changes)


def advance_all(
    session: Session, rows: Sequence[Row], event: str, *, audit: AuditEvent, **changes: Any
) -> None:
    """Move every row by `event` as `advance` does, and append `audit` once for all of them."""
    session.flush()
    for row in rows:
        _move(session, row, event, changes)
    record(session, audit)


def _move(session: Session, row: Row, event: str, changes: dict[str, Any]) -> None:
    old = row.state
    try:
        new = TRANSITIONS[type(row)][old, event]
    except KeyError:
        raise UnknownTransition(f"{_name(row)} is {old}: no event {event}") from None
    table = type(row)
    statement = update(table).where(table.id == row.id, table.state == old)
    if isinstance(row, Job | Delivery | CommitmentRequest):
        statement = statement.where(type(row).attempt == row.attempt)
    statement = statement.values(state=new, **changes).execution_options(synchronize_session=False)
    if session.execute(statement).rowcount != 1:  # type: ignore[attr-defined]
        raise StaleTransition(f"{_name(row)} is no longer {old}")
    session.refresh(row)


def _name(row: Row) -> str:
    return f"{type(row).__tablename__} {row.id}"
