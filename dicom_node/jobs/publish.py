"""An attempt's files become the study's results: all of them, once, or none.

One transaction: the job is won first (a stale attempt stops there), then files are renamed into
the store, then rows are added, then it commits. A disk or a database that takes it not whole gets
nothing of it. A crash before the commit leaves files without rows, which the next attempt replaces
under the same derived UIDs.
"""

from __future__ import annotations

import os
from collections import Counter
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dicom_node.jobs.address import address, describe_errors
from dicom_node.jobs.attempt import held_job
from dicom_node.jobs.trail import job_event
from storage.db.queries.jobs import study_and_series_of
from storage.db.queries.outputs import sha256_of_outputs
from storage.db.tables import Output
from storage.db.unavailable import DATABASE_UNAVAILABLE
from storage.files.durable import sync_file
from storage.lifecycle import advance, advance_all

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy.orm import Session

    from dicom_node.jobs.attempt import Attempt
    from dicom_node.jobs.bench import Bench
    from pipelines.manifest import Manifest, OutputFile
    from storage.db.tables import Job


def publish(attempt: Attempt, manifest: Manifest, bench: Bench) -> int:
    """How many new outputs the attempt gave; those with known UIDs exist, and are not sent again.

    Raises
    ------
    StaleTransition
        The attempt no longer holds the job; nothing was written.
    OSError, or one of DATABASE_UNAVAILABLE
        There was no room, or the like; nothing is left of it.
    """
    try:
        return _publish(attempt, manifest, bench)
    except (OSError, *DATABASE_UNAVAILABLE):
        with suppress(OSError, *DATABASE_UNAVAILABLE):  # what stays is what a crash leaves too
            _take_back(attempt, manifest, bench)
        raise


def _publish(attempt: Attempt, manifest: Manifest, bench: Bench) -> int:
    for made in manifest.outputs:
        _sync(attempt.folder / made.file)  # the slow part, before other writers must wait
    now = datetime.now(UTC)
    with bench.db.begin() as session:
        job = held_job(session, attempt.job_id, attempt.number)
        there = sha256_of_outputs(session, [made.sop_uid for made in manifest.outputs])
        new = [made for made in manifest.outputs if made.sop_uid not in there]
        text = f"succeeded: {len(new)} new outputs, {len(there)} unchanged"
        if found := describe_errors(manifest.conformance):
            text += f"; {found}"
        detail = {
            "version": manifest.version,
            "sop_classes": Counter(made.sop_class_uid for made in new),
        }
        advance(
            session,
            job,
            "publish",
            audit=job_event(session, job, "C", text, detail=detail),
            pipeline_version=manifest.version[:32],
            manifest=asdict(manifest),
            progress=1.0,
            reason="",
            reason_code="",
            ended_at=now,
        )
        _release(session, job, [_keep(session, job, made, attempt, bench) for made in new])
        if new:
            address(session, job, manifest, bench.settings)
    return len(new)


def _take_back(attempt: Attempt, manifest: Manifest, bench: Bench) -> None:
    """Delete from the store what the attempt has renamed into it, unless it has its row.

    In a writing transaction that writes nothing: nobody publishes the same files meanwhile.
    """
    with bench.db.begin() as session:
        job = held_job(session, attempt.job_id, attempt.number)
        there = sha256_of_outputs(session, [made.sop_uid for made in manifest.outputs])
        for made in manifest.outputs:
            if made.sop_uid not in there:
                with suppress(FileNotFoundError):
                    bench.store.delete(_key(session, job, made))


def _key(session: Session, job: Job, made: OutputFile) -> str:
    study, _series = study_and_series_of(session, job)
    return f"results/{study.study_uid}/{made.series_uid}/{made.sop_uid}.dcm"


def _keep(session: Session, job: Job, made: OutputFile, attempt: Attempt, bench: Bench) -> Output:
    """The row of one file, which is renamed into the store."""
    key = _key(session, job, made)
    bench.store.adopt(attempt.folder / made.file, key)
    output = Output(
        job_id=job.id,
        study_id=job.study_id,
        kind=made.kind,
        sop_uid=made.sop_uid,
        series_uid=made.series_uid,
        sop_class_uid=made.sop_class_uid,
        transfer_syntax_uid=made.transfer_syntax_uid,
        file_key=key,
        size=made.size,
        sha256=made.sha256,
        produced_at=datetime.now(UTC),
    )
    session.add(output)
    return output


def _release(session: Session, job: Job, outputs: list[Output]) -> None:
    """Release all outputs; one audit row for those of a kind tells what they are (PS3.15 A.5.3)."""
    for kind in dict.fromkeys(output.kind for output in outputs):
        these = [output for output in outputs if output.kind == kind]
        detail = {
            "kind": kind,
            "series": Counter(output.series_uid for output in these),
            "sop_classes": Counter(output.sop_class_uid for output in these),
        }
        text = f"released: {len(these)} {kind} outputs"
        event = job_event(session, job, "U", text, detail=detail)
        advance_all(session, these, "pass_gate", audit=event)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR)
    try:
        sync_file(descriptor)
    finally:
        os.close(descriptor)
