"""Dates moved by whole days, so that what lies between them stays as it was (PS3.15 E.3.7)."""

from __future__ import annotations

import re
from datetime import date, timedelta

_WHOLE = {"DA": re.compile(r"[0-9]{8}"), "DT": re.compile(r"[0-9]{8}[0-9.+-]*")}
_TIME = re.compile(r"[0-9:.]*")


def moved(value: str, vr: str, days: int) -> str:
    """`value` of VR DA, DT or TM, `days` earlier; empty where it is no whole date.

    A time of day stays: it is part of a moment that was moved with its date.
    """
    if vr == "TM":
        return value if _TIME.fullmatch(value.strip()) else ""
    text = value.strip().replace(".", "", 2) if vr == "DA" else value.strip()
    if not _WHOLE[vr].fullmatch(text):
        return ""
    try:
        day = date(int(text[:4]), int(text[4:6]), int(text[6:8])) - timedelta(days=days)
    except (ValueError, OverflowError):
        return ""
    return f"{day:%Y%m%d}".rjust(8, "0") + text[8:]
