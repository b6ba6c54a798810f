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
    """A caller that was turned away, and why, in plain words.

    Attributes
    ----------
    what : str
        At which step: ``association rejected``, ``TLS handshake failed``, ``connection refused``.
        Before an association is asked for nobody knows the AE titles: they are empty.
    count : int
        How many such callers of one address this stands for.
    """

    calling_aet: str
    called_aet: str
    host: str
    reason: str
    what: str = "association rejected"
    count: int = 1
