"""Jobs and deliveries as pages list them: row ids, names and states, nothing of a patient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from storage.db.tables import Delivery, Job, Series, Study

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy.orm import Session

StateCounts = dict[str, int]


@dataclass(frozen=True, slots=True)
class JobRow:
    """One job in the list: row ids, names and states, nothing of the patient."""

    id: int
    study_id: int
    series_id: int
    modality: str
    pipeline: str
    rule: str
    revision: int
    priority: int
    state: str
    attempt: int
    progress: float
    reason_code: str
    reason: str
    run_after: datetime
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """One delivery in the list: row ids, names and states, nothing of the patient."""

    id: int
    job_id: int
    study_id: int
    pipeline: str
    destination: str
    state: str
    attempt: int
    accepted: int
    reason: str
    run_after: datetime
    created_at: datetime
    ended_at: datetime | None


JOB_COLUMNS: tuple[Any, ...] = (
    Job.id, Job.study_id, Job.series_id, Series.modality, Job.pipeline, Job.rule, Job.revision,
    Job.priority, Job.state, Job.attempt, Job.progress, Job.reason_code, Job.reason, Job.run_after,
    Job.created_at, Job.started_at, Job.ended_at,
)  # fmt: skip
DELIVERY_COLUMNS: tuple[Any, ...] = (
    Delivery.id, Delivery.job_id, Delivery.study_id, Job.pipeline, Delivery.destination,
    Delivery.state, Delivery.attempt, Delivery.accepted, Delivery.reason, Delivery.run_after,
    Delivery.created_at, Delivery.ended_at,
)  # fmt: skip


def list_job_rows(
    session: Session, *, limit: int, state: str = "", before_id: int | None = None
) -> list[JobRow]:
    """The newest jobs of a state, or of all, newest first."""
    query = select(*JOB_COLUMNS).join(Series, Job.series_id == Series.id)
    query = query.order_by(Job.id.desc()).limit(limit)
    if state:
        query = query.where(Job.state == state)
    if before_id is not None:
        query = query.where(Job.id < before_id)
    return [JobRow(*row) for row in session.execute(query)]


def list_delivery_rows(
    session: Session, *, limit: int, state: str = "", before_id: int | None = None
) -> list[DeliveryRow]:
    """The newest deliveries of a state, or of all, newest first."""
    query = select(*DELIVERY_COLUMNS).join(Job, Delivery.job_id == Job.id)
    query = query.order_by(Delivery.id.desc()).limit(limit)
    if state:
        query = query.where(Delivery.state == state)
    if before_id is not None:
        query = query.where(Delivery.id < before_id)
    return [DeliveryRow(*row) for row in session.execute(query)]


def count_states(session: Session) -> dict[str, StateCounts]:
    """Rows by state, such as ``{"job": {"failed": 2}}``; for study, job and delivery."""
    counted: dict[str, StateCounts] = {}
    for table in (Study, Job, Delivery):
        rows = session.execute(select(table.state, func.count()).group_by(table.state))
        counted[table.__tablename__] = {state: number for state, number in rows}  # noqa: C416 - rows are no pairs to mypy
    return counted


def running_by_slot(session: Session) -> Mapping[str, int]:
    """The running job of each slot, by the slot's name."""
    query = select(Job.worker, Job.id).where(Job.state == "running").order_by(Job.id)
    return {worker: job_id for worker, job_id in session.execute(query)}  # noqa: C416 - as above
