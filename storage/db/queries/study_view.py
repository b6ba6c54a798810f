"""Everything that one study's page shows, and the files behind its pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, func, select

from storage.db.queries.commitments import told_about
from storage.db.queries.work_lists import DELIVERY_COLUMNS, JOB_COLUMNS, DeliveryRow, JobRow
from storage.db.tables import (
    Association,
    Audit,
    Decision,
    Delivery,
    Instance,
    Job,
    Output,
    Series,
    Study,
)

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session


@dataclass(frozen=True, slots=True)
class SeriesRow:
    """One received series. Patient data."""

    id: int
    series_uid: str
    modality: str
    number: int | None
    description: str
    instances: int
    size: int


@dataclass(frozen=True, slots=True)
class Arrival:
    """What one association brought for one revision of the study.

    ``calling_aet`` is empty where files were found on disk without their association.
    """

    revision: int
    calling_aet: str
    called_aet: str
    host: str
    outcome: str
    instances: int
    series: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class StudyView:
    """One study with all that happened to it. Patient data."""

    study: Study
    series: tuple[SeriesRow, ...]
    arrivals: tuple[Arrival, ...]
    decisions: tuple[Decision, ...]
    jobs: tuple[JobRow, ...]
    manifests: dict[int, dict[str, Any]]
    deliveries: tuple[DeliveryRow, ...]
    commitments: tuple[Audit, ...]


@dataclass(frozen=True, slots=True)
class JobFiles:
    """Keys of the files that a job worked on and made. UIDs: patient data."""

    study_id: int
    sources: tuple[str, ...]
    enhanced: tuple[str, ...]
    segmentations: tuple[str, ...]


def study_view(session: Session, study_id: int) -> StudyView | None:
    """The study and everything about it; None where there is no such study."""
    study = session.get(Study, study_id)
    if study is None:
        return None
    jobs = session.execute(
        select(*JOB_COLUMNS, Job.manifest)
        .join(Series, Job.series_id == Series.id)
        .where(Job.study_id == study_id)
        .order_by(Job.id)
    ).all()
    deliveries = session.execute(
        select(*DELIVERY_COLUMNS)
        .join(Job, Delivery.job_id == Job.id)
        .where(Delivery.study_id == study_id)
        .order_by(Delivery.id)
    )
    return StudyView(
        study=study,
        series=_series_rows(session, study_id),
        arrivals=_arrivals(session, study_id),
        decisions=tuple(
            session.scalars(
                select(Decision).where(Decision.study_id == study_id).order_by(Decision.revision)
            )
        ),
        jobs=tuple(JobRow(*row[:-1]) for row in jobs),
        manifests={row.id: row.manifest for row in jobs if row.manifest},
        deliveries=tuple(DeliveryRow(*row) for row in deliveries),
        commitments=told_about(session, study.study_uid),
    )


def files_of_job(session: Session, job_id: int) -> JobFiles | None:
    """The files behind the pictures of one job; None where there is no such job."""
    job = session.execute(
        select(Job.study_id, Job.series_id, Job.revision, Job.manifest).where(Job.id == job_id)
    ).one_or_none()
    if job is None:
        return None
    sources = select(Instance.file_key).where(
        Instance.series_id == job.series_id,
        Instance.is_current,
        Instance.revision <= job.revision,
    )
    # A job whose results were there already made none of its own: its manifest names them.
    made = [output["sop_uid"] for output in job.manifest.get("outputs", ())]
    outputs = session.execute(
        select(Output.kind, Output.file_key).where(Output.sop_uid.in_(made)).order_by(Output.id)
    ).all()
    return JobFiles(
        study_id=job.study_id,
        sources=tuple(session.scalars(sources.order_by(Instance.id))),
        enhanced=tuple(key for kind, key in outputs if kind == "enhanced"),
        segmentations=tuple(key for kind, key in outputs if kind == "seg"),
    )


def _series_rows(session: Session, study_id: int) -> tuple[SeriesRow, ...]:
    rows = session.execute(
        select(
            Series.id,
            Series.series_uid,
            Series.modality,
            Series.number,
            Series.description,
            func.count(Instance.id),
            func.coalesce(func.sum(Instance.size), 0),
        )
        .outerjoin(Instance, and_(Instance.series_id == Series.id, Instance.is_current))
        .where(Series.study_id == study_id)
        .group_by(Series.id)
        .order_by(Series.number.is_(None), Series.number, Series.id)
    )
    return tuple(SeriesRow(*row) for row in rows)


def _arrivals(session: Session, study_id: int) -> tuple[Arrival, ...]:
    brought_by = (
        func.coalesce(Association.calling_aet, ""),
        func.coalesce(Association.called_aet, ""),
        func.coalesce(Association.host, ""),
        func.coalesce(Association.outcome, ""),
    )
    rows = session.execute(
        select(
            Instance.revision,
            *brought_by,
            func.count(),
            func.count(Instance.series_id.distinct()),
            func.min(Instance.received_at),
            func.max(Instance.received_at),
        )
        .join(Series, Instance.series_id == Series.id)
        .outerjoin(Association, Instance.association_id == Association.id)
        .where(Series.study_id == study_id)
        .group_by(Instance.revision, Association.id)
        .order_by(func.min(Instance.received_at))
    )
    return tuple(Arrival(*row) for row in rows)
