"""What the node learns from a data set when it arrives: who, what, and what rules may ask about."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from pydicom.datadict import tag_for_keyword

from dicom_node.config import PRIORITIES
from dicom_node.intake.elements import Elements, elements_of
from dicom_node.intake.errors import LacksIdentity
from dicom_node.intake.text import text_of, values_of
from dicom_node.intake.uid import is_uid
from dicom_node.intake.window import FileWindow

if TYPE_CHECKING:
    from typing import BinaryIO

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
_IDENTITY_KEYWORDS = (
    "SpecificCharacterSet", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "PatientID",
    "PatientName", "PatientBirthDate", "AccessionNumber", "StudyDate",
)  # fmt: skip
WANTED = frozenset(
    tag for word in (*HEADER_KEYWORDS, *_IDENTITY_KEYWORDS) if (tag := tag_for_keyword(word))
)
"""Tags of all that a header is made of."""
_SOP_INSTANCE_UID = 0x00080018
MEMO_HEADERS = 256
LONGEST_MEMO_BYTES = 4096


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
        Keyword to text, or to a list of texts where there are several; absent where empty. The
        instances of a series share one: it is not to be changed.
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
    return header_of(elements_of(FileWindow(stream, size), transfer_syntax_uid, WANTED))


def scan_buffer(encoded: memoryview, transfer_syntax_uid: str) -> Header:
    """The header of the data set that fills the buffer, of which only the header is touched.

    Raises
    ------
    Unreadable, LacksIdentity
        As `scan`.
    """
    return header_of(elements_of(encoded, transfer_syntax_uid, WANTED))


def header_of(elements: Elements) -> Header:
    """The header that these elements make; decoded once for the instances of a series.

    They say the same but for their UID.

    Raises
    ------
    LacksIdentity
        There is no usable Study, Series or SOP Instance UID among them.
    """
    raw = dict(elements.raw)
    own = {_SOP_INSTANCE_UID: raw.pop(_SOP_INSTANCE_UID)} if _SOP_INSTANCE_UID in raw else {}
    if sum(len(value) for _, value in raw.values()) <= LONGEST_MEMO_BYTES:
        described = _remembered(tuple(raw.items()), elements.is_little_endian)
    else:
        described = _describe(Elements(raw, elements.is_little_endian))
    return replace(described, sop_uid=_sop_uid(Elements(own, elements.is_little_endian)))


@lru_cache(maxsize=MEMO_HEADERS)
def _remembered(
    raw: tuple[tuple[int, tuple[bytes | None, bytes]], ...],
    is_little_endian: bool,
) -> Header:
    return _describe(Elements(dict(raw), is_little_endian))


def _describe(elements: Elements) -> Header:
    """The header but for the SOP Instance UID."""
    values = {keyword: found for keyword in HEADER_KEYWORDS if (found := _value(elements, keyword))}
    return Header(
        study_uid=_uid(elements, "StudyInstanceUID"),
        series_uid=_uid(elements, "SeriesInstanceUID"),
        sop_uid="",
        sop_class_uid=_uid(elements, "SOPClassUID"),
        patient=Patient(
            text_of(elements, "PatientID", 64),
            text_of(elements, "PatientName"),
            text_of(elements, "PatientBirthDate", 8),
            text_of(elements, "PatientSex", 16),
        ),
        accession_number=text_of(elements, "AccessionNumber", 16),
        study_date=text_of(elements, "StudyDate", 8),
        study_description=text_of(elements, "StudyDescription"),
        modality=text_of(elements, "Modality", 16),
        series_number=_whole(text_of(elements, "SeriesNumber")),
        series_description=text_of(elements, "SeriesDescription"),
        values=values,
        priority=_priority(text_of(elements, "RequestedProcedurePriority")),
        is_own=text_of(elements, "ManufacturerModelName") == PRODUCT_MODEL,
    )


def _sop_uid(own: Elements) -> str:
    """The one attribute that is decoded for every instance, so the usual case goes first."""
    vr, value = own.raw.get(_SOP_INSTANCE_UID, (None, b""))
    uid = value.rstrip(b"\0").decode("ascii", errors="replace")
    return uid if vr in (b"UI", None) and is_uid(uid) else _uid(own, "SOPInstanceUID")


def _uid(elements: Elements, keyword: str) -> str:
    found = values_of(elements, keyword)
    if len(found) != 1 or not is_uid(found[0]):
        raise LacksIdentity(f"{keyword} is {'no UID' if found else 'missing'}")
    return found[0]


def _value(elements: Elements, keyword: str) -> str | list[str] | None:
    found = [value[:LONGEST_HEADER_VALUE] for value in values_of(elements, keyword)]
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
