"""What the patient is called, looked for where the table expects no such thing.

A technician types a name where a protocol belongs, a converter writes it into Sequence Name. The
profile keeps such attributes; this takes those away whose text holds what the object itself gives
as the patient's name, number or accession.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dicom_node.research.words import is_known

if TYPE_CHECKING:
    from pydicom import Dataset

NAMES = (
    "PatientName", "OtherPatientNames", "PatientBirthName", "PatientMotherBirthName",
    "ReferringPhysicianName", "PerformingPhysicianName", "OperatorsName",
    "NameOfPhysiciansReadingStudy", "RequestingPhysician",
)  # fmt: skip
NUMBERS = (
    "PatientID", "OtherPatientIDs", "AccessionNumber", "PatientBirthDate", "AdmissionID",
    "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID",
)  # fmt: skip
VRS = frozenset({"AE", "LO", "LT", "SH", "ST", "UC", "UR", "UT"})
SHORTEST_NAME, SHORTEST_NUMBER = 3, 4  # shorter ones stand in any text
_SEPARATORS = re.compile(rb"[\x00-\x2f\x3a-\x40\x5b-\x60\x7b-\x7f]+")  # what is ASCII and no letter


class Traces:
    """The words and numbers that an object gives as the patient's, in bytes of its characters."""

    def __init__(self, dataset: Dataset) -> None:
        self._words = {
            word
            for keyword in NAMES
            for word in _SEPARATORS.split(_bytes(dataset, keyword))
            if len(word) >= SHORTEST_NAME and not is_known(word.decode("latin-1"))
        }
        self._numbers = {
            number.strip()
            for keyword in NUMBERS
            for number in _bytes(dataset, keyword).strip(b"\0").split(b"\\")
            if len(number.strip()) >= SHORTEST_NUMBER
        }

    def are_in(self, value: object) -> bool:
        """Whether the bytes or the text of an element hold one of them."""
        content = _lower(value)
        if any(number in content for number in self._numbers):
            return True
        return not self._words.isdisjoint(_SEPARATORS.split(content))


def _bytes(dataset: Dataset, keyword: str) -> bytes:
    if keyword not in dataset:
        return b""
    return _lower(dataset.get_item(keyword).value)


def _lower(value: object) -> bytes:
    if isinstance(value, bytes):
        return value.lower()
    return b"" if value is None else str(value).encode("utf-8", "replace").lower()
