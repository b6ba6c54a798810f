"""Instances, looked up by the file that holds them and by their UIDs."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from sqlalchemy import insert, select, update

from storage.db.tables import Instance, Output, Series, Study

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from sqlalchemy.orm import Session


def add_instances(session: Session, rows: Sequence[Mapping[str, object]]) -> None:
    """Add rows, given by their columns, in one statement: an object each would cost five times."""
    if rows:
        session.execute(insert(Instance), rows)


def name_association(session: Session, file_key: str, association_id: str | None) -> None:
    """Tell a row that has no association which one brought its file."""
    session.execute(
        update(Instance)
        .where(Instance.file_key == file_key, Instance.association_id.is_(None))
        .values(association_id=association_id)
    )


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


def series_holding(
    session: Session, sop_uids: Collection[str]
) -> defaultdict[str, set[tuple[str, str]]]:
    """Where these instances are already: SOP UID to (study UID, series UID)."""
    rows = session.execute(
        select(Instance.sop_uid, Study.study_uid, Series.series_uid)
        .join(Series, Instance.series_id == Series.id)
        .join(Study, Series.study_id == Study.id)
        .where(Instance.sop_uid.in_(sop_uids))
    )
    places: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
    for sop_uid, study_uid, series_uid in rows:
        places[sop_uid].add((study_uid, series_uid))
    return places


def produced_here(session: Session, sop_uids: Collection[str]) -> set[str]:
    """Those of the instances that this node made."""
    return set(session.scalars(select(Output.sop_uid).where(Output.sop_uid.in_(sop_uids))))


def current_instances(session: Session, series_id: int) -> list[Instance]:
    """The series' current instances, in the order of their SOP UIDs."""
    query = select(Instance).where(Instance.series_id == series_id, Instance.is_current)
    return list(session.scalars(query.order_by(Instance.sop_uid)))


def current_files(session: Session, series_id: int) -> list[str]:
    """Keys of the series' current files, in the order of their SOP UIDs."""
    query = select(Instance.file_key).where(Instance.series_id == series_id, Instance.is_current)
    return list(session.scalars(query.order_by(Instance.sop_uid)))
