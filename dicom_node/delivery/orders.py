"""What a person may order about a delivery: send it again, or give it up."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dicom_node.delivery.trail import INSTANCES_ACCESSED, delivery_event
from storage.db.queries.deliveries import delivery_of
from storage.errors import UnknownTransition
from storage.lifecycle import advance

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from storage.db.tables import Delivery


def resend_delivery(session: Session, delivery_id: int, *, actor: str) -> Delivery:
    """The failed or held delivery, ``queued`` again and due now.

    Raises
    ------
    UnknownTransition
        It is neither, or there is no such delivery.
    """
    now = datetime.now(UTC)
    return _order(
        session, delivery_id, "resend", "ordered to be sent again", actor,
        run_after=now, created_at=now, reason="", ended_at=None,
    )  # fmt: skip


def cancel_delivery(session: Session, delivery_id: int, *, actor: str) -> Delivery:
    """The waiting, held or failed delivery, now ``cancelled``.

    Raises
    ------
    UnknownTransition
        It is being sent or has been, or there is no such delivery.
    """
    return _order(
        session, delivery_id, "cancel", "cancelled", actor,
        reason="cancelled", ended_at=datetime.now(UTC),
    )  # fmt: skip


def _order(
    session: Session, delivery_id: int, event: str, text: str, actor: str, **changes: object
) -> Delivery:
    delivery = delivery_of(session, delivery_id)
    if delivery is None:
        raise UnknownTransition(f"there is no delivery {delivery_id}")
    audit = delivery_event(session, delivery, INSTANCES_ACCESSED, text, actor=actor)
    advance(session, delivery, event, audit=audit, **changes)
    return delivery
