"""Decides when a study is complete, and turns it into jobs.

Each study is settled, decided and given its jobs in one transaction: there is no moment at which
a study is settled and its decision or a job is missing.
"""

from __future__ import annotations

import hashlib
import json
import time
from datetime import timedelta
from typing import TYPE_CHECKING

from dicom_node.intake.header import COUNT_KEYWORD
from dicom_node.intake.transfer_audit import LOST_AFTER_S, record_lost
from dicom_node.observe.logging import get_log
from dicom_node.routing.decide import SeriesHeader, decide
from dicom_node.routing.titles import titles_of
from storage.audit import study_event
from storage.db.queries.associations import silent_associations
from storage.db.queries.decisions import has_job, outdated_jobs
from storage.db.queries.instances import current_files
from storage.db.queries.studies import lock_study, quiet_studies, series_of
from storage.db.tables import Decision, Job
from storage.lifecycle import advance

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sqlalchemy.orm import Session

    from dicom_node.config import Settings
    from dicom_node.routing.decide import JobSpec
    from dicom_node.routing.rule_set import RuleSet
    from storage.audit import AuditEvent
    from storage.db.engine import Database
    from storage.db.tables import Series, Study

log = get_log(__name__)

# A job on the same inputs in one of these states need not, or must not, run again by itself.
DONE_OR_COMING = ("queued", "running", "succeeded", "refused")


def settle_due(
    db: Database,
    settings: Settings,
    rules: RuleSet,
    enqueue: Callable[[Session, Job], None],
    now: datetime,
    full_until: datetime | None = None,
) -> list[int]:
    """Settle and decide every study whose quiet period is over; their row ids.

    Parameters
    ----------
    enqueue : callable
        Makes a job row known to the engine, inside the transaction that it is given.
    full_until : datetime, optional
        Until when the disk was full, and receivers perhaps unable to say that they live.
    """
    if full_until is None or now - full_until > timedelta(seconds=LOST_AFTER_S):
        _end_lost_associations(db, now)
    with db.read() as session:
        due = quiet_studies(session, now)
    return [study_id for study_id in due if _settle(db, settings, rules, enqueue, now, study_id)]


def _end_lost_associations(db: Database, now: datetime) -> None:
    """A receiver that died must not keep its studies open for ever.

    One that lives gives its signs of life in writing: how long this very look had to wait for its
    turn to write is no silence of theirs.
    """
    since = now - timedelta(seconds=LOST_AFTER_S)
    with db.read() as session:
        if not silent_associations(session, since):
            return
    asked = time.monotonic()
    with db.begin() as session:
        session.connection()  # here it waits
        waited = timedelta(seconds=time.monotonic() - asked)
        lost = record_lost(session, since - waited, now)
    if lost:
        log.warning("associations ended with their receiver", count=lost)


def _settle(
    db: Database,
    settings: Settings,
    rules: RuleSet,
    enqueue: Callable[[Session, Job], None],
    now: datetime,
    study_id: int,
) -> bool:
    """Settle one study unless something arrived since it was found due."""
    with db.begin() as session:
        if not quiet_studies(session, now, study_id):
            return False
        study = lock_study(session, study_id)
        text = f"settled: revision {study.revision}"
        advance(session, study, "settle", audit=_event(study, "R", text))
        series = {one.series_uid: one for one in series_of(session, study.id)}
        files = {uid: current_files(session, one.id) for uid, one in series.items()}
        headers = [header_of(one, len(files[uid])) for uid, one in series.items() if files[uid]]
        decided = decide(rules, headers, settings.default_destinations, titles_of(settings))
        session.add(
            Decision(
                study_id=study.id,
                revision=study.revision,
                explanation=decided.explanation,
                decided_at=now,
            )
        )
        jobs = [
            job
            for spec in decided.jobs
            if (job := _job(session, study, series[spec.series_uid], spec, files[spec.series_uid]))
        ]
        for job in jobs:
            job.run_after = job.created_at = now
            session.add(job)
            session.flush()
            enqueue(session, job)
        event = "match" if decided.jobs else "match_none"
        text = f"decided: {len(decided.jobs)} jobs wanted, {len(jobs)} new"
        kept = [one for one in decided.explanation if one["verdict"] == "stored only"]
        text += f"; {len(kept)} series stored only, by their AE title" if kept else ""
        advance(session, study, event, audit=_event(study, "R", text))
    log.info("study settled", study=study_id, jobs=len(jobs), revision=study.revision)
    return True


def header_of(series: Series, instances: int) -> SeriesHeader:
    """The series as rules see it."""
    return SeriesHeader(series.series_uid, {**series.header, COUNT_KEYWORD: str(instances)})


def input_key(file_keys: list[str], spec: JobSpec) -> str:
    """What a job's result depends on, as one hash: the files, the pipeline and its parameters.

    A key of the store never changes its content, so the keys stand for the files.
    """
    wanted = [sorted(file_keys), spec.pipeline, spec.parameters]
    return hashlib.sha256(json.dumps(wanted, sort_keys=True).encode()).hexdigest()


def _job(
    session: Session, study: Study, series: Series, spec: JobSpec, file_keys: list[str]
) -> Job | None:
    """The job's row, or None where the same job is done or coming; older ones give way to it."""
    key = input_key(file_keys, spec)
    for outdated in outdated_jobs(session, series.id, spec.pipeline, key):
        text = f"superseded by revision {study.revision}"
        event = study_event(
            study, "110103", "U", actor="node", text=text, subject=f"job:{outdated.id}"
        )
        advance(session, outdated, "supersede", audit=event, reason=text)
    if has_job(session, study.id, key, DONE_OR_COMING):
        return None
    return Job(
        study_id=study.id,
        series_id=series.id,
        revision=study.revision,
        rule=spec.rule,
        pipeline=spec.pipeline,
        parameters=spec.parameters,
        destinations=spec.destinations,
        input_key=key,
        priority=max(spec.priority, study.priority),
    )


def _event(study: Study, action: str, text: str) -> AuditEvent:
    return study_event(study, "110103", action, actor="node", text=text)
