"""Whose studies were exported for research, as the trail tells."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from storage.db.tables import Audit

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

EXPORT = "110106"


def exported_studies(session: Session) -> list[tuple[str, str]]:
    """Patient ID and Study Instance UID of every study that a row of an export names."""
    query = (
        select(Audit.patient_id, Audit.study_uid)
        .where(Audit.event == EXPORT, Audit.study_uid != "")
        .distinct()
        .order_by(Audit.patient_id, Audit.study_uid)
    )
    return [(row.patient_id, row.study_uid) for row in session.execute(query)]
