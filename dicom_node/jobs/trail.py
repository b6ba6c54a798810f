"""Audit events about jobs, all told alike (PS3.15 A.5.3.5, DICOM Instances Accessed)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from storage.audit import study_event
from storage.db.queries.jobs import study_and_series_of

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from storage.audit import AuditEvent
    from storage.db.tables import Job

INSTANCES_ACCESSED = "110103"
MINOR_FAILURE = 4
SERIOUS_FAILURE = 8


def job_event(session: Session, job: Job, action: str, text: str, **more: Any) -> AuditEvent:
    """What happened to `job`, on the study it works on; `action` is C, R, U or D."""
    study, _series = study_and_series_of(session, job)
    told: dict[str, Any] = {"actor": "node", "subject": f"job:{job.id}", **more}
    told["detail"] = {"pipeline": job.pipeline, **more.get("detail", {})}
    return study_event(
        study, INSTANCES_ACCESSED, action, text=f"job {job.id} {job.pipeline}: {text}", **told
    )
