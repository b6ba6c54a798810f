"""One AuditEvent for each row, valid by the model of fhir.resources, whatever the row holds."""

from __future__ import annotations

import json

import pytest
from fhir.resources.R4B.auditevent import AuditEvent
from pydantic import ValidationError

from dicom_node.audit.fhir import audit_event_of
from tests.audit_rows import CT, HERE, ROWS, a_row

HOSTILE = "x\n\r\x00\u202e<b>&amp;' Zzphi"


def event_of(row) -> dict:
    return json.loads(audit_event_of(row, HERE))


@pytest.mark.parametrize("name", ROWS)
def test_an_event_of_each_kind_is_valid(name):
    event = event_of(ROWS[name])

    AuditEvent.model_validate(event)
    assert ROWS[name].event == event["type"]["code"]
    assert [] == [one for one in event.get("entity", ()) if {"name", "query"} <= set(one)]  # sev-1


def test_the_judge_sees_what_is_wrong():
    event = event_of(ROWS["received"])
    del event["recorded"]

    with pytest.raises(ValidationError):
        AuditEvent.model_validate(event)


def test_a_reception_tells_who_what_and_how_many():
    event = event_of(ROWS["received"])
    source, destination = event["agent"]
    study, patient = event["entity"]

    assert ("CT1", True, "10.0.0.9") == (
        source["who"]["identifier"]["value"], source["requestor"], source["network"]["address"]
    )  # fmt: skip
    assert ("4711", False) == (
        destination["who"]["identifier"]["value"], destination["requestor"]
    )  # fmt: skip
    assert "2.25.1" == study["what"]["identifier"]["value"]
    assert {"type": f"SOP Class {CT}", "valueString": "300"} in study["detail"]
    assert ("P1", "1") == (patient["what"]["identifier"]["value"], patient["role"]["code"])


@pytest.mark.parametrize("value", [HOSTILE, " ", "\n", "x" * 10_000])
def test_what_a_peer_wrote_is_harmless(value):
    row = a_row(
        "110104", "C", f"peer:{value}", origin=value, study_uid=value, patient_id=value,
        accession_number=value, text=value, outcome=4, subject=value,
        detail={"sop_classes": {value: 3, CT: "many"}, "pid": value, "failed": {value: value}},
    )  # fmt: skip

    line = audit_event_of(row, HERE)

    AuditEvent.model_validate(json.loads(line))
    assert 1 == len(line.splitlines())
    assert len(line) < 32_768
