"""How long the oldest row has been waiting, by a clock that cannot be set.

The times in rows are the machine's, which may jump either way. They are believed only for rows that
were there before this process looked; a row that came since has not waited longer than that.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


class Waiting:
    """Told again and again which row is the oldest that waits."""

    def __init__(self) -> None:
        self._seq: int | None = None
        self._most_s = math.inf  # what the next oldest row can have waited for
        self._looked_at = 0.0

    def age_s(self, oldest: tuple[int, datetime] | None, now: datetime, ticks: float) -> float:
        """Seconds that the oldest row has been waiting; 0 where none is.

        Parameters
        ----------
        oldest : (int, datetime) or None
            Its number and the time in it.
        now : datetime
            The machine's time.
        ticks : float
            Seconds of a clock that only goes forward.
        """
        passed_s, self._looked_at = max(0.0, ticks - self._looked_at), ticks
        self._most_s += passed_s
        if oldest is None:
            self._seq, self._most_s = None, 0.0
            return 0.0
        seq, at = oldest
        if seq != self._seq:
            self._seq = seq
            self._most_s = min(self._most_s, max(0.0, (now - at).total_seconds()))
        return self._most_s
