"""How far behind the repositories are, for health checks and for people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from storage.db.queries.audit_positions import backlogs

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from dicom_node.config import Settings


@dataclass(frozen=True, slots=True)
class Untold:
    """What a repository is still to be told.

    Attributes
    ----------
    rows : int
        How many rows of the trail wait for it.
    age_s : float
        By the machine's clock, how long ago the oldest of them was recorded.
    is_late : bool
        Whether that is longer than the settings allow.
    """

    repository: str
    rows: int
    age_s: float
    is_late: bool


def untold(session: Session, settings: Settings, now: datetime) -> list[Untold]:
    """One for each repository of the settings."""
    found = []
    for one in backlogs(session, list(settings.repositories)):
        age_s = max(0.0, (now - one.oldest_at).total_seconds()) if one.oldest_at else 0.0
        late = age_s > settings.audit.alarm_after_s
        found.append(Untold(one.repository, one.rows, round(age_s, 1), late))
    return found
