"""What the node learns from a data set when it arrives: who, what, and what rules may ask about."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dicom_node.config import PRIORITIES
from dicom_node.intake.encoded import read_elements
from dicom_node.intake.errors import LacksIdentity
from dicom_node.intake.text import text_of, values_of
from dicom_node.intake.uid import is_uid

if TYPE_CHECKING:
    from typing import BinaryIO

    from pydicom import Dataset

HEADER_KEYWORDS = (
    "Modality",
    "SOPClassUID",
    "SeriesDescription",
    "SeriesNumber",
    "ProtocolName",
    "StudyDescription",
    "BodyPartExamined",
    "Laterality",
    "ViewPosition",
    "PatientPosition",
    "PatientSex",
    "PatientAge",
    "Manufacturer",
    "ManufacturerModelName",
    "StationName",
    "InstitutionName",
    "ImageType",
    "PresentationIntentType",
    "PhotometricInterpretation",
    "SamplesPerPixel",
    "NumberOfFrames",
    "Rows",
    "Columns",
    "PixelSpacing",
    "SliceThickness",
    "ImageOrientationPatient",
    "BurnedInAnnotation",
    "LossyImageCompression",
    "ContrastBolusAgent",
    "ConvolutionKernel",
    "KVP",
    "ScanningSequence",
    "SequenceVariant",
    "MRAcquisitionType",
    "SequenceName",
    "EchoTime",
    "Units",
    "CorrectedImage",
    "RequestedProcedurePriority",
)
PSEUDO_KEYWORDS = ("CallingAETitle", "CalledAETitle", "SendingHost", "OwnResult")
COUNT_KEYWORD = (
    "NumberOfSeriesRelatedInstances"  # PS3.6 (0020,1209); counted when the study settles
)
ROUTING_KEYWORDS = (*HEADER_KEYWORDS, COUNT_KEYWORD, *PSEUDO_KEYWORDS)
"""What a rule may ask about a series: its first instance's attributes, and how it arrived."""

PRODUCT_MODEL = "dicom-node"
"""ManufacturerModelName of what this product makes (ENH-10) and never processes (ENH-28)."""
LONGEST_HEADER_VALUE = 256


@dataclass(frozen=True, slots=True)
class Patient:
    """Who a study is about, as far as the index keeps it."""

    id: str
    name: str
    birth_date: str
    sex: str


@dataclass(frozen=True, slots=True)
class Header:
    """One instance's identity, and the values that the index and the rules use.

    Attributes
    ----------
    values : dict
        Keyword to text, or to a list of texts where there are several; absent where empty.
    priority : int
        What RequestedProcedurePriority asks for (PS3.3 C.4.11).
    is_own : bool
        Made by this product.
    """

    study_uid: str
    series_uid: str
    sop_uid: str
    sop_class_uid: str
    patient: Patient
    accession_number: str
    study_date: str
    study_description: str
    modality: str
    series_number: int | None
    series_description: str
    values: dict[str, str | list[str]] = field(default_factory=dict)
    priority: int = PRIORITIES["routine"]
    is_own: bool = False


def scan(stream: BinaryIO, size: int, transfer_syntax_uid: str) -> Header:
    """The header of the data set of `size` bytes at the stream's position.

    Raises
    ------
    Unreadable
        The data set is empty, truncated, or no data set.
    LacksIdentity
        It has no usable Study, Series or SOP Instance UID.
    """
    dataset = read_elements(stream, size, transfer_syntax_uid)
    values = {keyword: found for keyword in HEADER_KEYWORDS if (found := _value(dataset, keyword))}
    return Header(
        study_uid=_uid(dataset, "StudyInstanceUID"),
        series_uid=_uid(dataset, "SeriesInstanceUID"),
        sop_uid=_uid(dataset, "SOPInstanceUID"),
        sop_class_uid=_uid(dataset, "SOPClassUID"),
        patient=Patient(
            text_of(dataset, "PatientID", 64),
            text_of(dataset, "PatientName"),
            text_of(dataset, "PatientBirthDate", 8),
            text_of(dataset, "PatientSex", 16),
        ),
        accession_number=text_of(dataset, "AccessionNumber", 16),
        study_date=text_of(dataset, "StudyDate", 8),
        study_description=text_of(dataset, "StudyDescription"),
        modality=text_of(dataset, "Modality", 16),
        series_number=_whole(text_of(dataset, "SeriesNumber")),
        series_description=text_of(dataset, "SeriesDescription"),
        values=values,
        priority=_priority(text_of(dataset, "RequestedProcedurePriority")),
        is_own=text_of(dataset, "ManufacturerModelName") == PRODUCT_MODEL,
    )


def scan_buffer(encoded: memoryview, transfer_syntax_uid: str) -> Header:
    """The header of an encoded data set in memory; raises what `scan` raises."""
    return scan(io.BytesIO(encoded), len(encoded), transfer_syntax_uid)


def _uid(dataset: Dataset, keyword: str) -> str:
    found = values_of(dataset, keyword)
    if len(found) != 1 or not is_uid(found[0]):
        raise LacksIdentity(f"{keyword} is {'no UID' if found else 'missing'}")
    return found[0]


def _value(dataset: Dataset, keyword: str) -> str | list[str] | None:
    found = [value[:LONGEST_HEADER_VALUE] for value in values_of(dataset, keyword)]
    if len(found) > 1:
        return found
    return found[0] if found else None


def _whole(text: str) -> int | None:
    try:
        number = int(text)
    except ValueError:
        return None
    return number if abs(number) < 2**31 else None  # IS, PS3.5 6.2


def _priority(asked: str) -> int:
    named = {"STAT": PRIORITIES["stat"], "HIGH": PRIORITIES["urgent"]}
    return named.get(asked.upper(), PRIORITIES["routine"])
