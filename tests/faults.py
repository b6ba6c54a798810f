"""Faults to plant in good objects, each with the place where the gate has to find it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pydicom
from pydicom import Dataset, dcmread
from pydicom.config import IGNORE
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.tag import Tag
from pydicom.uid import UID

from tests.builders import uid
from tests.conforming import FOREIGN

Break = Callable[[Dataset], None]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is made wrong.

    Attributes
    ----------
    kind : str
        The object that is broken, of `tests.conforming.KINDS`.
    where : str
        The finding's place; ``says`` is a part of its words.
    seen_by : str
        Which other judges see it too: d for dciodvfy, v for dicom-validator.
    """

    name: str
    kind: str
    plant: Break
    where: str
    says: str
    seen_by: str


def plant(fault: Fault, good: Path, folder: Path) -> Path:
    """A copy of the file with the fault."""
    dataset = dcmread(good)
    fault.plant(dataset)
    path = folder / "broken.dcm"
    before = pydicom.config.settings.writing_validation_mode
    pydicom.config.settings.writing_validation_mode = IGNORE
    try:
        dataset.save_as(path)
    finally:
        pydicom.config.settings.writing_validation_mode = before
    return path


def at(dataset: Dataset, path: str) -> tuple[Dataset, str]:
    """The first item at the end of a path of sequences, and the last keyword."""
    *sequences, keyword = path.split("/")
    for sequence in sequences:
        dataset = dataset[sequence].value[0]
    return dataset, keyword


def without(path: str) -> Break:
    def broken(dataset: Dataset) -> None:
        item, keyword = at(dataset, path)
        del item[keyword]

    return broken


def empty(path: str) -> Break:
    def broken(dataset: Dataset) -> None:
        item, keyword = at(dataset, path)
        vr = dictionary_VR(keyword)
        item[keyword] = DataElement(Tag(keyword), vr, [] if vr == "SQ" else "")

    return broken


def raw(path: str, value: bytes, vr: str = "") -> Break:
    """The element with these bytes, whatever its VR says of them."""

    def broken(dataset: Dataset) -> None:
        item, keyword = at(dataset, path)
        tag = Tag(keyword)
        item.pop(tag, None)
        own = vr or dictionary_VR(keyword)
        item[tag] = RawDataElement(tag, own, len(value), value, 0, False, True)
        item.set_original_encoding(False, True, item._character_set)

    return broken


def every_frame(change: Break) -> Break:
    def broken(dataset: Dataset) -> None:
        for frame in dataset.PerFrameFunctionalGroupsSequence:
            change(frame)

    return broken


def _other_instance(dataset: Dataset) -> None:
    for frame in dataset.PerFrameFunctionalGroupsSequence:
        for derivation in frame.get("DerivationImageSequence", []):
            derivation.SourceImageSequence[0].ReferencedSOPInstanceUID = uid("nobody")
    shared = dataset.SharedFunctionalGroupsSequence[0]
    for derivation in shared.get("DerivationImageSequence", []):
        derivation.SourceImageSequence[0].ReferencedSOPInstanceUID = uid("nobody")


def _short_pixels(dataset: Dataset) -> None:
    dataset.PixelData = dataset.PixelData[:-2]


