"""Instances: added once, counted, and looked up by the file that holds them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select, update

from storage.db.queries.unless_there import insert_unless_there
from storage.db.tables import Instance, Output, Series, Study

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy.orm import Session


def add_instance(session: Session, **values: object) -> bool:
    """Add the row of a file; False when the file has one.

    A file may have been indexed by a start-up scan just before the receiver that took it came to
    it: then the row only learns which association brought it.
    """
    if insert_unless_there(session, Instance, **values):
        return True
    if values.get("association_id"):
        session.execute(
            update(Instance)
            .where(Instance.file_key == values["file_key"], Instance.association_id.is_(None))
            .values(association_id=values["association_id"])
        )
    return False


def replace_current(session: Session, series_id: int, sop_uid: str, file_key: str) -> None:
    """Leave the file as the only current version of its instance."""
    session.execute(
        update(Instance)
        .where(
            Instance.series_id == series_id,
            Instance.sop_uid == sop_uid,
            Instance.file_key != file_key,
        )
        .values(is_current=False)
    )


def known_keys(session: Session, file_keys: Collection[str]) -> set[str]:
    """Those of the files that have a row."""
    query = select(Instance.file_key).where(Instance.file_key.in_(file_keys))
    return set(session.scalars(query))


def series_holding(session: Session, sop_uids: Collection[str]) -> set[tuple[str, str, str]]:
    """Where these instances are already: (SOP UID, study UID, series UID)."""
    rows = session.execute(
        select(Instance.sop_uid, Study.study_uid, Series.series_uid)
        .join(Series, Instance.series_id == Series.id)
        .join(Study, Series.study_id == Study.id)
        .where(Instance.sop_uid.in_(sop_uids))
    )
    return {(sop_uid, study_uid, series_uid) for sop_uid, study_uid, series_uid in rows}


def produced_here(session: Session, sop_uids: Collection[str]) -> set[str]:
    """Those of the instances that this node made."""
    return set(session.scalars(select(Output.sop_uid).where(Output.sop_uid.in_(sop_uids))))


def current_files(session: Session, series_id: int) -> list[str]:
    """Keys of the series' current files, in the order of their SOP UIDs."""
    query = select(Instance.file_key).where(Instance.series_id == series_id, Instance.is_current)
    return list(session.scalars(query.order_by(Instance.sop_uid)))
