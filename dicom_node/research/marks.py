"""What a de-identified object says of itself (PS3.15 E.1.1, PS3.3 C.12.1.1.1, C.7.1.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydicom import Dataset
from pydicom.sr.coding import Code

from dicom_node import __version__
from dicom_node.research.pixels import shows_head

if TYPE_CHECKING:
    from dicom_node.config.research import ResearchSection
    from dicom_node.research.stand_ins import Subject

METHOD = ("PS3.15 E Basic Profile, table of 2026c", f"dicom-node {__version__}, no defacing")
BASIC = Code("113100", "DCM", "Basic Application Confidentiality Profile")
CLEAN_PIXELS = Code("113101", "DCM", "Clean Pixel Data Option")
DATES = {
    "shift": Code(
        "113107", "DCM", "Retain Longitudinal Temporal Information Modified Dates Option"
    ),
    "keep": Code("113106", "DCM", "Retain Longitudinal Temporal Information Full Dates Option"),
}
TEMPORAL = {"remove": "REMOVED", "shift": "MODIFIED", "keep": "UNMODIFIED"}
DE_IDENTIFYING = Code("109104", "DCM", "De-identifying Equipment")


def mark(dataset: Dataset, options: ResearchSection, subject: Subject, *, is_blanked: bool) -> None:
    """Write who the subject is, that the object was de-identified, how, and by what."""
    dataset.PatientID = subject.pseudonym
    dataset.PatientName = subject.pseudonym
    dataset.PatientIdentityRemoved = "YES"
    dataset.DeidentificationMethod = list(METHOD)
    codes = option_codes(options, is_blanked=is_blanked)
    dataset.DeidentificationMethodCodeSequence = [_coded(code) for code in codes]
    dataset.LongitudinalTemporalInformationModified = TEMPORAL[options.dates]
    if shows_head(dataset):
        dataset.RecognizableVisualFeatures = "YES"
    equipment = Dataset()
    equipment.PurposeOfReferenceCodeSequence = [_coded(DE_IDENTIFYING)]
    equipment.Manufacturer = "dicom-node"
    equipment.ManufacturerModelName = "dicom-node"
    equipment.SoftwareVersions = __version__
    equipment.ContributionDescription = "De-identified for research"
    dataset.ContributingEquipmentSequence = [equipment]


def option_codes(options: ResearchSection, *, is_blanked: bool) -> list[Code]:
    """The profile and the options that were carried out (PS3.16 CID 7050)."""
    said = [
        (is_blanked, CLEAN_PIXELS),
        (options.structured_content, Code("113104", "DCM", "Clean Structured Content Option")),
        (options.descriptors, Code("113105", "DCM", "Clean Descriptors Option")),
        (options.patient_characteristics,
         Code("113108", "DCM", "Retain Patient Characteristics Option")),
        (options.device, Code("113109", "DCM", "Retain Device Identity Option")),
        (options.uids, Code("113110", "DCM", "Retain UIDs Option")),
        (options.safe_private, Code("113111", "DCM", "Retain Safe Private Option")),
        (options.institution, Code("113112", "DCM", "Retain Institution Identity Option")),
    ]  # fmt: skip
    dates = [DATES[options.dates]] if options.dates in DATES else []
    return [BASIC, *dates, *(code for is_on, code in said if is_on)]


def _coded(code: Code) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator = code.value, code.scheme_designator
    item.CodeMeaning = code.meaning
    return item
