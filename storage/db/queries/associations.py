"""Associations that bring instances: opened, renewed while they live, and ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select, update

from storage.db.tables import Association, Instance, Series, Study

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from sqlalchemy.orm import Session


def add_association(session: Session, association_id: str, **values: object) -> None:
    """Add the row of an open association unless it is there."""
    if session.get(Association, association_id) is None:
        session.add(Association(id=association_id, outcome="open", **values))
        session.flush()


def has_ended(session: Session, association_id: str) -> bool:
    """Whether its receiver told how it ended."""
    row = session.get(Association, association_id)
    return row is not None and row.outcome in ("released", "aborted")


def renew_associations(session: Session, association_ids: Collection[str], now: datetime) -> None:
    """Note that their receiver lives."""
    session.execute(
        update(Association).where(Association.id.in_(association_ids)).values(seen_at=now)
    )


def lost_among(session: Session, association_ids: Collection[str]) -> list[Association]:
    """Those of the associations that were given up."""
    query = select(Association).where(
        Association.id.in_(association_ids), Association.outcome == "lost"
    )
    return list(session.scalars(query.order_by(Association.id)))


def reopen_association(session: Session, association_id: str, now: datetime) -> None:
    """Take back that it ended."""
    session.execute(
        update(Association)
        .where(Association.id == association_id)
        .values(outcome="open", ended_at=None, seen_at=now)
    )


def end_association(session: Session, association_id: str, outcome: str, now: datetime) -> None:
    """Note how it ended: ``released``, ``aborted`` or ``lost``."""
    session.execute(
        update(Association)
        .where(Association.id == association_id)
        .values(outcome=outcome, ended_at=now, seen_at=now)
    )


def silent_associations(session: Session, since: datetime) -> list[Association]:
    """Open associations whose receiver has not renewed them since then."""
    return list(
        session.scalars(
            select(Association)
            .where(Association.outcome == "open", Association.seen_at < since)
            .order_by(Association.id)
        )
    )


def brought_by(session: Session, association_id: str) -> list[tuple[Study, str, int]]:
    """What an association brought: study, SOP Class UID and number of instances."""
    counted = (
        select(Series.study_id, Instance.sop_class_uid, func.count().label("number"))
        .join(Series, Instance.series_id == Series.id)
        .where(Instance.association_id == association_id)
        .group_by(Series.study_id, Instance.sop_class_uid)
        .subquery()
    )
    rows = session.execute(
        select(Study, counted.c.sop_class_uid, counted.c.number)
        .join(counted, Study.id == counted.c.study_id)
        .order_by(Study.id, counted.c.sop_class_uid)
    )
    return [(study, sop_class_uid, number) for study, sop_class_uid, number in rows]
