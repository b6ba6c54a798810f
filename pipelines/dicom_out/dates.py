"""The run's one point in time, as the source would have written it (ENH-25)."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from pydicom import Dataset

_OFFSET = re.compile(r"([+-])(\d\d)(\d\d)")


def local_time(created_at: str, source: Dataset, time_zone: str) -> datetime:
    """`created_at` in the source's Timezone Offset From UTC, else in `time_zone`, else locally."""
    moment = datetime.fromisoformat(created_at)
    offset = _OFFSET.fullmatch(str(source.get("TimezoneOffsetFromUTC", "")).strip())
    if offset:
        size = timedelta(hours=int(offset[2]), minutes=int(offset[3]))
        return moment.astimezone(timezone(size if offset[1] == "+" else -size))
    return moment.astimezone(ZoneInfo(time_zone) if time_zone else None)


def da(moment: datetime) -> str:
    """DA, such as 20260131."""
    return moment.strftime("%Y%m%d")


def tm(moment: datetime) -> str:
    """TM with microseconds, such as 235959.000000."""
    return moment.strftime("%H%M%S.%f")
