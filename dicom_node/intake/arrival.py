"""What the index has yet to be told: an instance on disk, or the end of an association."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from dicom_node.intake.duplicate import Verdict
    from dicom_node.intake.header import Header
    from dicom_node.net.incoming import AssociationInfo


@dataclass(frozen=True, slots=True)
class Arrival:
    """An instance that is in the store and has no row yet."""

    association: AssociationInfo
    """With an empty id where the association is not known any more."""
    header: Header
    key: str
    size: int
    transfer_syntax_uid: str
    verdict: Verdict
    received_at: datetime


@dataclass(slots=True)
class Tally:
    """What an association brought; only its own thread counts."""

    stored: int = 0
    held: Counter[str] = field(default_factory=Counter)
    """Study UID to the number of instances that were held already."""
    refused: Counter[tuple[str, int]] = field(default_factory=Counter)
    """(Study UID or nothing, status) to the number of instances that were not taken."""


@dataclass(frozen=True, slots=True)
class AssociationEnd:
    """An association is over: ``released`` or ``aborted``."""

    association: AssociationInfo
    outcome: str
    tally: Tally
    ended_at: datetime
