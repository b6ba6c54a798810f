"""Studies and their series: found, made, and those whose quiet period is over."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select, true

from storage.db.tables import Association, Instance, Series, Study

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session


def find_study(session: Session, study_uid: str) -> Study | None:
    """The study of this UID."""
    return session.scalars(select(Study).where(Study.study_uid == study_uid)).one_or_none()


def study_of(session: Session, study_id: int) -> Study | None:
    """The study of this number."""
    return session.get(Study, study_id)


def find_or_add_study(session: Session, study_uid: str, **values: object) -> Study:
    """The study of this UID; a new one has these column values."""
    found = find_study(session, study_uid)
    if found is None:
        found = Study(study_uid=study_uid, **values)
        session.add(found)
        session.flush()
    return found


def find_or_add_series(
    session: Session, study_id: int, series_uid: str, **values: object
) -> Series:
    """The series of this UID in the study; a new one has these column values."""
    query = select(Series).where(Series.study_id == study_id, Series.series_uid == series_uid)
    found = session.scalars(query).one_or_none()
    if found is None:
        found = Series(study_id=study_id, series_uid=series_uid, **values)
        session.add(found)
        session.flush()
    return found


def quiet_studies(session: Session, now: datetime, study_id: int | None = None) -> list[int]:
    """Receiving studies whose own quiet period is over and that no open association still fills.

    Highest priority first. With `study_id`: that study, if it is one of them.
    """
    fed = (
        select(Instance.id)
        .join(Series, Instance.series_id == Series.id)
        .join(Association, Instance.association_id == Association.id)
        .where(Series.study_id == Study.id, Association.outcome == "open")
    )
    rows = session.execute(
        select(Study.id, Study.last_received_at, Study.settle_after_s)
        .where(Study.state == "receiving", ~fed.exists())
        .where(Study.id == study_id if study_id else true())
        .order_by(Study.priority.desc(), Study.id)
    )
    return [
        found_id
        for found_id, last_received_at, settle_after_s in rows
        if last_received_at + timedelta(seconds=settle_after_s) <= now
    ]


def lock_study(session: Session, study_id: int) -> Study:
    """The study, held against other writers until the transaction ends."""
    return session.scalars(
        select(Study)
        .where(Study.id == study_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()


def series_of(session: Session, study_id: int) -> list[Series]:
    """The study's series in the order of arrival."""
    query = select(Series).where(Series.study_id == study_id).order_by(Series.id)
    return list(session.scalars(query))
