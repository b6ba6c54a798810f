"""The segmentation object: BINARY, on the source's grid, checked after it is written (SEG-01)."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import highdicom as hd
from highdicom.color import CIELabColor
from highdicom.content import AlgorithmIdentificationSequence
from highdicom.seg import Segmentation, SegmentDescription
from highdicom.seg.enum import SegmentAlgorithmTypeValues, SegmentationTypeValues
from highdicom.sr.coding import CodedConcept
from pydicom.dataelem import DataElement
from pydicom.tag import Tag
from pydicom.uid import ExplicitVRLittleEndian

from pipelines.dicom_out.files import write
from pipelines.dicom_out.provenance import Origin, coding_schemes, put
from pipelines.dicom_out.seg_check import check_segmentation
from pipelines.dicom_out.seg_pixels import numbers_shown, put_frames, small_planes
from pipelines.dicom_out.seg_source import stand_ins
from pipelines.dicom_out.study import into_study
from pipelines.header import whole_number
from pipelines.verbatim import mark_encoded
from pipelines.volume import Volume

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray
    from pydicom import Dataset

    from pipelines.contract import Segmented, Source
    from pipelines.manifest import OutputFile
    from pipelines.models.card import Code, Segment

CREATOR = "dicom-node"
SEG_NUMBER_OFFSET = 500
"""Segmentations are numbered above enhanced series, so two jobs at one time rarely collide."""
_AI = CodedConcept("123110", "DCM", "Artificial Intelligence")
_MORPHOLOGICAL = CodedConcept("123104", "DCM", "Morphological Operations")


def write_segmentations(
    source: Source, result: Segmented, origin: Origin, folder: Path
) -> Iterator[OutputFile]:
    """Write the label map as SEG objects: one for a volume, one for each frame that shows any.

    Frames have no place in the patient, and a SEG of several frames would need one (SEG-07), so a
    loop gives a series of single-frame objects, each naming its frame. Nothing is written where
    nothing was found (SEG-12).

    Raises
    ------
    PipelineFailed
        What was written reads back as another mask.
    """
    stubs = stand_ins(source)
    parts: list[tuple[NDArray[np.uint8], int | None]] = [(result.labels, None)]
    if not isinstance(source, Volume) and len(result.labels) > 1:
        parts = [(result.labels[k : k + 1], k + 1) for k in range(len(result.labels))]
    for labels, frame in parts:
        shown = numbers_shown(labels)
        found = [segment for segment in origin.card.segments if shown[:, segment.number].any()]
        if not found:
            continue
        # Not kept by a name: its frames need not be in memory twice while the file is read back.
        written = write(_build(source, stubs, labels, found, origin, frame), folder, "seg")
        check_segmentation(folder / written.file, source, labels, found, frame)
        yield written


def _build(
    source: Source,
    stubs: Sequence[Dataset],
    labels: NDArray[np.uint8],
    segments: Sequence[Segment],
    origin: Origin,
    frame: int | None,
) -> Dataset:
    """The SEG of `segments`, numbered from 1 without gaps, as a data set ready to be written."""
    image = source.sources[0]
    part = f"{source.digests[0]} frame {frame or 0}"
    equipment = origin.equipment()
    seg = Segmentation(
        source_images=stubs,
        pixel_array=small_planes(labels, segments),
        segmentation_type=SegmentationTypeValues.BINARY,
        segment_descriptions=[
            _describe(number, segment, origin, part)
            for number, segment in enumerate(segments, start=1)
        ],
        series_instance_uid=origin.uid("segmentation series"),
        series_number=origin.series_number(image, SEG_NUMBER_OFFSET),
        sop_instance_uid=origin.uid(f"segmentation {part}"),
        instance_number=frame or max(whole_number(image, "InstanceNumber", 1), 1),
        manufacturer=equipment["Manufacturer"],
        manufacturer_model_name=equipment["ManufacturerModelName"],
        software_versions=list(equipment["SoftwareVersions"]),
        device_serial_number=equipment.get("DeviceSerialNumber", "0"),
        transfer_syntax_uid=ExplicitVRLittleEndian,
        content_label="SEGMENTATION",
        content_creator_name=CREATOR,
        content_description=origin.card.title[:64],
        omit_empty_frames=True,
        specific_character_set="ISO_IR 192",
    )
    frames = _frames_of(seg)
    _settle_uids(seg, frames, image, origin.uid(f"dimensions {part}"), frame)
    planes = {str(stub.SOPInstanceUID): index for index, stub in enumerate(stubs)}
    put_frames(seg, labels, [
        (planes[str(item.ReferencedSOPInstanceUID)], segments[number - 1].number)
        for number, item in frames
    ])  # fmt: skip
    return _finish(seg, image, origin)


def _finish(seg: Segmentation, image: Dataset, origin: Origin) -> Dataset:
    """`seg` in the source's study, with what a segmentation alone has."""
    result = into_study(seg, image, origin)
    if (
        "FrameOfReferenceUID" not in seg
        or "PlaneOrientationSequence" not in (seg.SharedFunctionalGroupsSequence[0])
    ):
        # Type 2C of an image without a place in the patient (PS3.3 C.7.6.1).
        put(result, {"PatientOrientation": image.get("PatientOrientation", "")})
    put(result, {"DerivationDescription": origin.description()})
    codes = [code for each in origin.card.segments for code in (each.category, each.type)]
    if schemes := coding_schemes(*codes):
        result.CodingSchemeIdentificationSequence = schemes
    pixels = Tag("PixelData")
    result[pixels] = DataElement(pixels, "OB", seg.PixelData)
    return mark_encoded(result)


