"""Deliveries: the queue of each destination, and lists for people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from storage.db.tables import Delivery, Study

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from sqlalchemy.orm import Session


@dataclass(frozen=True, slots=True)
class DeliveryLine:
    """One delivery for a list: row ids, names and states, nothing of the patient."""

    id: int
    job_id: int
    study_id: int
    destination: str
    state: str
    attempt: int
    accepted: int
    reason: str
    run_after: datetime


def next_delivery_id(session: Session, destination: str, now: datetime) -> int | None:
    """Whose turn it is for this destination: highest priority first, then the oldest."""
    return session.scalar(
        select(Delivery.id)
        .where(
            Delivery.destination == destination,
            Delivery.state == "queued",
            Delivery.run_after <= now,
        )
        .order_by(Delivery.priority.desc(), Delivery.id)
        .limit(1)
    )


def delivery_of(session: Session, delivery_id: int) -> Delivery | None:
    """The delivery's row as it is now, also when the session has seen it before."""
    return session.get(Delivery, delivery_id, populate_existing=True)


def study_of(session: Session, delivery: Delivery) -> Study:
    """The study that the delivery belongs to."""
    return session.get_one(Study, delivery.study_id)


def interrupted_deliveries(session: Session, destination: str) -> list[Delivery]:
    """Deliveries to this destination that are marked as being sent."""
    query = select(Delivery).where(Delivery.destination == destination, Delivery.state == "sending")
    return list(session.scalars(query.order_by(Delivery.id)))


def unaddressed_deliveries(session: Session, destinations: Collection[str]) -> list[Delivery]:
    """Waiting deliveries to destinations that are none of these."""
    query = select(Delivery).where(
        Delivery.state.in_(("queued", "sending")), Delivery.destination.not_in(destinations)
    )
    return list(session.scalars(query.order_by(Delivery.id)))


def list_deliveries(
    session: Session, *, limit: int, state: str | None = None
) -> list[DeliveryLine]:
    """The newest deliveries, newest first, of one state or of all."""
    query = select(Delivery).order_by(Delivery.id.desc()).limit(limit)
    if state:
        query = query.where(Delivery.state == state)
    return [
        DeliveryLine(
            id=row.id,
            job_id=row.job_id,
            study_id=row.study_id,
            destination=row.destination,
            state=row.state,
            attempt=row.attempt,
            accepted=row.accepted,
            reason=row.reason,
            run_after=row.run_after,
        )
        for row in session.scalars(query)
    ]
