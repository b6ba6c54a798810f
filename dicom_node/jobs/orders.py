"""What a person may order about a job: stop it, or run it again."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dicom_node.jobs.trail import job_event
from storage.db.queries.jobs import job_of
from storage.errors import UnknownTransition
from storage.lifecycle import advance

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from storage.db.tables import Job


def cancel_job(session: Session, job_id: int, *, actor: str) -> Job:
    """The job, now ``cancelled``; its attempt, if one runs, can no longer publish.

    Raises
    ------
    UnknownTransition
        The job has ended, or there is no such job.
    """
    job = _find(session, job_id)
    event = job_event(session, job, "U", "cancelled", actor=actor)
    advance(session, job, "cancel", audit=event, reason="cancelled", ended_at=datetime.now(UTC))
    return job


def rerun_job(session: Session, job_id: int, *, actor: str) -> Job:
    """The failed or refused job, ``queued`` again.

    Raises
    ------
    UnknownTransition
        The job is neither failed nor refused, or there is no such job.
    """
    job = _find(session, job_id)
    event = job_event(session, job, "U", "ordered to run again", actor=actor)
    advance(
        session,
        job,
        "rerun",
        audit=event,
        run_after=datetime.now(UTC),
        reason="",
        reason_code="",
        ended_at=None,
    )
    return job


def _find(session: Session, job_id: int) -> Job:
    job = job_of(session, job_id)
    if job is None:
        raise UnknownTransition(f"there is no job {job_id}")
    return job
