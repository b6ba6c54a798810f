"""What happened to a study, told in plain language and in order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dicom_node.web.clock import duration
from dicom_node.web.words import DELIVERY, JOB, PRIORITIES, Tone, word_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from storage.db.queries.study_view import Arrival, SeriesRow, StudyView
    from storage.db.queries.work_lists import DeliveryRow, JobRow
    from storage.db.tables import Audit, Decision


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened. Patient data.

    Attributes
    ----------
    at : datetime or None
        When it happened; None for what is still to come.
    """

    at: datetime | None
    title: str
    text: str
    tone: Tone
    label: str = ""
    job: JobRow | None = None
    delivery: DeliveryRow | None = None


def timeline_of(found: StudyView, title_of: Callable[[str], str]) -> list[Entry]:
    """The entries in the order of time; what is still to come at the end."""
    series = {row.id: name_of(row) for row in found.series}
    entries = [
        *map(_arrival, found.arrivals),
        *_waiting(found),
        *map(_decision, found.decisions),
        *(_job(job, title_of, series[job.series_id]) for job in found.jobs),
        *(_delivery(delivery, title_of) for delivery in found.deliveries),
        *map(_commitment, found.commitments),
    ]
    told = [entry for entry in entries if entry.at]
    to_come = [entry for entry in entries if not entry.at]
    return sorted(told, key=lambda entry: entry.at.timestamp() if entry.at else 0) + to_come


def name_of(series: SeriesRow) -> str:
    """How a series is called: its number, else its modality; and its description."""
    if series.number is None:
        return f"the {series.modality} series {series.description}".rstrip()
    return f"series {series.number} {series.description}".rstrip()


def _arrival(arrival: Arrival) -> Entry:
    images = _many(arrival.instances, "instance", "instances")
    sender = arrival.calling_aet or "files on disk"
    took = (arrival.last_at - arrival.first_at).total_seconds()
    text = f"{arrival.series} series"
    if arrival.host:
        text += f", sent by {arrival.host} to {arrival.called_aet}"
    if took >= 1:
        text += f", within {duration(took)}"
    if arrival.outcome in ("aborted", "lost"):
        text += f"; the association was {arrival.outcome}, so something may be missing"
    late = f"Received late: {images}" if arrival.revision > 1 else f"Received {images}"
    tone: Tone = "warn" if arrival.outcome in ("aborted", "lost") else "good"
    return Entry(arrival.first_at, f"{late} from {sender}", text, tone)


def _waiting(found: StudyView) -> Iterator[Entry]:
    study = found.study
    if study.state == "receiving":
        yield Entry(
            None,
            "Waiting for the study to be complete",
            f"It is when nothing has arrived for {study.settle_after_s:g} s.",
            "busy",
        )
    if study.state == "quarantined":
        yield Entry(None, "Quarantined", "It contradicts what is kept already.", "bad")
    if study.incomplete:
        yield Entry(None, "Something may be missing", study.incomplete, "warn")


def reasons_of(found: StudyView) -> list[dict[str, Any]]:
    """What the newest decision says about each series, with the series' ``name``."""
    if not found.decisions:
        return []
    names = {row.series_uid: name_of(row) for row in found.series}
    return [
        {**said, "name": names.get(said["series_uid"], "a series")}
        for said in found.decisions[-1].explanation
    ]


def _decision(decision: Decision) -> Entry:
    verdicts = [said["verdict"] for said in decision.explanation]
    chosen = verdicts.count("runs")
    again = f", revision {decision.revision}" if decision.revision > 1 else ""
    return Entry(
        decision.decided_at,
        f"Complete and decided{again}",
        f"{chosen} of {len(verdicts)} series go to a pipeline; why and why not stands below.",
        "good" if chosen else "quiet",
    )


def _job(job: JobRow, title_of: Callable[[str], str], series: str) -> Entry:
    word = word_for(JOB, job.state)
    return Entry(
        at=job.ended_at or job.started_at or job.created_at,
        title=f"{title_of(job.pipeline)} on {series}",
        text=_job_text(job),
        tone=word.tone,
        label=word.label,
        job=job,
    )


def _job_text(job: JobRow) -> str:
    if job.state == "queued":
        urgent = f"It is {PRIORITIES[job.priority]}. " if job.priority in PRIORITIES else ""
        if job.attempt:
            return f"{urgent}Try {job.attempt} ended with: {job.reason}"
        return f"{urgent}It waits for its turn."
    if job.state == "running":
        return f"Try {job.attempt}, {job.progress:.0%} done."
    if job.state == "succeeded":
        took = (
            (job.ended_at - job.started_at).total_seconds()
            if job.ended_at and job.started_at
            else 0
        )
        return f"It took {duration(took)}{f', try {job.attempt}' * (job.attempt > 1)}."
    return job.reason or word_for(JOB, job.state).meaning


def _delivery(delivery: DeliveryRow, title_of: Callable[[str], str]) -> Entry:
    word = word_for(DELIVERY, delivery.state)
    tries = _many(delivery.attempt, "try", "tries")
    accepted = _many(delivery.accepted, "object", "objects")
    note = f" {delivery.reason[:1].upper()}{delivery.reason[1:]}." if delivery.reason else ""
    texts = {
        "queued": f"After {tries}: {delivery.reason}" if delivery.attempt else "It waits.",
        "sending": f"Try {delivery.attempt}.",
        "sent": f"{accepted} accepted after {tries}.{note}",
        "committed": f"{accepted} accepted after {tries}, and promised to be kept.{note}",
        "failed": f"After {tries}: {delivery.reason}",
        "held": f"{delivery.reason}.",
    }
    return Entry(
        at=delivery.ended_at or delivery.created_at,
        title=f"{title_of(delivery.pipeline)} to {delivery.destination}",
        text=texts.get(delivery.state) or delivery.reason or word.meaning,
        tone=word.tone,
        label=word.label,
        delivery=delivery,
    )


def _commitment(told: Audit) -> Entry:
    text = told.text.partition(": ")[2]
    if told.actor.startswith("peer:"):
        title = f"{told.actor.removeprefix('peer:')} asked for storage commitment"
        return Entry(told.at, title, f"It {text}.", "quiet")
    tones: dict[int, Tone] = {0: "good", 4: "warn"}
    title = (
        "Storage commitment answered" if told.outcome <= 4 else "Storage commitment not answered"
    )
    return Entry(told.at, title, f"{text[:1].upper()}{text[1:]}.", tones.get(told.outcome, "bad"))


def _many(number: int, one: str, more: str) -> str:
    return f"{number:,} {one if number == 1 else more}"
