"""The segmentation object, on the source's grid and checked after it is written (SEG-01)."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, NamedTuple

import highdicom as hd
import numpy as np
from highdicom.color import CIELabColor
from highdicom.content import AlgorithmIdentificationSequence
from highdicom.seg import Segmentation, SegmentDescription
from highdicom.seg.enum import SegmentAlgorithmTypeValues
from highdicom.sr.coding import CodedConcept
from pydicom.dataelem import DataElement
from pydicom.tag import Tag
from pydicom.uid import ExplicitVRLittleEndian

from pipelines.dicom_out.files import write
from pipelines.dicom_out.provenance import Origin, coding_schemes, put
from pipelines.dicom_out.seg_check import check_segmentation
from pipelines.dicom_out.seg_form import BINARY, LABELMAP, SINGLE, Form, forms_of
from pipelines.dicom_out.seg_pixels import numbers_shown, put_frames, put_labels, small_planes
from pipelines.dicom_out.seg_source import name_frames, stand_ins
from pipelines.dicom_out.study import into_study
from pipelines.header import whole_number
from pipelines.verbatim import mark_encoded
from pipelines.volume import Volume

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from pydicom import Dataset

    from pipelines.contract import Segmented, Source
    from pipelines.manifest import OutputFile
    from pipelines.models.card import Code, Segment
    from pipelines.volume import StoredFrame

CREATOR = "dicom-node"
_AI = CodedConcept("123110", "DCM", "Artificial Intelligence")
_MORPHOLOGICAL = CodedConcept("123104", "DCM", "Morphological Operations")


class _Part(NamedTuple):
    """Which object of a result it is: its form, and the source's frame where that has several."""

    form: Form
    frame: int | None


def write_forms(
    source: Source, result: Segmented, origin: Origin, folder: Path
) -> list[OutputFile]:
    """Write the label map in every form that the request asks for.

    Raises
    ------
    PipelineFailed
        What was written reads back as another mask.
    """
    return [
        written
        for form in forms_of(origin.request.objects)
        for written in write_segmentations(source, result, origin, folder, form)
    ]


def write_split(
    results: Sequence[tuple[Source, Segmented, list[OutputFile]]], origin: Origin, folder: Path
) -> list[OutputFile]:
    """Write the run's label maps segment by segment, too, where somebody takes no such large SEG.

    All of them, where any BINARY object has more frames than `RunRequest.max_frames`, so that who
    cannot take the run in one form can take it in another. Each is added to its result's files.
    """
    made = [file for _, _, files in results for file in files]
    most = origin.request.max_frames
    is_split = any(file.kind == SINGLE.kind for file in made)
    if not most or is_split or all(file.frames <= most for file in made if file.kind == "seg"):
        return []
    split = []
    for source, result, files in results:
        written = list(write_segmentations(source, result, origin, folder, SINGLE))
        files.extend(written)
        split += written
    return split


def write_segmentations(
    source: Source, result: Segmented, origin: Origin, folder: Path, form: Form = BINARY
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
        numbers = numbers_shown(labels)
        found = [segment for segment in origin.card.segments if numbers[:, segment.number].any()]
        for segments in form.objects(found) if found else ():
            shown = labels if len(segments) == len(found) else _alone(labels, segments[0])
            # Not kept by a name: its frames need not be in memory twice while it is read back.
            written = write(
                _build(source, stubs, shown, segments, origin, _Part(form, frame)),
                folder,
                form.kind,
            )
            check_segmentation(folder / written.file, source, shown, segments, frame, form.kind)
            yield written


def _build(
    source: Source,
    stubs: Sequence[Dataset],
    labels: NDArray[np.uint8],
    segments: Sequence[Segment],
    origin: Origin,
    part: _Part,
) -> Dataset:
    """The SEG of `segments`, numbered from 1 without gaps, as a data set ready to be written."""
    image = source.sources[0]
    form, frame = part
    stored = source.frames if isinstance(source, Volume) else ()
    # Volumes of one object are told apart by their first frames.
    first = stored[0].number if stored else frame
    whole = f"{source.digests[0]} frame {first or 0}"
    which = f"{whole} segment {segments[0].number}" if form is SINGLE else whole
    place = _instance_number(image, frame, stored)
    if form is SINGLE:  # an object for each, so that the numbers of a series differ
        place = (place - 1) % 2**20 * 256 + segments[0].number
    equipment = origin.equipment()
    seg = Segmentation(
        source_images=stubs,
        pixel_array=small_planes(labels, segments),
        segmentation_type=form.type,
        segment_descriptions=[
            _describe(number, segment, origin, whole)
            for number, segment in enumerate(segments, start=1)
        ],
        series_instance_uid=origin.uid(f"{form.name} series"),
        series_number=origin.series_number(image, form.number_offset),
        sop_instance_uid=origin.uid(f"{form.name} {which}"),
        instance_number=place,
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
    dimensions = f"dimensions {whole}" if form is BINARY else f"{form.name} dimensions {which}"
    items = _items_of(seg)
    _settle_uids(seg, items, image, origin.uid(dimensions), frame)
    index = {str(stub.SOPInstanceUID): plane for plane, stub in enumerate(stubs)}
    planes = [index[str(item.ReferencedSOPInstanceUID)] for item in items]
    if form is LABELMAP:
        put_labels(seg, labels, segments, planes)
    else:
        numbers = [segments[number - 1].number for number in _numbers_of(seg)]
        put_frames(seg, labels, list(zip(planes, numbers, strict=True)))
    if stored:
        name_frames(seg, items, stored)
    return _finish(seg, image, origin)


def _instance_number(image: Dataset, frame: int | None, stored: Sequence[StoredFrame]) -> int:
    """The frame's number, or the image's; phases of one object count on by their first frames."""
    number = max(whole_number(image, "InstanceNumber", 1), 1)
    return frame or number + (stored[0].number - 1 if stored else 0)


def _alone(labels: NDArray[np.uint8], segment: Segment) -> NDArray[np.uint8]:
    """`labels` with every other segment taken for background."""
    return np.where(labels == segment.number, labels, np.uint8(0))


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


def _items_of(seg: Segmentation) -> list[Dataset]:
    """The item of the source of each frame."""
    return [
        group.DerivationImageSequence[0].SourceImageSequence[0]
        for group in seg.PerFrameFunctionalGroupsSequence
    ]


def _numbers_of(seg: Segmentation) -> list[int]:
    """The segment that each frame of a BINARY object shows, by its number in the file."""
    keyword = "SegmentIdentificationSequence"
    shared = seg.SharedFunctionalGroupsSequence[0].get(keyword)
    named = [group.get(keyword) or shared for group in seg.PerFrameFunctionalGroupsSequence]
    return [int(items[0].ReferencedSegmentNumber) for items in named]


def _settle_uids(
    seg: Segmentation,
    items: Sequence[Dataset],
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
    distinct = {id(item): item for item in items}
    references = [*seg.SourceImageSequence, *distinct.values()]
    listed = [item for series in seg.ReferencedSeriesSequence
              for item in series.ReferencedInstanceSequence]  # fmt: skip
    for reference in references:
        if frame is not None:
            reference.ReferencedFrameNumber = frame
    for reference in references + listed:
        reference.ReferencedSOPClassUID = image.SOPClassUID
