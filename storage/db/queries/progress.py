"""How far everything has come: what is on the way, and what came of each series."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from storage.db.tables import Delivery, Instance, Job, Output, Series, Study

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

UNDERWAY_STUDY = ("receiving", "settled")
UNDERWAY_JOB = ("queued", "running")
UNDERWAY_DELIVERY = ("queued", "sending")


@dataclass(frozen=True, slots=True)
class Underway:
    """What is still on its way through the node, as counts."""

    instances: int
    studies: int
    jobs: int
    jobs_ended: int
    deliveries: int

    @property
    def is_quiet(self) -> bool:
        """True when every study is decided, every job ended and every delivery ended."""
        return not (self.studies or self.jobs or self.deliveries)


@dataclass(frozen=True, slots=True)
class ResultFile:
    """One produced instance: what it is and where it lies in the store."""

    kind: str
    sop_uid: str
    series_uid: str
    file_key: str


@dataclass(frozen=True, slots=True)
class JobResult:
    """What one job on a series ended with."""

    id: int
    pipeline: str
    state: str
    reason: str
    started_at: datetime | None
    seconds: float
    manifest: dict[str, Any]
    files: tuple[ResultFile, ...]
    deliveries: tuple[tuple[str, str], ...]  # (destination, state)


@dataclass(frozen=True, slots=True)
class SeriesResult:
    """One received series, its files in the store, and its jobs."""

    study_uid: str
    study_state: str
    series_uid: str
    modality: str
    file_keys: tuple[str, ...]
    jobs: tuple[JobResult, ...]


def underway(session: Session) -> Underway:
    """Count what has not ended yet."""

    def count(*where: Any) -> int:
        table = where[0].class_
        return session.scalar(select(func.count()).select_from(table).where(*where[1:])) or 0

    return Underway(
        instances=count(Instance.id),
        studies=count(Study.id, Study.state.in_(UNDERWAY_STUDY)),
        jobs=count(Job.id, Job.state.in_(UNDERWAY_JOB)),
        jobs_ended=count(Job.id, Job.state.not_in(UNDERWAY_JOB)),
        deliveries=count(Delivery.id, Delivery.state.in_(UNDERWAY_DELIVERY)),
    )


def series_results(session: Session) -> list[SeriesResult]:
    """Every received series with what came of it, in the order of arrival."""
    rows = session.execute(
        select(Series, Study).join(Study, Series.study_id == Study.id).order_by(Series.id)
    )
    return [_series_result(session, series, study) for series, study in rows]


def _series_result(session: Session, series: Series, study: Study) -> SeriesResult:
    keys = select(Instance.file_key).where(Instance.series_id == series.id, Instance.is_current)
    jobs = select(Job).where(Job.series_id == series.id).order_by(Job.id)
    return SeriesResult(
        study_uid=study.study_uid,
        study_state=study.state,
        series_uid=series.series_uid,
        modality=series.modality,
        file_keys=tuple(session.scalars(keys.order_by(Instance.id))),
        jobs=tuple(_job_result(session, job) for job in session.scalars(jobs)),
    )


def _job_result(session: Session, job: Job) -> JobResult:
    outputs = select(Output).where(Output.job_id == job.id).order_by(Output.id)
    deliveries = select(Delivery).where(Delivery.job_id == job.id).order_by(Delivery.id)
    ended, started = job.ended_at, job.started_at
    return JobResult(
        id=job.id,
        pipeline=job.pipeline,
        state=job.state,
        reason=job.reason,
        started_at=started,
        seconds=(ended - started).total_seconds() if ended and started else 0.0,
        manifest=job.manifest,
        files=tuple(
            ResultFile(row.kind, row.sop_uid, row.series_uid, row.file_key)
            for row in session.scalars(outputs)
        ),
        deliveries=tuple((row.destination, row.state) for row in session.scalars(deliveries)),
    )
