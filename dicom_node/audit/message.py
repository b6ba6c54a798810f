"""One row of the trail as one DICOM audit message, an XML document of one line (PS3.15 A.5).

What is written validates against the schema of the standard and, but for media (AUD-03b), against
dcm4che's, which is narrower in places. The same row gives the same bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, SubElement, tostring

from dicom_node.audit.codes import URI_MEDIA, dcm
from dicom_node.audit.objects import objects_of
from dicom_node.audit.participants import participants_of
from dicom_node.audit.plain import MOST_TEXT, base64_of, plain

if TYPE_CHECKING:
    from dicom_node.audit.codes import Code
    from dicom_node.audit.here import Here
    from dicom_node.audit.objects import ParticipantObject
    from dicom_node.audit.participants import Participant
    from storage.db.tables import Audit

APPLICATION_SERVER = "4"  # AuditSourceTypeCode
OUTCOMES = (0, 4, 8, 12)
MAJOR_FAILURE = 12


def message_of(row: Audit, here: Here) -> str:
    """The message that tells of a row: one line of XML, without a declaration."""
    message = Element("AuditMessage")
    _add_event(message, row)
    for one in participants_of(row, here):
        _add_participant(message, one)
    source = SubElement(message, "AuditSourceIdentification")
    _set(source, AuditEnterpriseSiteID=here.site_id)
    source.set("AuditSourceID", plain(here.source_id))
    SubElement(source, "AuditSourceTypeCode", {"csd-code": APPLICATION_SERVER})
    for each in objects_of(row, here):
        _add_object(message, each)
    return tostring(message, encoding="unicode")


def _add_event(message: Element, row: Audit) -> None:
    event = SubElement(message, "EventIdentification")
    if row.action and row.action in "CRUDE":
        event.set("EventActionCode", row.action)
    event.set("EventDateTime", row.at.isoformat(timespec="microseconds"))
    outcome = row.outcome if row.outcome in OUTCOMES else MAJOR_FAILURE
    event.set("EventOutcomeIndicator", str(outcome))
    _add_code(event, "EventID", dcm(row.event))
    if row.event_type:
        _add_code(event, "EventTypeCode", dcm(row.event_type))
    if outcome:
        SubElement(event, "EventOutcomeDescription").text = plain(row.text, MOST_TEXT)


def _add_participant(message: Element, one: Participant) -> None:
    found = SubElement(message, "ActiveParticipant", {"UserID": plain(one.user_id)})
    _set(found, AlternativeUserID=one.alternative_id, UserName=one.name)
    found.set("UserIsRequestor", "true" if one.is_requestor else "false")
    if one.access_point:
        _set(found, NetworkAccessPointID=one.access_point)
        found.set("NetworkAccessPointTypeCode", one.access_point_type)
    if one.role:
        _add_code(found, "RoleIDCode", one.role)
    if one.is_media:
        _add_code(SubElement(found, "MediaIdentifier"), "MediaType", URI_MEDIA)


def _add_object(message: Element, one: ParticipantObject) -> None:
    found = SubElement(message, "ParticipantObjectIdentification")
    found.set("ParticipantObjectID", plain(one.object_id))
    _set(found, ParticipantObjectTypeCode=one.type_code, ParticipantObjectTypeCodeRole=one.role,
         ParticipantObjectDataLifeCycle=one.life_cycle)  # fmt: skip
    _add_code(found, "ParticipantObjectIDTypeCode", one.id_type)
    if one.query is None:
        SubElement(found, "ParticipantObjectName").text = plain(one.name)
    else:
        SubElement(found, "ParticipantObjectQuery").text = one.query
    for kind, value in one.details:
        detail = {"type": kind, "value": base64_of(plain(value, MOST_TEXT))}
        SubElement(found, "ParticipantObjectDetail", detail)
    described = SubElement(found, "ParticipantObjectDescription")
    if one.accession:
        SubElement(described, "Accession", {"Number": plain(one.accession)})
    for uid, number in one.classes:
        SubElement(described, "SOPClass", {"UID": uid, "NumberOfInstances": str(number)})
    SubElement(described, "ParticipantObjectContainsStudy")  # dcm4che's wants it always (AUD-03)
    if one.is_anonymized:
        SubElement(described, "Anonymized").text = "true"


def _add_code(parent: Element, name: str, code: Code) -> None:
    attributes = {"csd-code": plain(code.value), "codeSystemName": code.system}
    SubElement(parent, name, {**attributes, "originalText": plain(code.meaning)})


def _set(element: Element, **attributes: str) -> None:
    """Set those attributes that have a value."""
    for name, value in attributes.items():
        if value:
            element.set(name, plain(value))
