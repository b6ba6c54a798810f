"""Times and dates as people read them: in the node's zone, with UTC one hover away."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from markupsafe import Markup

if TYPE_CHECKING:
    from datetime import tzinfo


def zone_of(name: str) -> tzinfo | None:
    """The zone of this IANA name; None, which means the machine's own, for an empty one."""
    return ZoneInfo(name) if name else None


def time_element(at: datetime | None, zone: tzinfo | None, *, seconds: bool = False) -> Markup:
    """A ``<time>`` element: local time, without the date if that is today; UTC as its title."""
    if at is None:
        return Markup("&ndash;")
    local = at.astimezone(zone)
    clock = f"{local:%H:%M:%S}" if seconds else f"{local:%H:%M}"
    today = datetime.now(UTC).astimezone(zone).date()
    shown = clock if local.date() == today else f"{local:%Y-%m-%d} {clock}"
    utc = at.astimezone(UTC)
    return Markup('<time datetime="{}" title="{} UTC">{}</time>').format(
        f"{utc:%Y-%m-%dT%H:%M:%SZ}", f"{utc:%Y-%m-%d %H:%M:%S}", shown
    )


def dicom_date(text: str) -> str:
    """A DA value such as 20260102 as 2026-01-02; anything else as it is."""
    try:
        return date.fromisoformat(text).isoformat() if len(text) == 8 else text
    except ValueError:
        return text


def duration(seconds: float) -> str:
    """Seconds in the words of a stopwatch: ``4.2 s``, ``3 min 20 s``, ``2 h 5 min``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"
