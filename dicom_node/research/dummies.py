"""Values that say nothing, of every VR (PS3.15 E.1.1, action D)."""

from __future__ import annotations

TEXT = "REMOVED"
DUMMIES: dict[str, object] = {
    "AE": TEXT,
    "AS": "000Y",
    "CS": TEXT,
    "DA": "19000101",
    "DS": "0",
    "DT": "19000101000000",
    "FD": 0.0,
    "FL": 0.0,
    "IS": "0",
    "LO": TEXT,
    "LT": TEXT,
    "PN": TEXT,
    "SH": TEXT,
    "SL": 0,
    "SS": 0,
    "ST": TEXT,
    "TM": "000000",
    "UC": TEXT,
    "UL": 0,
    "UR": "urn:removed",
    "US": 0,
    "UT": TEXT,
}
BYTES = b"\0\0"
"""Of what is kept as bytes: OB, OW, UN and their like."""
TEXTS = frozenset({"AE", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT", "AS", "DA", "DT", "TM"})
"""VRs whose values may tell of a person where they stand in a sequence that is to say nothing."""
