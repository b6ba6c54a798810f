"""What was decided about a study, and the jobs that earlier decisions left behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select

from storage.db.tables import Decision, Job

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy.orm import Session


def decision_of(session: Session, study_id: int, revision: int) -> Decision | None:
    """What was decided about one revision of the study."""
    return session.scalars(
        select(Decision).where(Decision.study_id == study_id, Decision.revision == revision)
    ).one_or_none()


def has_job(session: Session, study_id: int, input_key: str, states: Collection[str]) -> bool:
    """Whether the study has a job on exactly these inputs in one of these states."""
    return bool(
        session.scalar(
            select(func.count())
            .select_from(Job)
            .where(Job.study_id == study_id, Job.input_key == input_key, Job.state.in_(states))
        )
    )


def outdated_jobs(session: Session, series_id: int, pipeline: str, input_key: str) -> list[Job]:
    """Queued jobs of the same pipeline on the same series as it was before."""
    return list(
        session.scalars(
            select(Job)
            .where(
                Job.series_id == series_id,
                Job.pipeline == pipeline,
                Job.state == "queued",
                Job.input_key != input_key,
            )
            .order_by(Job.id)
        )
    )
