"""What reception passes on: who calls, what is being sent, who was turned away."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime  # noqa: TC003 - `intake.letter` reads the annotations
from typing import NamedTuple, Protocol


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
class Announced:
    """A C-STORE request whose data set is still to come: what its command and context say.

    Attributes
    ----------
    context_class_uid : str
        The SOP class that the presentation context was negotiated for.
    most_bytes : int
        The largest data set that this peer may send.
    """

    association: AssociationInfo
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    context_class_uid: str
    most_bytes: int


class Answer(NamedTuple):
    """A C-STORE status, and a word on it for the person at the sender: no patient's value."""

    status: int
    comment: str = ""


class Arriving(Protocol):
    """What takes the data set of one announced instance, exactly as it was sent."""

    def room(self, buffer: memoryview) -> memoryview:
        """The part of `buffer` that the data set is to fill; its pieces are views of that part."""

    def write(self, piece: memoryview) -> None:
        """Take a piece of a data set too large to be held in memory. Never raises OSError."""

    def finish(self, rest: bytes | memoryview) -> Answer:
        """Take the last piece, or the only one; what is answered with success is on disk."""

    def abandon(self) -> None:
        """Forget what came: the connection broke off. After `finish` it does nothing."""


class Intake(Protocol):
    """To whom reception hands everything, in many threads at once."""

    def begin(self, association: AssociationInfo) -> None:
        """An association was accepted."""

    def announce(self, announced: Announced) -> Arriving:
        """What takes the data set of an instance that is coming."""

    def end(self, association: AssociationInfo, outcome: str) -> None:
        """It ended, ``released`` or ``aborted``; its last instance has been answered."""

    def reject(self, rejection: Rejection) -> None:
        """Somebody was turned away."""


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
