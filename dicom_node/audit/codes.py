"""The codes of audit messages with their meanings (PS3.15 A.5.3, PS3.16 CID 400 to 405)."""

from __future__ import annotations

from typing import NamedTuple


class Code(NamedTuple):
    """A coded value: ``csd-code``, ``codeSystemName`` and ``originalText`` of the schema."""

    value: str
    system: str
    meaning: str


DCM = {
    # Event identifiers (CID 400).
    "110100": "Application Activity",
    "110101": "Audit Log Used",
    "110102": "Begin Transferring DICOM Instances",
    "110103": "DICOM Instances Accessed",
    "110104": "DICOM Instances Transferred",
    "110105": "DICOM Study Deleted",
    "110106": "Export",
    "110107": "Import",
    "110108": "Network Entry",
    "110112": "Query",
    "110113": "Security Alert",
    "110114": "User Authentication",
    # Event types (CID 401 and 403).
    "110120": "Application Start",
    "110121": "Application Stop",
    "110122": "Login",
    "110123": "Logout",
    "110124": "Attach",
    "110125": "Detach",
    "110126": "Node Authentication",
    "110127": "Emergency Override Started",
    "110128": "Network Configuration",
    "110129": "Security Configuration",
    "110130": "Hardware Configuration",
    "110131": "Software Configuration",
    "110132": "Use of Restricted Function",
    "110133": "Audit Recording Stopped",
    "110134": "Audit Recording Started",
    "110135": "Object Security Attributes Changed",
    "110136": "Security Roles Changed",
    "110137": "User Security Attributes Changed",
    "110138": "Emergency Override Stopped",
    # Roles of participants (CID 402), kinds of objects (CID 404), media (CID 405).
    "110150": "Application",
    "110151": "Application Launcher",
    "110152": "Destination Role ID",
    "110153": "Source Role ID",
    "110154": "Destination Media",
    "110155": "Source Media",
    "110180": "Study Instance UID",
    "110181": "SOP Class UID",
    "110182": "Node ID",
    "110037": "URI",
}

# Event identifiers.
APPLICATION_ACTIVITY = "110100"
AUDIT_LOG_USED = "110101"
BEGIN_TRANSFERRING = "110102"
INSTANCES_ACCESSED = "110103"
INSTANCES_TRANSFERRED = "110104"
STUDY_DELETED = "110105"
EXPORT = "110106"
IMPORT = "110107"
QUERY = "110112"
SECURITY_ALERT = "110113"

# Of RFC 3881, which names the objects that DICOM has no code for.
PATIENT_NUMBER = Code("2", "RFC-3881", "Patient Number")
SEARCH_CRITERIA = Code("10", "RFC-3881", "Search Criteria")
USER_IDENTIFIER = Code("11", "RFC-3881", "User Identifier")
URI = Code("12", "RFC-3881", "URI")


def dcm(value: str) -> Code:
    """The DCM code of that value; where it is not in the table, the value is its meaning too."""
    return Code(value, "DCM", DCM.get(value, value))


APPLICATION, DESTINATION, SOURCE = dcm("110150"), dcm("110152"), dcm("110153")
DESTINATION_MEDIA, SOURCE_MEDIA, URI_MEDIA = dcm("110154"), dcm("110155"), dcm("110037")
STUDY_UID, SOP_CLASS_UID, NODE_ID = dcm("110180"), dcm("110181"), dcm("110182")
