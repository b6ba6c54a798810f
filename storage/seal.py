"""The seal of an audit row: a hash over the row itself and over the seal of the row before it."""

from __future__ import annotations

import hashlib
from datetime import UTC
from typing import TYPE_CHECKING, Any

from storage.db.types import to_json

if TYPE_CHECKING:
    from collections.abc import Mapping

# What a seal covers. A column added later needs a second list, or old rows would no longer verify.
SEALED = (
    "seq", "at", "event", "event_type", "action", "outcome", "actor", "origin", "study_uid",
    "patient_id", "accession_number", "subject", "text", "detail", "previous_hash",
)  # fmt: skip


def seal(values: Mapping[str, Any]) -> str:
    """SHA-256 over the canonical JSON of the `SEALED` values of a row, its past included.

    ``at`` is an aware time, ``detail`` the JSON text of the column. TypeError or ValueError where
    a value is not of its column's kind.
    """
    sealed = {name: values[name] for name in SEALED}
    sealed["at"] = values["at"].astimezone(UTC).isoformat(timespec="microseconds")
    return hashlib.sha256(to_json(sealed).encode("ascii")).hexdigest()
