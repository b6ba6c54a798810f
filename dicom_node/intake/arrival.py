"""What the index is told: instances on disk, ends of associations, rejections, signs of life.

These travel between two processes as JSON (`intake.letter`), so they hold plain values only.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime  # noqa: TC003 - pydantic reads the annotations of this module

from dicom_node.intake.duplicate import Verdict  # noqa: TC001
from dicom_node.intake.header import Header  # noqa: TC001
from dicom_node.net.incoming import AssociationInfo, Rejection


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
    refused: defaultdict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    """Study UID, or nothing, to status to the number of instances that were not taken."""


@dataclass(frozen=True, slots=True)
class AssociationEnd:
    """An association is over: ``released`` or ``aborted``."""

    association: AssociationInfo
    outcome: str
    tally: Tally
    ended_at: datetime


@dataclass(frozen=True, slots=True)
class SignOfLife:
    """A receiver lives, and so do these associations of it, by their ids."""

    association_ids: list[str]


@dataclass(frozen=True, slots=True)
class Rescan:
    """A receiver began its life, or lost count: files without a row are to be looked for."""


Item = Arrival | AssociationEnd | Rejection | SignOfLife | Rescan
