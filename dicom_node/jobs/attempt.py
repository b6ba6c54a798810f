"""One try at a job: claimed from the queue, and given back to it when it does not succeed."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from dicom_node.jobs.trail import MINOR_FAILURE, SERIOUS_FAILURE, job_event
from dicom_node.observe.logging import get_log
from storage.db.queries.jobs import (
    is_decided,
    job_of,
    running_jobs,
)
from storage.errors import StaleTransition
from storage.lifecycle import advance

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    from sqlalchemy.orm import Session

    from dicom_node.jobs.bench import Bench
    from dicom_node.jobs.slot import Slot
    from storage.db.tables import Job

log = get_log(__name__)


@dataclass(frozen=True, slots=True)
class Attempt:
    """A claimed job: only who holds its newest attempt may write how the job ended.

    `folder` is its own and not made yet.
    """

    job_id: int
    number: int
    folder: Path


def claim(job_id: int, slot: Slot, bench: Bench) -> Attempt | None:
    """The next attempt of a queued job; None when another was faster."""
    now = datetime.now(UTC)
    with bench.db.begin() as session:
        job = job_of(session, job_id)
        if job is None or job.state != "queued" or not is_decided(session, job):
            return None
        number = job.attempt + 1
        advance(
            session,
            job,
            "claim",
            audit=job_event(session, job, "R", f"attempt {number} on {slot.name}"),
            attempt=number,
            worker=f"{socket.gethostname()[:40]}:{slot.name}"[:64],
            started_at=now,
            ended_at=None,
            progress=0.0,
        )
    return Attempt(job_id, number, bench.settings.work_folder.absolute() / f"job-{job_id}-{number}")


def held_job(session: Session, job_id: int, number: int) -> Job:
    """The running job's row, if this attempt still holds it.

    Raises
    ------
    StaleTransition
        It was cancelled, or given to another attempt.
    """
    job = job_of(session, job_id)
    if job is None or job.state != "running" or job.attempt != number:
        raise StaleTransition(f"job {job_id}: attempt {number} no longer holds it")
    return job


def refuse(attempt: Attempt, code: str, reason: str, bench: Bench) -> None:
    """End the job as refused: the pipeline declines its input, and always would."""
    with bench.db.begin() as session:
        job = held_job(session, attempt.job_id, attempt.number)
        event = job_event(session, job, "R", f"refused: {reason}", outcome=MINOR_FAILURE)
        advance(
            session,
            job,
            "refuse",
            audit=event,
            reason_code=code[:64],
            reason=reason,
            ended_at=datetime.now(UTC),
        )
    log.info("job refused", job=attempt.job_id, attempt=attempt.number, code=code)


def give_back(job_id: int, number: int, code: str, reason: str, bench: Bench) -> None:
    """Queue the job again after a pause, or end it as failed where all its tries are used up."""
    jobs = bench.settings.jobs
    now = datetime.now(UTC)
    with bench.db.begin() as session:
        job = held_job(session, job_id, number)
        is_last = _is_last(number, bench)
        text = f"attempt {number} failed ({code}): {reason}"
        event = job_event(
            session, job, "R", text, outcome=SERIOUS_FAILURE if is_last else MINOR_FAILURE
        )
        changes = {"reason_code": code[:64], "reason": reason}
        if is_last:
            advance(session, job, "fail", audit=event, ended_at=now, **changes)
        else:
            tries = (number - 1) % jobs.max_attempts
            pause_s = jobs.retry_after_s[min(tries, len(jobs.retry_after_s) - 1)]
            due = now + timedelta(seconds=pause_s)
            advance(session, job, "retry", audit=event, run_after=due, **changes)
    log.warning("attempt failed", job=job_id, attempt=number, code=code)


def give_back_uncounted(
    attempt: Attempt, bench: Bench, code: str, reason: str, pause_s: float
) -> None:
    """Queue a job again that is not to blame: it goes on with a whole round of tries.

    The numbers that are left of its round are passed over, as none is ever used twice.
    """
    number, most = attempt.number, bench.settings.jobs.max_attempts
    with bench.db.begin() as session:
        job = held_job(session, attempt.job_id, number)
        text = f"attempt {number} does not count: {reason}"
        advance(
            session,
            job,
            "retry",
            audit=job_event(session, job, "R", text),
            attempt=-(-number // most) * most,
            run_after=datetime.now(UTC) + timedelta(seconds=pause_s),
            reason_code=code,
            reason=reason,
        )
    log.info("job goes back, uncounted", job=attempt.job_id, attempt=number, code=code)


def give_back_lost(bench: Bench, held: Callable[[], Collection[int]]) -> int:
    """How many running jobs that nobody runs any more were queued again, due at once.

    Parameters
    ----------
    held : callable
        Ids of the jobs that this node's slots are busy with, as of the call.
    """
    with bench.db.read() as session:
        if not {job.id for job in running_jobs(session)} - set(held()):
            return 0
    now = datetime.now(UTC)
    with bench.db.begin() as session:
        lost = [job for job in running_jobs(session) if job.id not in held()]
        for job in lost:
            is_last = _is_last(job.attempt, bench)
            reason = "the node stopped while the job ran"
            event = job_event(
                session,
                job,
                "R",
                f"attempt {job.attempt} lost: {reason}",
                outcome=SERIOUS_FAILURE if is_last else MINOR_FAILURE,
            )
            changes = {"reason_code": "worker-lost", "reason": reason}
            if is_last:
                advance(session, job, "fail", audit=event, ended_at=now, **changes)
            else:
                advance(session, job, "retry", audit=event, run_after=now, **changes)
    return len(lost)


def _is_last(number: int, bench: Bench) -> bool:
    """Whether a failure of this attempt ends the job.

    Numbers are never used twice, so that a stale attempt stays stale: a job that a person has
    ordered to run again counts on, and has `max_attempts` tries more. So does one that found no
    room on the disk, from the next multiple of `max_attempts` on.
    """
    return number % bench.settings.jobs.max_attempts == 0
