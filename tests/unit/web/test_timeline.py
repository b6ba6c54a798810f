"""What the page says of a delivery."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

import pytest

from dicom_node.web.timeline import _delivery
from storage.db.queries.work_lists import DeliveryRow

NOW = datetime(2026, 11, 25, tzinfo=UTC)


def told(**values: Any) -> str:
    known: dict[str, Any] = {"state": "sent", "accepted": 2, "attempt": 1, "reason": "",
                             "destination": "PACS", "pipeline": "stub"}  # fmt: skip
    row = {field.name: NOW if field.name.endswith(("_at", "after")) else 1
           for field in fields(DeliveryRow)}  # fmt: skip
    return _delivery(DeliveryRow(**{**row, **known, **values}), str).text


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, "2 objects accepted after 1 try."),
        (
            {"reason": "left out by its profile: 1 label map"},
            "2 objects accepted after 1 try. Left out by its profile: 1 label map.",
        ),
        (
            {"accepted": 0, "reason": "left out by its profile: 1 report"},
            "0 objects accepted after 1 try. Left out by its profile: 1 report.",
        ),
        ({"state": "failed", "attempt": 3, "reason": "it is down"}, "After 3 tries: it is down"),
    ],
)
def test_a_delivery_says_how_many_objects_were_accepted_and_what_was_left_out(values, expected):
    assert expected == told(**values)
