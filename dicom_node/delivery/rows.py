"""What a delivery's row goes through: begun, ended, interrupted, left without a destination."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from dicom_node.delivery.retry import next_try
from dicom_node.delivery.selection import Made, select
from dicom_node.delivery.trail import (
    BEGIN_TRANSFERRING,
    EXPORT,
    INSTANCES_TRANSFERRED,
    MINOR_FAILURE,
    SERIOUS_FAILURE,
    delivery_event,
    told_peer,
)
from dicom_node.net.scu import OutgoingFile
from storage.audit import record
from storage.db.queries.deliveries import (
    delivery_of,
    interrupted_deliveries,
    unaddressed_deliveries,
)
from storage.db.queries.instances import current_instances
from storage.db.queries.jobs import job_of
from storage.db.queries.outputs import released_outputs
from storage.errors import StaleTransition
from storage.lifecycle import advance

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy.orm import Session

    from dicom_node.config import DeliverSection, PeerSection, ProfileSection
    from dicom_node.delivery.selection import Way
    from dicom_node.delivery.transfer import Outcome
    from storage.db.engine import Database
    from storage.db.tables import Delivery
    from storage.files.store import ObjectStore


@dataclass(frozen=True, slots=True)
class Underway:
    """One attempt at a delivery; only who began it may end it."""

    delivery_id: int
    attempt: int
    ways: list[Way]
    project: str = ""


def begin_delivery(
    db: Database,
    store: ObjectStore,
    delivery_id: int,
    profile: ProfileSection,
    peer: PeerSection | None = None,
    *,
    with_sources: bool = False,
) -> Underway:
    """Mark the delivery as being sent and give what is to be sent, as the profile takes it.

    Parameters
    ----------
    peer : PeerSection, optional
        Whom it goes to; with ``research`` what is sent is de-identified for that project.
    with_sources : bool
        The received images that the job had go before its results.

    Raises
    ------
    StaleTransition
        It was cancelled meanwhile.
    """
    project = peer.research if peer else ""
    with db.begin() as session:
        delivery = _in_state(session, delivery_id, "queued")
        ways = select(_made(session, store, delivery.job_id), profile)
        if with_sources:
            sources = _sources(session, store, delivery.job_id)
            ways = [replace(way, files=(*sources, *way.files)) for way in ways]
        files, left_out = ways[0].files, ways[0].left_out
        attempt = delivery.attempt + 1
        event = delivery_event(
            session,
            delivery,
            BEGIN_TRANSFERRING,
            f"attempt {attempt} with {len(files)} instances"
            + (f", left out by its profile: {left_out}" if left_out else "")
            + (f", to be de-identified for {project}" if project else ""),
            detail={
                "sop_classes": Counter(file.sop_class_uid for file in files),
                **told_peer(peer),
            },
        )
        advance(session, delivery, "start", audit=event, attempt=attempt)
    return Underway(delivery_id, attempt, ways, project)


def _sources(session: Session, store: ObjectStore, job_id: int) -> list[OutgoingFile]:
    """The current instances of the series that the job was for."""
    job = job_of(session, job_id)
    return [
        OutgoingFile(
            store.path(one.file_key), one.sop_class_uid, one.sop_uid, one.transfer_syntax_uid
        )
        for one in (current_instances(session, job.series_id) if job else ())
    ]


def _made(session: Session, store: ObjectStore, job_id: int) -> list[Made]:
    """The released results of a job, with what its manifest says of each."""
    job = job_of(session, job_id)
    manifest = job.manifest if job else {}
    told = {each["sop_uid"]: each for each in manifest.get("outputs", ())}
    made = []
    for output in released_outputs(session, job_id):
        file = OutgoingFile(
            store.path(output.file_key),
            output.sop_class_uid,
            output.sop_uid,
            output.transfer_syntax_uid,
        )
        said = told.get(output.sop_uid, {})  # of a job of an earlier version it says less
        made.append(Made(file, output.kind, said.get("frames", 1), said.get("names", "")))
    return made


def end_delivery(
    db: Database, underway: Underway, outcome: Outcome, deliver: DeliverSection, peer: PeerSection
) -> datetime | None:
    """Note the outcome; the time of the next try, or None when there is none.

    What was accepted of a delivery that failed has a row of its own: one outcome each (A.5.2).

    Raises
    ------
    StaleTransition
        Another attempt has it.
    """
    now = datetime.now(UTC)
    with db.begin() as session:
        delivery = _in_state(session, underway.delivery_id, "sending", underway.attempt)
        detail: dict[str, Any] = {
            "instances": outcome.files, "accepted": outcome.accepted, **told_peer(peer),
        }  # fmt: skip
        if underway.project:
            detail |= {"anonymized": True, "project": underway.project}
        accepted: dict[str, Any] = {
            "origin": peer.host, "detail": {**detail, "sop_classes": outcome.accepted_classes},
        }  # fmt: skip
        failed: dict[str, Any] = {
            "origin": peer.host, "detail": {**detail, "sop_classes": outcome.other_classes},
        }  # fmt: skip
        kind = EXPORT if underway.project else INSTANCES_TRANSFERRED
        changes = {"accepted": outcome.accepted, "reason": outcome.reason or outcome.note}
        if outcome.is_complete:
            text = f"{outcome.accepted} instances sent and accepted"
            text += f"; {outcome.note}" if outcome.note else ""
            event = delivery_event(session, delivery, kind, text, **accepted)
            advance(session, delivery, "all_accepted", audit=event, ended_at=now, **changes)
            return None
        begun = delivery.created_at
        due = next_try(deliver, attempt=underway.attempt, created_at=begun, now=now)
        due = None if outcome.is_final else due
        if outcome.accepted:
            text = f"{outcome.accepted} of {outcome.files} instances sent and accepted"
            record(session, delivery_event(session, delivery, kind, text, **accepted))
        failed["outcome"] = MINOR_FAILURE if due else SERIOUS_FAILURE
        text = f"attempt {underway.attempt} failed: {outcome.reason}"
        event = delivery_event(session, delivery, kind, text, **failed)
        if due:
            advance(session, delivery, "retry", audit=event, run_after=due, **changes)
        else:
            advance(session, delivery, "fail", audit=event, ended_at=now, **changes)
        return due


def queue_interrupted(db: Database, destination: str, peer: PeerSection | None = None) -> int:
    """How many deliveries were being sent when the node stopped, and are due again now."""
    with db.begin() as session:
        interrupted = interrupted_deliveries(session, destination)
        for delivery in interrupted:
            text = "interrupted: the node stopped while it was sent"
            told = {"outcome": MINOR_FAILURE, "detail": told_peer(peer)}
            event = delivery_event(session, delivery, INSTANCES_TRANSFERRED, text, **told)
            advance(session, delivery, "retry", audit=event, run_after=datetime.now(UTC))
    return len(interrupted)


def fail_unaddressed(db: Database, destinations: Collection[str]) -> int:
    """How many waiting deliveries failed because no destination of that name is left."""
    with db.read() as session:
        if not unaddressed_deliveries(session, destinations):
            return 0
    reason = "the settings have no peer of this name with a host and a port"
    with db.begin() as session:
        homeless = unaddressed_deliveries(session, destinations)
        for delivery in homeless:
            if delivery.state == "queued":
                event = delivery_event(
                    session, delivery, BEGIN_TRANSFERRING, "not possible", outcome=SERIOUS_FAILURE
                )
                advance(session, delivery, "start", audit=event, attempt=delivery.attempt + 1)
            event = delivery_event(
                session, delivery, INSTANCES_TRANSFERRED, reason, outcome=SERIOUS_FAILURE
            )
            advance(
                session, delivery, "fail", audit=event, reason=reason, ended_at=datetime.now(UTC)
            )
    return len(homeless)


def _in_state(
    session: Session, delivery_id: int, state: str, attempt: int | None = None
) -> Delivery:
    delivery = delivery_of(session, delivery_id)
    if delivery is None or delivery.state != state or attempt not in (None, delivery.attempt):
        raise StaleTransition(f"delivery {delivery_id} is no longer {state}")
    return delivery
