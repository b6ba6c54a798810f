"""Outputs: what jobs made, and which of it is there already."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select

from storage.db.tables import Output

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy.orm import Session


def sha256_of_outputs(session: Session, sop_uids: Collection[str]) -> dict[str, str]:
    """Those of the instances that some job has produced, with the SHA-256 of their files."""
    query = select(Output.sop_uid, Output.sha256).where(Output.sop_uid.in_(sop_uids))
    return {row.sop_uid: row.sha256 for row in session.execute(query)}


def a_file_of_each_series(session: Session, study_id: int) -> list[str]:
    """The key of one file of every series that the study's jobs have made."""
    query = (
        select(func.min(Output.file_key))
        .where(Output.study_id == study_id)
        .group_by(Output.series_uid)
    )
    return sorted(key for key in session.scalars(query) if key)


def released_outputs(session: Session, job_id: int) -> list[Output]:
    """The outputs of one job that may leave the node, in the order they were made."""
    query = select(Output).where(Output.job_id == job_id, Output.state == "released")
    return list(session.scalars(query.order_by(Output.id)))
