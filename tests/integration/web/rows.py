"""A database with a patient's studies in it, as the node would have left them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pydicom import Dataset
from sqlalchemy import insert
from sqlalchemy.orm import Session

from storage.db.engine import Database
from storage.db.tables import (
    Association,
    Decision,
    Delivery,
    Instance,
    Job,
    Output,
    Series,
    Study,
)
from storage.files.local import LocalStore
from tests.builders import CANARY, uid

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
EXPLANATION = {
    "modality": "CT",
    "verdict": "runs",
    "reason": "runs ct-denoise",
    "rules": [
        {
            "rule": "ct", "verdict": "matched", "note": "", "run": ["ct-denoise"], "stop": False,
            "rows": [{"block": "match", "attribute": "Modality", "wanted": "CT", "found": "CT",
                      "verdict": True}],
        },
        {
            "rule": "mr", "verdict": "not matched", "note": "", "run": [], "stop": False,
            "rows": [{"block": "match", "attribute": "Modality", "wanted": "MR", "found": "CT",
                      "verdict": False}],
        },
    ],
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Kept:
    """Row ids of what was added."""

    study: int
    series: int


def add_study(session: Session, key: object = "a", **values: Any) -> Kept:
    """A decided study of one CT series, brought by one association."""
    study = Study(
        **{
            "study_uid": uid(key, "study"),
            "patient_id": f"ZZ-{key}",
            "patient_name": CANARY,
            "accession_number": f"ACC{key}"[:16],
            "study_date": "20260102",
            "description": "Abdomen",
            "state": "routed",
            "created_at": NOW,
            "last_received_at": NOW,
            **values,
        }
    )
    session.add(study)
    session.flush()
    series = Series(
        study_id=study.id,
        series_uid=uid(key, 1, "series"),
        modality="CT",
        number=3,
        description="Axial",
    )
    session.add(series)
    session.add(
        Decision(
            study_id=study.id,
            revision=1,
            decided_at=NOW + timedelta(seconds=30),
            explanation=[{**EXPLANATION, "series_uid": uid(key, 1, "series")}],
        )
    )
    session.flush()
    return Kept(study.id, series.id)


def add_job(session: Session, kept: Kept, **values: Any) -> Job:
    """A job on the study's series."""
    job = Job(
        **{
            "study_id": kept.study,
            "series_id": kept.series,
            "revision": 1,
            "rule": "ct",
            "pipeline": "ct-denoise",
            "input_key": "k",
            "run_after": NOW,
            "created_at": NOW,
            **values,
        }
    )
    session.add(job)
    session.flush()
    return job


def add_delivery(session: Session, job: Job, **values: Any) -> Delivery:
    """The job's results on their way to the PACS."""
    delivery = Delivery(
        **{
            "job_id": job.id,
            "study_id": job.study_id,
            "destination": "PACS",
            "run_after": NOW,
            "created_at": NOW,
            **values,
        }
    )
    session.add(delivery)
    session.flush()
    return delivery


def keep_images(session: Session, store: LocalStore, kept: Kept, images: Sequence[Dataset]) -> None:
    """The received images, in the store and in the index."""
    session.add(
        Association(
            id="a-1",
            calling_aet="SCANNER",
            called_aet="DICOM_NODE",
            host="192.0.2.7",
            started_at=NOW,
            seen_at=NOW,
            ended_at=NOW,
            outcome="released",
        )
    )
    session.flush()
    for image in images:
        key = f"received/{image.SOPInstanceUID}.dcm"
        size = _keep(store, key, image)
        session.add(
            Instance(
                series_id=kept.series,
                sop_uid=image.SOPInstanceUID,
                sop_class_uid=image.SOPClassUID,
                transfer_syntax_uid=image.file_meta.TransferSyntaxUID,
                file_key=key,
                size=size,
                revision=1,
                association_id="a-1",
                received_at=NOW,
            )
        )


def keep_results(
    session: Session, store: LocalStore, job: Job, kind: str, results: Sequence[Dataset]
) -> None:
    """The job's outputs, in the store, in the index and in its manifest."""
    outputs = []
    for result in results:
        key = f"results/{result.SOPInstanceUID}.dcm"
        size = _keep(store, key, result)
        session.add(
            Output(
                job_id=job.id,
                study_id=job.study_id,
                kind=kind,
                sop_uid=result.SOPInstanceUID,
                series_uid="1.2",
                sop_class_uid=result.SOPClassUID,
                transfer_syntax_uid="1.2",
                file_key=key,
                size=size,
                sha256="x",
                state="released",
                produced_at=NOW,
            )
        )
        outputs.append({"kind": kind, "sop_uid": str(result.SOPInstanceUID)})
    job.manifest = {
        "outputs": outputs,
        "measurements": {"noise_sd_before": 10.0, "noise_sd_after": 4.0, "unit": "HU"}
        if kind == "enhanced"
        else {"segments": [{"label": "cube", "voxels": 125, "ml": 1.0, "mean": 800.0, "sd": 0.0}]},
        "warnings": [],
    }


def add_many_studies(db: Database, count: int) -> None:
    """So many studies, with a series, a job and a delivery each."""
    at = [NOW + timedelta(seconds=index) for index in range(count)]
    numbers = range(1, count + 1)
    with db.begin() as session:
        session.execute(
            insert(Study),
            [
                {"id": n, "study_uid": f"1.2.{n}", "patient_id": f"P{n:05}",
                 "patient_name": f"Family{n % 100}^Given{n}", "accession_number": f"A{n}",
                 "state": "routed", "created_at": at[n - 1], "last_received_at": at[n - 1]}
                for n in numbers
            ],
        )  # fmt: skip
        session.execute(
            insert(Series),
            [{"id": n, "study_id": n, "series_uid": f"1.2.{n}.1", "modality": "CT"}
             for n in numbers],
        )  # fmt: skip
        session.execute(
            insert(Job),
            [
                {"id": n, "study_id": n, "series_id": n, "revision": 1, "rule": "ct",
                 "pipeline": "ct-denoise", "input_key": "k", "state": "succeeded",
                 "run_after": NOW, "created_at": at[n - 1], "started_at": at[n - 1],
                 "ended_at": at[n - 1] + timedelta(seconds=5)}
                for n in numbers
            ],
        )  # fmt: skip
        session.execute(
            insert(Delivery),
            [
                {"job_id": n, "study_id": n, "destination": "PACS", "state": "sent",
                 "attempt": 1, "accepted": 1, "run_after": NOW, "created_at": at[n - 1]}
                for n in numbers
            ],
        )  # fmt: skip


def _keep(store: LocalStore, key: str, image: Dataset) -> int:
    path = store.path(key)
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save_as(path, enforce_file_format=True)
    return path.stat().st_size