def _describe(number: int, segment: Segment, origin: Origin, part: str) -> SegmentDescription:
    """One segment's description (SEG-02, SEG-03); its texts name no person (SEG-04)."""
    card = origin.card
    description = SegmentDescription(
        segment_number=number,
        segment_label=segment.label,
        segmented_property_category=_concept(segment.category),
        segmented_property_type=_concept(segment.type),
        algorithm_type=SegmentAlgorithmTypeValues.AUTOMATIC,
        algorithm_identification=AlgorithmIdentificationSequence(
            name=card.name,
            version=card.version,
            family=_AI if card.method == "network" else _MORPHOLOGICAL,
        ),
        tracking_uid=hd.UID(origin.uid(f"tracking {segment.number} {part}")),
        tracking_id=f"{card.name} {segment.label}"[:64],
        display_color=CIELabColor.from_rgb(*segment.colour),
    )
    if segment.modifier is not None:
        kind = description.SegmentedPropertyTypeCodeSequence[0]
        kind.SegmentedPropertyTypeModifierCodeSequence = [_concept(segment.modifier)]
    return description


def _concept(code: Code) -> CodedConcept:
    return CodedConcept(code.value, code.scheme, code.meaning)


def _frames_of(seg: Segmentation) -> list[tuple[int, Dataset]]:
    """Number of the segment, and the item of the source, of each frame."""
    shared = seg.SharedFunctionalGroupsSequence[0]
    found = []
    for group in seg.PerFrameFunctionalGroupsSequence:
        named = group.get("SegmentIdentificationSequence") or shared.SegmentIdentificationSequence
        source = group.DerivationImageSequence[0].SourceImageSequence[0]
        found.append((int(named[0].ReferencedSegmentNumber), source))
    return found


def _settle_uids(
    seg: Segmentation,
    frames: Sequence[tuple[int, Dataset]],
    image: Dataset,
    dimensions: str,
    frame: int | None,
) -> None:
    """Derive the one random UID, and name the source's true class and frame."""
    seg.DimensionOrganizationSequence[0].DimensionOrganizationUID = dimensions
    for index in seg.DimensionIndexSequence:
        index.DimensionOrganizationUID = dimensions
    for series in seg.ReferencedSeriesSequence:
        # The library shares these items with Source Image, where alone frames are named.
        series.ReferencedInstanceSequence = copy.deepcopy(series.ReferencedInstanceSequence)
    # Frames of one source share its item.
    distinct = {id(item): item for _number, item in frames}
    references = [*seg.SourceImageSequence, *distinct.values()]
    listed = [item for series in seg.ReferencedSeriesSequence
              for item in series.ReferencedInstanceSequence]  # fmt: skip
    for reference in references:
        if frame is not None:
            reference.ReferencedFrameNumber = frame
    for reference in references + listed:
        reference.ReferencedSOPClassUID = image.SOPClassUID
