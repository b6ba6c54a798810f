"""Storage Commitment on the wire: what a peer asks is read, what it is told is built (PS3.4 J).

Whether an instance is safe is decided elsewhere; here are the messages alone.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

from pydicom import Dataset

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pynetdicom.events import Event

PUSH_MODEL = "1.2.840.10008.1.20.1"
PUSH_MODEL_INSTANCE = "1.2.840.10008.1.20.1.1"
REQUEST_COMMITMENT = 1
"""Action Type ID (PS3.4 J.3.2)."""
ALL_SAFE, SOME_FAILED = 1, 2
"""Event Type IDs (PS3.4 J.3.3)."""
MOST_REFERENCES = 100_000  # a question of 13 MB; the largest known studies have a tenth of it
LONGEST_UID = 64
_IN_UIDS = frozenset("0123456789.")
# What pydicom raises where bytes are no data set, or an element is not what its VR says.
_UNREADABLE = (
    AttributeError, EOFError, LookupError, NotImplementedError, OSError, RecursionError, TypeError,
    ValueError, struct.error,
)  # fmt: skip


class ActionStatus(IntEnum):
    """What an N-ACTION response says (PS3.7 10.1.4.1.10, C.4 and C.5)."""

    SUCCESS = 0x0000
    """The request is stored; a report follows."""
    PROCESSING_FAILURE = 0x0110
    """The node could not store the request; the peer may ask again."""
    NO_SUCH_INSTANCE = 0x0112
    """It was not asked of the well-known instance."""
    INVALID_ARGUMENT = 0x0115
    """The Transaction UID or the references are missing, or no UIDs."""
    NO_SUCH_ACTION = 0x0123
    """The Action Type ID is not 1."""
    RESOURCE_LIMITATION = 0x0213
    """It asks about too many instances at once."""


class FailureReason(IntEnum):
    """Why an instance is not promised: Failure Reason (0008,1197), PS3.3 C.14.1.1."""

    PROCESSING_FAILURE = 0x0110
    """Its file cannot be read, or is not what was received."""
    NO_SUCH_INSTANCE = 0x0112
    """It is not here."""
    CLASS_INSTANCE_CONFLICT = 0x0119
    """It is here, under another SOP Class."""


@dataclass(frozen=True, slots=True)
class Reference:
    """An instance that a peer asks about."""

    sop_class_uid: str
    sop_uid: str


@dataclass(frozen=True, slots=True)
class Request:
    """A peer asks whether these instances are safe; each is named once."""

    transaction_uid: str
    references: tuple[Reference, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """The answer: which instances are safe, and which are not, with the reason."""

    transaction_uid: str
    safe: tuple[Reference, ...]
    failed: tuple[tuple[Reference, FailureReason], ...]

    @property
    def event_type(self) -> int:
        """The Event Type ID that goes with it."""
        return SOME_FAILED if self.failed else ALL_SAFE

    def dataset(self) -> Dataset:
        """The Event Information (PS3.4 table J.3-2).

        Without Retrieve AE Title (0008,0054): it would promise that the instances can be fetched
        from there, and this node answers no C-MOVE or C-GET.
        """
        told = Dataset()
        told.TransactionUID = self.transaction_uid
        if self.safe:
            told.ReferencedSOPSequence = [_item(one) for one in self.safe]
        if self.failed:
            told.FailedSOPSequence = [_item(one, reason) for one, reason in self.failed]
        return told


class Declined(Exception):
    """A request is not taken; with the status for the peer and the reason for the log."""

    def __init__(self, status: ActionStatus, reason: str) -> None:
        super().__init__(reason)
        self.status = status


def read_request(event: Event) -> Request:
    """What an N-ACTION event asks.

    Raises
    ------
    Declined
        It is no request for storage commitment, or one that cannot be understood.
    """
    if event.request.RequestedSOPInstanceUID != PUSH_MODEL_INSTANCE:
        reason = "not asked of the well-known instance of the Push Model"
        raise Declined(ActionStatus.NO_SUCH_INSTANCE, reason)
    if event.request.ActionTypeID != REQUEST_COMMITMENT:
        raise Declined(ActionStatus.NO_SUCH_ACTION, "the Action Type ID is not 1")
    try:
        asked = event.action_information
        transaction_uid = str(asked.get("TransactionUID") or "")
        references = _references(asked.get("ReferencedSOPSequence") or [])
    except _UNREADABLE:
        raise Declined(ActionStatus.INVALID_ARGUMENT, "no readable data set") from None
    if not _is_uid(transaction_uid):
        raise Declined(ActionStatus.INVALID_ARGUMENT, "no Transaction UID")
    if not references:
        raise Declined(ActionStatus.INVALID_ARGUMENT, "no referenced instance")
    if not all(_is_uid(one.sop_uid) and _is_uid(one.sop_class_uid) for one in references):
        reason = "a reference lacks its SOP Class UID or SOP Instance UID"
        raise Declined(ActionStatus.INVALID_ARGUMENT, reason)
    return Request(transaction_uid, references)


def _references(items: Iterable[Dataset]) -> tuple[Reference, ...]:
    found = dict.fromkeys(
        Reference(
            str(item.get("ReferencedSOPClassUID") or ""),
            str(item.get("ReferencedSOPInstanceUID") or ""),
        )
        for item in items
    )
    if len(found) > MOST_REFERENCES:
        reason = f"more than {MOST_REFERENCES} referenced instances"
        raise Declined(ActionStatus.RESOURCE_LIMITATION, reason)
    return tuple(found)


def _item(reference: Reference, reason: FailureReason | None = None) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = reference.sop_class_uid
    item.ReferencedSOPInstanceUID = reference.sop_uid
    if reason is not None:
        item.FailureReason = int(reason)
    return item


def _is_uid(value: str) -> bool:
    return 0 < len(value) <= LONGEST_UID and _IN_UIDS.issuperset(value)
