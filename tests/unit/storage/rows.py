"""Rows of the tables that have states, with as little in them as may be."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from sqlalchemy.orm import Session

from storage.audit import AuditEvent
from storage.db.tables import CommitmentRequest, Delivery, Job, Output, Series, Study
from storage.lifecycle import Row

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
AUDIT = AuditEvent("110100", "E", "node", "moved")


def a_row(session: Session, table: type[Row], **values: Any) -> Row:
    """A new row of the table, in `state` if given, with the rows that it needs."""
    row = MAKE[table](session, **values)
    session.add(row)
    session.flush()
    return row


def _study(_session: Session, **values: Any) -> Study:
    return Study(study_uid=uuid4().hex, created_at=NOW, last_received_at=NOW, **values)


def _job(session: Session, **values: Any) -> Job:
    study = a_row(session, Study)
    series = Series(study_id=study.id, series_uid="1.2.3")
    session.add(series)
    session.flush()
    return Job(
        study_id=study.id, series_id=series.id, revision=1, rule="r", pipeline="p",
        input_key="k", run_after=NOW, created_at=NOW, **values,
    )  # fmt: skip


def _output(session: Session, **values: Any) -> Output:
    job = a_row(session, Job)
    return Output(
        job_id=job.id, study_id=job.study_id, kind="seg", sop_uid=uuid4().hex, series_uid="1.2",
        sop_class_uid="1.2", transfer_syntax_uid="1.2", file_key=uuid4().hex, size=1, sha256="x",
        produced_at=NOW, **values,
    )  # fmt: skip


def _delivery(session: Session, **values: Any) -> Delivery:
    job = a_row(session, Job)
    return Delivery(
        job_id=job.id, study_id=job.study_id, destination="PACS", run_after=NOW, created_at=NOW,
        **values,
    )  # fmt: skip


def _commitment_request(_session: Session, **values: Any) -> CommitmentRequest:
    return CommitmentRequest(
        calling_aet="CT1", called_aet="NODE", host="127.0.0.1", transaction_uid=uuid4().hex,
        instances=[["1.2", "1.2.3"]], run_after=NOW, created_at=NOW, **values,
    )  # fmt: skip


MAKE = {
    Study: _study, Job: _job, Output: _output, Delivery: _delivery,
    CommitmentRequest: _commitment_request,
}  # fmt: skip
