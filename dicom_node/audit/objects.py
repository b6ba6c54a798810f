"""What an event was about: the ParticipantObjects of its message (PS3.15 A.5.3, AUD-08 and 09).

One study and one patient at most, because a row is about one study. No patient's name (AUD-08).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dicom_node.audit.codes import (
    AUDIT_LOG_USED,
    BEGIN_TRANSFERRING,
    EXPORT,
    IMPORT,
    INSTANCES_ACCESSED,
    INSTANCES_TRANSFERRED,
    NODE_ID,
    PATIENT_NUMBER,
    QUERY,
    SEARCH_CRITERIA,
    SECURITY_ALERT,
    SOP_CLASS_UID,
    STUDY_DELETED,
    STUDY_UID,
    URI,
    USER_IDENTIFIER,
    Code,
)
from dicom_node.audit.plain import (
    MOST_TEXT,
    base64_of,
    base64_or_nothing,
    detail_of,
    is_uid,
    mapping_of,
    plain,
    text_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dicom_node.audit.here import Here
    from storage.db.tables import Audit

NO_VALUE = "<none>"  # as dcm4che writes it
DERIVATION, ERASURE = "8", "15"  # ParticipantObjectDataLifeCycle
PERSON, SYSTEM = "1", "2"  # ParticipantObjectTypeCode
PATIENT, REPORT, USER_ENTITY, RESOURCE, JOB, SEARCH = "1", "3", "11", "13", "20", "24"
MOST_CLASSES, MOST_INSTANCES = 64, 50  # with the longest texts a message stays below 32 KiB
_ABOUT_INSTANCES = (
    BEGIN_TRANSFERRING, INSTANCES_ACCESSED, INSTANCES_TRANSFERRED, STUDY_DELETED, EXPORT, IMPORT,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ParticipantObject:
    """One object; `details` are plain text here and base64 in the message (AUD-04).

    Attributes
    ----------
    query : str or None
        In base64.
    classes : tuple of (str, int)
        SOP Class UIDs with their numbers of instances.
    """

    object_id: str
    id_type: Code
    type_code: str
    role: str = ""
    life_cycle: str = ""
    name: str = ""
    query: str | None = None
    details: tuple[tuple[str, str], ...] = ()
    accession: str = ""
    classes: tuple[tuple[str, int], ...] = ()
    is_anonymized: bool = False


def objects_of(row: Audit, here: Here) -> list[ParticipantObject]:
    """The objects of a row's event; the first has what the row says in words."""
    if row.event == AUDIT_LOG_USED:
        return [ParticipantObject("/audit", URI, SYSTEM, RESOURCE, name="Security Audit Log",
                                  details=_said(row))]  # fmt: skip
    if row.event == QUERY:
        return [_query(row)]
    if row.event == SECURITY_ALERT:
        return [_alert(row, here), *_study_and_patient(row, ())]
    if row.study_uid:
        return _study_and_patient(row, _said(row))
    if row.event in _ABOUT_INSTANCES and row.subject:
        return [ParticipantObject(row.subject, URI, SYSTEM, JOB, details=_said(row))]
    return []


def _study_and_patient(row: Audit, details: tuple[tuple[str, str], ...]) -> list[ParticipantObject]:
    patient = ParticipantObject(row.patient_id or NO_VALUE, PATIENT_NUMBER, PERSON, PATIENT)
    if not row.study_uid:
        return [patient] if row.patient_id else []
    study = ParticipantObject(
        row.study_uid,
        STUDY_UID,
        SYSTEM,
        REPORT,
        life_cycle=_life_cycle(row),
        details=details + _failed(detail_of(row)),
        accession=row.accession_number,
        classes=_classes(detail_of(row)),
        is_anonymized=detail_of(row).get("anonymized") is True,
    )
    return [study, patient]


def _life_cycle(row: Audit) -> str:
    if row.event == STUDY_DELETED or row.action == "D":
        return ERASURE
    derives = row.event == INSTANCES_ACCESSED and row.action == "C"
    return DERIVATION if derives else ""


def _query(row: Audit) -> ParticipantObject:
    """A DICOM query by its SOP class and identifier; a person's search by its criteria."""
    detail = detail_of(row)
    sop_class, syntax = text_of(detail, "sop_class"), text_of(detail, "transfer_syntax")
    if is_uid(sop_class):
        details = (("TransferSyntax", syntax), *_said(row)) if syntax else _said(row)
        query = base64_or_nothing(text_of(detail, "identifier"))
        return ParticipantObject(
            sop_class, SOP_CLASS_UID, SYSTEM, REPORT, query=query, details=details
        )
    asked = dict(mapping_of(detail, "asked"))
    if asked.get("patient"):
        asked["patient"] = "withheld"  # people look for names here; the trail has it
    words = plain(json.dumps(asked, sort_keys=True, default=str), MOST_TEXT)
    return ParticipantObject(
        "/studies", SEARCH_CRITERIA, SYSTEM, SEARCH, query=base64_of(words), details=_said(row)
    )


def _alert(row: Audit, here: Here) -> ParticipantObject:
    """What gave the alarm: an account, the caller's address, or this node (PS3.15 A.5.3.11)."""
    told = (("Alert Description", row.text), *_subject(row))
    if row.subject.startswith("account:"):
        return ParticipantObject(row.subject, USER_IDENTIFIER, PERSON, USER_ENTITY, details=told)
    is_caller = not row.actor.startswith(("node", "user:", "terminal:"))
    place = row.origin if is_caller and row.origin else here.source_id
    return ParticipantObject(place, NODE_ID, SYSTEM, name=place, details=told)


def _said(row: Audit) -> tuple[tuple[str, str], ...]:
    return (("Description", row.text), *_subject(row))


def _subject(row: Audit) -> tuple[tuple[str, str], ...]:
    return (("Subject", row.subject),) if row.subject else ()


def _classes(detail: Mapping[str, Any]) -> tuple[tuple[str, int], ...]:
    counted = mapping_of(detail, "sop_classes").items()
    known = [(uid, number) for uid, number in counted if is_uid(uid) and type(number) is int]
    return tuple(sorted(known)[:MOST_CLASSES])


def _failed(detail: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Instances that failed, each with its reason."""
    failed = sorted(mapping_of(detail, "failed").items())[:MOST_INSTANCES]
    return tuple(("Failed Instance", plain(f"{uid} {why}", 80)) for uid, why in failed)