def _one_frame_more(dataset: Dataset) -> None:
    dataset.NumberOfFrames = int(dataset.NumberOfFrames) + 1
    dataset.PixelData += bytes(32 * 48 // 8)


def _strange_segment(dataset: Dataset) -> None:
    group = dataset.PerFrameFunctionalGroupsSequence[0]
    group.SegmentIdentificationSequence[0].ReferencedSegmentNumber = 9


def _palette(dataset: Dataset) -> None:
    dataset.PhotometricInterpretation = "PALETTE COLOR"


def _lossy(dataset: Dataset) -> None:
    dataset.LossyImageCompression = "01"
    dataset.pop("LossyImageCompressionRatio", None)


def _range_without_padding(dataset: Dataset) -> None:
    dataset.add_new("PixelPaddingRangeLimit", "SS", -2000)


def _other_file_meta(dataset: Dataset) -> None:
    dataset.file_meta.MediaStorageSOPInstanceUID = UID(uid("other"))


def _evidence_gone(dataset: Dataset) -> None:
    for series in dataset.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence:
        del series.ReferencedSOPSequence[1:]


_SEGMENT = "SegmentSequence"
_CATEGORY = f"{_SEGMENT}/SegmentedPropertyCategoryCodeSequence"
_PER_FRAME = "PerFrameFunctionalGroupsSequence"
_SHARED = "SharedFunctionalGroupsSequence"
_ABSENT, _EMPTY = "is absent", "is empty"

FAULTS = (
    Fault("type 1 absent", "enhanced CT", without("ImageType"), "ImageType", _ABSENT, "dv"),
    Fault("type 1 empty", "enhanced CT", empty("ImageType"), "ImageType", _EMPTY, "dv"),
    Fault("type 2 absent", "enhanced CT", without("KVP"), "KVP", _ABSENT, "dv"),
    Fault("identity absent", "enhanced MR", without("StudyInstanceUID"), "StudyInstanceUID",
          _ABSENT, "dv"),
    Fault("patient absent", "seg CT", without("PatientID"), "PatientID", _ABSENT, "dv"),
    Fault("geometry absent", "enhanced CT", without("ImagePositionPatient"),
          "ImagePositionPatient", _ABSENT, "dv"),
    Fault("DS too long", "enhanced CT", raw("RescaleSlope", b"0.123456789012345678"),
          "RescaleSlope", "longer than", "d"),
    Fault("DS is none", "enhanced PT", raw("DecayFactor", b"1,5 "), "DecayFactor", "no decimal",
          "d"),
    Fault("IS is none", "enhanced CT", raw("SeriesNumber", b"9.5 "), "SeriesNumber", "no integer",
          "d"),
    Fault("LO too long", "enhanced CT", raw("SeriesDescription", b"x" * 66), "SeriesDescription",
          "longer than", "d"),
    Fault("SH too long", "enhanced CT", raw("StationName", b"x" * 18), "StationName",
          "longer than", "d"),
    Fault("CS of wrong letters", "enhanced CT", raw("ImageType", b"derived\\secondary\\axial "),
          "ImageType", "code string", "d"),
    Fault("letters of no charset", "enhanced CT", raw("SeriesDescription", b"caf\xe9"),
          "SeriesDescription", "Specific Character Set", ""),
    Fault("UID with a leading zero", "enhanced CT", raw("SeriesInstanceUID", b"2.25.01\0"),
          "SeriesInstanceUID", "no valid UID", "d"),
    Fault("UID too long", "enhanced CT", raw("SeriesInstanceUID", b"2.25." + b"1" * 61),
          "SeriesInstanceUID", "longer than", "d"),
    Fault("DA is none", "enhanced CT", raw("ContentDate", b"20261340"), "ContentDate", "no date",
          "d"),
    Fault("VR of another attribute", "enhanced CT", raw("Manufacturer", b"dicom-node", "SH"),
          "Manufacturer", "another VR", "d"),
    Fault("too few values", "enhanced CT", raw("PixelSpacing", b"0.8 "), "PixelSpacing",
          "number of values", "d"),
    Fault("code without meaning", "enhanced CT",
          without("SourceImageSequence/PurposeOfReferenceCodeSequence/CodeMeaning"),
          "SourceImageSequence/PurposeOfReferenceCodeSequence/CodeMeaning", _ABSENT, "dv"),
    Fault("code without scheme", "seg CT", without(f"{_CATEGORY}/CodingSchemeDesignator"),
          f"{_CATEGORY}/CodingSchemeDesignator", _ABSENT, "dv"),
    Fault("code without value", "seg CT", without(f"{_CATEGORY}/CodeValue"),
          f"{_CATEGORY}/CodeValue", _ABSENT, "dv"),
    Fault("equipment without maker", "enhanced CT",
          without("ContributingEquipmentSequence/Manufacturer"),
          "ContributingEquipmentSequence/Manufacturer", _ABSENT, "dv"),
    Fault("segment without label", "seg CT", without(f"{_SEGMENT}/SegmentLabel"),
          f"{_SEGMENT}/SegmentLabel", _ABSENT, "dv"),
    Fault("segment of no name", "seg CT", without(f"{_SEGMENT}/SegmentAlgorithmName"),
          f"{_SEGMENT}/SegmentAlgorithmName", _ABSENT, "dv"),
    Fault("creator absent", "seg CT", without("ContentCreatorName"), "ContentCreatorName",
          _ABSENT, "v"),
    Fault("group absent", "seg CT", without(f"{_SHARED}/PixelMeasuresSequence/PixelSpacing"),
          f"{_SHARED}/PixelMeasuresSequence/PixelSpacing", _ABSENT, "d"),
    Fault("frame content absent", "seg CT", every_frame(without("FrameContentSequence")),
          f"{_SHARED}/FrameContentSequence", _ABSENT, "dv"),
    Fault("one frame's group absent", "seg CT",
          without(f"{_PER_FRAME}/SegmentIdentificationSequence"),
          f"{_SHARED}/SegmentIdentificationSequence", _ABSENT, "dv"),
    Fault("frames miscounted", "seg CT", _one_frame_more, _PER_FRAME, "number of items", "d"),
    Fault("segment that is none", "seg CT", _strange_segment,
          f"{_PER_FRAME}/SegmentIdentificationSequence/ReferencedSegmentNumber", "names a segment",
          "d"),
    Fault("dangling reference", "seg CT", _other_instance, "ReferencedSeriesSequence",
          "does not list", ""),
    Fault("list of references absent", "seg CT", without("ReferencedSeriesSequence"),
          "ReferencedSeriesSequence", "does not list", "d"),
    Fault("evidence incomplete", "SR", _evidence_gone, "CurrentRequestedProcedureEvidenceSequence",
          "does not list", "d"),
    Fault("reference to the wrong class", "enhanced CT",
          raw("SourceImageSequence/ReferencedSOPClassUID", b"1.2.840.10008.5.1.4.1.1.4\0"),
          "ReferencedSeriesSequence", "another class", ""),
    Fault("pixels too short", "enhanced MR", _short_pixels, "PixelData", "another length", "d"),
    Fault("bits contradict", "enhanced CT", lambda ds: setattr(ds, "HighBit", 11), "HighBit",
          "one less", "d"),
    Fault("palette without tables", "US", _palette, "RedPaletteColorLookupTableDescriptor",
          _ABSENT, "dv"),
    Fault("lossy without ratio", FOREIGN, _lossy, "LossyImageCompressionRatio", _ABSENT, "dv"),
    Fault("padding without its value", "enhanced CT", _range_without_padding, "PixelPaddingValue",
          _ABSENT, "dv"),
    Fault("loop without its pointer", "enhanced LOOP", without("FrameIncrementPointer"),
          "FrameIncrementPointer", _ABSENT, "dv"),
    Fault("loop without frame time", "enhanced LOOP", without("FrameTime"), "FrameTime", _ABSENT,
          "dv"),
    Fault("colour without its order", "enhanced COLOUR", without("PlanarConfiguration"),
          "PlanarConfiguration", _ABSENT, "dv"),
    Fault("item without value", "SR", without("ContentSequence/ConceptNameCodeSequence"),
          "ContentSequence/ConceptNameCodeSequence", _ABSENT, "d"),
    Fault("relation unknown", "SR", raw("ContentSequence/RelationshipType", b"LIKES "),
          "ContentSequence/RelationshipType", "no relation", "v"),
    Fault("state without its LUT", "PR", without("PresentationLUTShape"), "PresentationLUTShape",
          _ABSENT, "dv"),
    Fault("state without its area", "PR", empty("DisplayedAreaSelectionSequence"),
          "DisplayedAreaSelectionSequence", _EMPTY, "dv"),
    Fault("map without its meaning", "PM",
          without(f"{_SHARED}/RealWorldValueMappingSequence/MeasurementUnitsCodeSequence"),
          f"{_SHARED}/RealWorldValueMappingSequence/MeasurementUnitsCodeSequence", _ABSENT, "dv"),
    Fault("map without its kind", "PM", without(f"{_SHARED}/ParametricMapFrameTypeSequence"),
          f"{_SHARED}/ParametricMapFrameTypeSequence", _ABSENT, "dv"),
    Fault("capture without its way", "SC", without("ConversionType"), "ConversionType", _ABSENT,
          "dv"),
    Fault("selection without evidence", "KO", without("CurrentRequestedProcedureEvidenceSequence"),
          "CurrentRequestedProcedureEvidenceSequence", _ABSENT, "dv"),
    Fault("frames of no type", FOREIGN, without(f"{_SHARED}/CTImageFrameTypeSequence"),
          f"{_SHARED}/CTImageFrameTypeSequence", _ABSENT, "dv"),
    Fault("frames of no place", FOREIGN, every_frame(without("PlanePositionSequence")),
          f"{_SHARED}/PlanePositionSequence", _ABSENT, "dv"),
    Fault("frames of no scale", FOREIGN,
          without(f"{_SHARED}/PixelValueTransformationSequence"),
          f"{_SHARED}/PixelValueTransformationSequence", _ABSENT, "dv"),
    Fault("frames of no size", FOREIGN, without(f"{_SHARED}/PixelMeasuresSequence/PixelSpacing"),
          f"{_SHARED}/PixelMeasuresSequence/PixelSpacing", _ABSENT, "d"),
    Fault("frames without dimensions", FOREIGN, without("DimensionOrganizationSequence"),
          "DimensionOrganizationSequence", _ABSENT, "dv"),
    Fault("file meta contradicts", "enhanced CT", _other_file_meta, "MediaStorageSOPInstanceUID",
          "contradicts", "d"),
)  # fmt: skip
