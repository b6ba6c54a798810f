"""One row of the trail as one FHIR AuditEvent (R4), as IHE's RESTful ATNA feed takes it (ITI-20).

The mapping of DICOM audit messages in FHIR's own definition of AuditEvent, from the same
participants and objects as the syslog message.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from dicom_node.audit.codes import dcm
from dicom_node.audit.message import MAJOR_FAILURE, OUTCOMES
from dicom_node.audit.objects import objects_of
from dicom_node.audit.participants import participants_of
from dicom_node.audit.plain import MOST_TEXT, plain

if TYPE_CHECKING:
    from dicom_node.audit.codes import Code
    from dicom_node.audit.here import Here
    from dicom_node.audit.objects import ParticipantObject
    from dicom_node.audit.participants import Participant
    from storage.db.tables import Audit

DCM_SYSTEM = "http://dicom.nema.org/resources/ontology/DCM"
TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"


def audit_event_of(row: Audit, here: Here) -> bytes:
    """The resource as JSON on one line; the same row gives the same bytes."""
    outcome = row.outcome if row.outcome in OUTCOMES else MAJOR_FAILURE
    event = {
        "resourceType": "AuditEvent",
        "type": _coding(dcm(row.event)),
        "subtype": [_coding(dcm(row.event_type))] if row.event_type else None,
        "action": row.action if row.action and row.action in "CRUDE" else None,
        "recorded": row.at.isoformat(timespec="microseconds"),
        "outcome": str(outcome),
        "outcomeDesc": _text(row.text, MOST_TEXT) if outcome else None,
        "agent": [_agent(one) for one in participants_of(row, here)],
        "source": _without_nothing({
            "site": _text(here.site_id),
            "observer": {"identifier": {"value": plain(here.source_id)}},
            "type": [{"system": f"{TERMINOLOGY}/security-source-type", "code": "4"}],
        }),
        "entity": [_entity(one) for one in objects_of(row, here)],
    }  # fmt: skip
    return json.dumps(_without_nothing(event), ensure_ascii=False).encode("utf-8")


def _agent(one: Participant) -> dict[str, Any]:
    network = {"address": plain(one.access_point), "type": one.access_point_type}
    return _without_nothing({
        "type": {"coding": [_coding(one.role)]} if one.role else None,
        "who": {"identifier": {"value": _text(one.user_id) or "-"}},
        "altId": _text(one.alternative_id),
        "name": _text(one.name),
        "requestor": one.is_requestor,
        "network": network if _text(one.access_point) else None,
    })  # fmt: skip


def _entity(one: ParticipantObject) -> dict[str, Any]:
    details = [
        *one.details,
        *([("Accession Number", one.accession)] if one.accession else []),
        *((f"SOP Class {uid}", str(number)) for uid, number in one.classes),
        *([("Anonymized", "true")] if one.is_anonymized else []),
    ]
    told = [(kind, _text(value, MOST_TEXT)) for kind, value in details]
    role = {"system": f"{TERMINOLOGY}/object-role", "code": one.role}
    return _without_nothing({
        "what": {"identifier": {
            "type": {"coding": [_coding(one.id_type)]}, "value": _text(one.object_id) or "-",
        }},
        "type": {"system": f"{TERMINOLOGY}/audit-entity-type", "code": one.type_code},
        "role": role if one.role else None,
        "lifecycle": {
            "system": f"{TERMINOLOGY}/dicom-audit-lifecycle", "code": one.life_cycle,
        } if one.life_cycle else None,
        "name": _text(one.name) if one.query is None else None,
        "query": one.query,
        "detail": [{"type": kind, "valueString": value} for kind, value in told if value],
    })  # fmt: skip


def _coding(code: Code) -> dict[str, str]:
    system = DCM_SYSTEM if code.system == "DCM" else f"urn:ietf:rfc:{code.system[4:]}"
    return _without_nothing({
        "system": system, "code": _text(code.value) or "-", "display": _text(code.meaning),
    })  # fmt: skip


def _text(text: str, most: int = 128) -> str:
    """FHIR's strings have something in them other than blanks."""
    return plain(text, most).strip()


def _without_nothing(values: dict[str, Any]) -> dict[str, Any]:
    """FHIR has no empty values: what is nothing is left out."""
    return {name: value for name, value in values.items() if value not in (None, "", [])}
