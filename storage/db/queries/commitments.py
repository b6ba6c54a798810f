"""Commitment requests, and what the index holds of the instances that they ask about."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select, update

from storage.db.tables import Audit, CommitmentRequest, Instance, Series, Study

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

AT_ONCE = 500  # below every database's limit of values in one statement
SUBJECT = "commitment:"


@dataclass(frozen=True, slots=True)
class HeldVersion:
    """One stored version of an instance. UIDs: patient data."""

    sop_uid: str
    sop_class_uid: str
    study_id: int
    file_key: str
    size: int
    is_current: bool


def find_request(
    session: Session, calling_aet: str, transaction_uid: str
) -> CommitmentRequest | None:
    """What this peer asked under this Transaction UID, if anything."""
    return session.scalars(
        select(CommitmentRequest).where(
            CommitmentRequest.calling_aet == calling_aet,
            CommitmentRequest.transaction_uid == transaction_uid,
        )
    ).one_or_none()


def request_of(session: Session, request_id: int) -> CommitmentRequest | None:
    """The request's row as it is now, also when the session has seen it before."""
    return session.get(CommitmentRequest, request_id, populate_existing=True)


def next_request_id(session: Session, calling_aet: str, now: datetime) -> int | None:
    """The oldest request of this peer whose report is due."""
    return _next(session, now, CommitmentRequest.calling_aet == calling_aet)


def next_unaddressed_id(
    session: Session, addressed_aets: Collection[str], now: datetime
) -> int | None:
    """The oldest request whose report is due to a peer that is none of these."""
    return _next(session, now, CommitmentRequest.calling_aet.not_in(addressed_aets))


def make_due(session: Session, request_id: int, now: datetime) -> None:
    """Let whoever reports next begin now."""
    session.execute(
        update(CommitmentRequest)
        .where(CommitmentRequest.id == request_id, CommitmentRequest.state == "queued")
        .values(run_after=now)
    )


def versions_of(session: Session, sop_uids: Sequence[str]) -> dict[str, list[HeldVersion]]:
    """Every version that the index has of these instances, by SOP Instance UID."""
    found: defaultdict[str, list[HeldVersion]] = defaultdict(list)
    for piece in _pieces(sop_uids):
        rows = session.execute(
            select(
                Instance.sop_uid,
                Instance.sop_class_uid,
                Series.study_id,
                Instance.file_key,
                Instance.size,
                Instance.is_current,
            )
            .join(Series, Instance.series_id == Series.id)
            .where(Instance.sop_uid.in_(piece))
            .order_by(Instance.id)
        )
        for row in rows:
            found[row.sop_uid].append(HeldVersion(*row))
    return dict(found)


def studies_holding(session: Session, sop_uids: Sequence[str]) -> dict[str, Study]:
    """The study of each of these instances that the index knows, by SOP Instance UID."""
    studies: dict[str, Study] = {}
    for piece in _pieces(sop_uids):
        rows = session.execute(
            select(Instance.sop_uid, Study)
            .join(Series, Instance.series_id == Series.id)
            .join(Study, Series.study_id == Study.id)
            .where(Instance.sop_uid.in_(piece))
            .order_by(Instance.id)
        )
        studies |= {row.sop_uid: row.Study for row in rows}
    return studies


def told_about(session: Session, study_uid: str) -> tuple[Audit, ...]:
    """What the trail says of commitment requests about a study, oldest first."""
    query = select(Audit).where(
        Audit.study_uid == study_uid, Audit.subject.startswith(SUBJECT, autoescape=True)
    )
    return tuple(session.scalars(query.order_by(Audit.seq)))


def _next(session: Session, now: datetime, is_one_of: ColumnElement[bool]) -> int | None:
    return session.scalar(
        select(CommitmentRequest.id)
        .where(CommitmentRequest.state == "queued", CommitmentRequest.run_after <= now, is_one_of)
        .order_by(CommitmentRequest.run_after, CommitmentRequest.id)
        .limit(1)
    )


def _pieces(values: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(values), AT_ONCE):
        yield values[start : start + AT_ONCE]
