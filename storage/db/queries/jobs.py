"""Jobs: the queue they stand in, what one attempt needs to know, and lists for people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select, update

from storage.db.tables import Job, Output, Series, Study

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session


DECIDED = ("routed", "unmatched")  # states of a study whose files are those of its decision


@dataclass(frozen=True, slots=True)
class JobLine:
    """One job for a list: row ids, names and states, nothing of the patient."""

    id: int
    study_id: int
    series_id: int
    pipeline: str
    rule: str
    priority: int
    state: str
    attempt: int
    reason: str
    created_at: datetime


def next_job_id(session: Session, now: datetime) -> int | None:
    """The job whose turn it is: highest priority first, then the oldest; None when none is due.

    Jobs of a study that is growing again or quarantined wait: its files are not those that the
    job was decided on, and may be of two patients.
    """
    return session.scalar(
        select(Job.id)
        .join(Study, Job.study_id == Study.id)
        .where(Job.state == "queued", Job.run_after <= now, Study.state.in_(DECIDED))
        .order_by(Job.priority.desc(), Job.id)
        .limit(1)
    )


def job_of(session: Session, job_id: int) -> Job | None:
    """The job's row as it is now, also when the session has seen it before."""
    return session.get(Job, job_id, populate_existing=True)


def is_decided(session: Session, job: Job) -> bool:
    """Whether the job's study still is as it was decided."""
    return session.get_one(Study, job.study_id, populate_existing=True).state in DECIDED


def study_and_series_of(session: Session, job: Job) -> tuple[Study, Series]:
    """What the job works on."""
    return session.get_one(Study, job.study_id), session.get_one(Series, job.series_id)


def running_jobs(session: Session) -> list[Job]:
    """Every job that is in an attempt, oldest first."""
    return list(session.scalars(select(Job).where(Job.state == "running").order_by(Job.id)))


def running_attempts(session: Session) -> set[tuple[int, int]]:
    """(job id, attempt) of every running job."""
    rows = session.execute(select(Job.id, Job.attempt).where(Job.state == "running"))
    return {(job_id, attempt) for job_id, attempt in rows}


def note_progress(session: Session, job_id: int, attempt: int, part: float) -> None:
    """Note how far the attempt is, 0 to 1, unless it no longer holds the job."""
    session.execute(
        update(Job)
        .where(Job.id == job_id, Job.attempt == attempt, Job.state == "running")
        .values(progress=part)
    )


def series_numbers_of(session: Session, study_id: int) -> list[int]:
    """SeriesNumbers that the study's received series have."""
    query = select(Series.number).where(Series.study_id == study_id, Series.number.is_not(None))
    return sorted(number for number in session.scalars(query) if number is not None)


def replaced_series_uid(session: Session, job: Job) -> str:
    """The series that an older job of this pipeline made of the same series, or nothing."""
    query = (
        select(Output.series_uid)
        .join(Job, Output.job_id == Job.id)
        .where(Job.series_id == job.series_id, Job.pipeline == job.pipeline, Job.id < job.id)
        .order_by(Job.id.desc(), Output.id)
        .limit(1)
    )
    return session.scalar(query) or ""


def list_jobs(session: Session, *, limit: int, state: str | None = None) -> list[JobLine]:
    """The newest jobs, newest first, of one state or of all."""
    query = select(Job).order_by(Job.id.desc()).limit(limit)
    if state:
        query = query.where(Job.state == state)
    return [
        JobLine(
            id=job.id,
            study_id=job.study_id,
            series_id=job.series_id,
            pipeline=job.pipeline,
            rule=job.rule,
            priority=job.priority,
            state=job.state,
            attempt=job.attempt,
            reason=job.reason,
            created_at=job.created_at,
        )
        for job in session.scalars(query)
    ]
