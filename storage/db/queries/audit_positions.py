"""The trail as a spool: what a repository is still to be told, and how far it has been.

A row that is not told yet must not leave the trail: `told_to_all` is where retention has to stop.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from storage.db.queries.audit import last_row
from storage.db.tables import Audit, AuditPosition

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from sqlalchemy.orm import Session


@dataclass(frozen=True, slots=True)
class Backlog:
    """What a repository is still to be told: how many rows, and when the oldest was recorded."""

    repository: str
    rows: int
    oldest_at: datetime | None


def position_of(session: Session, repository: str) -> int:
    """The number of the last row that the repository was given; 0 before the first."""
    found = session.get(AuditPosition, repository, populate_existing=True)
    return found.seq if found else 0


def move_position(session: Session, repository: str, seq: int, now: datetime) -> None:
    """Note that the repository was given every row up to this one; it never moves back."""
    found = session.get(AuditPosition, repository, populate_existing=True)
    if found is None:
        session.add(AuditPosition(repository=repository, seq=seq, moved_at=now))
    elif seq > found.seq:
        found.seq, found.moved_at = seq, now


def rows_after(session: Session, seq: int, limit: int) -> list[Audit]:
    """The next rows of the trail, in order."""
    query = select(Audit).where(Audit.seq > seq).order_by(Audit.seq).limit(limit)
    return list(session.scalars(query))


def next_after(session: Session, seq: int) -> tuple[int, datetime] | None:
    """Number and time of the next row, None after the last; older ones may be archived."""
    query = select(Audit.seq, Audit.at).where(Audit.seq > seq).order_by(Audit.seq).limit(1)
    found = session.execute(query).one_or_none()
    return (found.seq, found.at) if found else None


def backlogs(session: Session, repositories: Collection[str]) -> list[Backlog]:
    """What each of these repositories is still to be told."""
    if not repositories:
        return []
    last, _hash = last_row(session)
    found = []
    for name in repositories:
        seq = position_of(session, name)
        first, at = next_after(session, seq) or (last + 1, None)
        found.append(Backlog(name, last - first + 1, at))
    return found


def told_to_all(session: Session, repositories: Collection[str]) -> int | None:
    """The number of the last row that each of these was given; None where there are none."""
    if not repositories:
        return None
    query = select(func.count(), func.min(AuditPosition.seq)).where(
        AuditPosition.repository.in_(repositories)
    )
    known, least = session.execute(query).one()
    return least if known == len(set(repositories)) else 0
