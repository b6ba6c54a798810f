"""How the audit trail is: what the last verification found, and whether it is anchored outside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from datetime import datetime

Standing = Literal["unverified", "whole", "broken", "unanchored"]


@dataclass(slots=True)
class TrailGauge:
    """What is known of the trail; one thread writes each field, others read it.

    Attributes
    ----------
    fault : str
        The first row that is wrong, and what is; empty while none is known.
    unanchored : str
        Why checkpoints do not get out of the database; empty while they do.
    unarchived : str
        Why old rows could not be moved into an archive; empty while they can.
    verified_at : datetime or None
        When the whole trail was last verified, whatever came of it.
    """

    fault: str = ""
    unanchored: str = ""
    unarchived: str = ""
    verified_at: datetime | None = None

    @property
    def standing(self) -> Standing:
        """All of it in a word."""
        if self.fault:
            return "broken"
        if self.unanchored:
            return "unanchored"
        return "whole" if self.verified_at else "unverified"
