"""The seal of an audit row: a hash over the row itself and over the seal of the row before it."""

from __future__ import annotations

import hashlib
from datetime import UTC
from json.encoder import encode_basestring_ascii as _text
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
    return seal_spelled(values, values["at"].astimezone(UTC).isoformat(timespec="microseconds"))


def seal_spelled(values: Mapping[str, Any], at: str) -> str:
    """The `seal` of a row whose time is spelled `at` already; TypeError or ValueError likewise."""
    return hashlib.sha256(canonical(values, at).encode("ascii")).hexdigest()


def canonical(values: Mapping[str, Any], at: str) -> str:
    """What `to_json` makes of the sealed values, written out: verification needs it of each row."""
    return (
        f'{{"accession_number":{_text(values["accession_number"])}'
        f',"action":{_text(values["action"])}'
        f',"actor":{_text(values["actor"])}'
        f',"at":"{at}"'
        f',"detail":{_text(values["detail"])}'
        f',"event":{_text(values["event"])}'
        f',"event_type":{_text(values["event_type"])}'
        f',"origin":{_text(values["origin"])}'
        f',"outcome":{_number(values["outcome"])}'
        f',"patient_id":{_text(values["patient_id"])}'
        f',"previous_hash":{_text(values["previous_hash"])}'
        f',"seq":{values["seq"]:d}'
        f',"study_uid":{_text(values["study_uid"])}'
        f',"subject":{_text(values["subject"])}'
        f',"text":{_text(values["text"])}}}'
    )


def _number(value: object) -> str:
    return str(value) if type(value) is int else to_json(value)
