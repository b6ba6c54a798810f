"""Audit events about deliveries, all told alike (PS3.15 A.5.3.3, A.5.3.6 and A.5.3.7)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from storage.audit import study_event
from storage.db.queries.deliveries import study_of

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from dicom_node.config import PeerSection
    from storage.audit import AuditEvent
    from storage.db.tables import Delivery

BEGIN_TRANSFERRING = "110102"
INSTANCES_ACCESSED = "110103"
INSTANCES_TRANSFERRED = "110104"
EXPORT = "110106"
ACTIONS = {
    BEGIN_TRANSFERRING: "E", INSTANCES_ACCESSED: "U", INSTANCES_TRANSFERRED: "C", EXPORT: "R",
}  # fmt: skip
MINOR_FAILURE = 4
SERIOUS_FAILURE = 8


def delivery_event(
    session: Session, delivery: Delivery, event: str, text: str, **more: Any
) -> AuditEvent:
    """What happened to `delivery`, on the study that its outputs belong to."""
    told: dict[str, Any] = {
        "actor": "node",
        "subject": f"delivery:{delivery.id}",
        "text": f"delivery {delivery.id} to {delivery.destination}: {text}",
        **more,
    }
    return study_event(study_of(session, delivery), event, ACTIONS[event], **told)


def told_peer(peer: PeerSection | None) -> dict[str, Any]:
    """The destination as a row's detail names it, for the message that is made of the row."""
    return {"to": {"aet": peer.ae_title, "host": peer.host}} if peer else {}
