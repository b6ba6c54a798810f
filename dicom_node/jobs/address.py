"""A job's outputs on their way to its destinations, or held before them by the conformance gate."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from dicom_node.jobs.trail import MINOR_FAILURE, job_event
from dicom_node.observe.logging import get_log
from storage.db.tables import Delivery
from storage.lifecycle import advance

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.orm import Session

    from dicom_node.config import Settings
    from pipelines.manifest import Manifest
    from storage.db.tables import Job

log = get_log(__name__)


def address(session: Session, job: Job, manifest: Manifest, settings: Settings) -> None:
    """Queue the outputs for each destination; with an error, held where it says ``block``.

    A destination that the settings do not name (any more) is treated as the default is.
    """
    found = describe_errors(manifest.conformance)
    now = datetime.now(UTC)
    for destination in dict.fromkeys(job.destinations):
        delivery = Delivery(
            job_id=job.id,
            study_id=job.study_id,
            destination=destination,
            priority=job.priority,
            run_after=now,
            created_at=now,
        )
        session.add(delivery)
        peer = settings.peers.get(destination)
        policy = peer.conformance if peer else "block"
        if not found or policy == "off":
            continue
        log.warning("results do not conform", job=job.id, destination=destination, policy=policy)
        if policy == "block":
            _hold(session, job, delivery, found)


def _hold(session: Session, job: Job, delivery: Delivery, found: str) -> None:
    session.flush()
    event = job_event(
        session,
        job,
        "U",
        f"delivery {delivery.id} to {delivery.destination} held: {found}",
        subject=f"delivery:{delivery.id}",
        outcome=MINOR_FAILURE,
    )
    advance(session, delivery, "hold", audit=event, reason=found)


def describe_errors(conformance: Mapping[str, Any]) -> str:
    """How many errors the gate found and the first of them; empty where there are none."""
    errors = conformance.get("errors", 0)
    told = [one for one in conformance.get("findings", ()) if one["severity"] == "error"]
    if not errors or not told:
        return ""
    count = f"{errors:,} conformance {'error' if errors == 1 else 'errors'}"
    return f"{count}: {told[0]['where']} {told[0]['what']}"
