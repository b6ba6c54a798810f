"""What reception passes on: who calls, what was sent, who was turned away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class AssociationInfo:
    """One accepted association.

    Attributes
    ----------
    id : str
        A UUID of this node's making.
    calling_aet, called_aet : str
        As the peer wrote them, without padding.
    host : str
        The peer's address.
    started_at : datetime
        Aware UTC.
    """

    id: str
    calling_aet: str
    called_aet: str
    host: str
    started_at: datetime


@dataclass(frozen=True, slots=True)
class Incoming:
    """One C-STORE request: its command's identifiers and the data set exactly as it was sent."""

    association: AssociationInfo
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    encoded: bytes


@dataclass(frozen=True, slots=True)
class Rejection:
    """An association that was turned away, and why, in plain words."""

    calling_aet: str
    called_aet: str
    host: str
    reason: str
