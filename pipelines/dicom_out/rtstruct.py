"""RT structure sets: the segments of a volume as closed planar contours (PS3.3 A.19).

Written here and not by rt-utils 1.2.7, the one library on PyPI for it: it takes the row distance
for the column distance where pixels are not square, lays contours through the centres of border
pixels, so that a structure loses half a pixel on every side, names itself as the maker, draws
random UIDs, and needs OpenCV.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydicom import Dataset
from pydicom.uid import RTStructureSetStorage

from pipelines.dicom_out.dates import da, tm
from pipelines.dicom_out.files import write
from pipelines.dicom_out.provenance import (
    code_item,
    coding_schemes,
    copy_uid,
    put,
    referenced_instance,
)
from pipelines.dicom_out.rt_check import check_structures
from pipelines.dicom_out.rt_contours import contours_of
from pipelines.dicom_out.study import into_study
from pipelines.volume import Volume

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from pipelines.dicom_out.planes import Result
    from pipelines.dicom_out.provenance import Origin
    from pipelines.manifest import OutputFile
    from pipelines.models.card import Segment

RT_NUMBER_OFFSET = 725
_STUDY_CLASS = "1.2.840.10008.3.1.2.3.1"  # Detached Study Management: retired, and still the value
_NOT_IN_RT_SERIES = ("BodyPartExamined", "Laterality")


def write_structure_set(result: Result, origin: Origin, folder: Path) -> Iterator[OutputFile]:
    """Write the structure set of a volume; nothing of frames without a place, or without segments.

    The ROIs have the numbers, names and colours of the card's segments.

    Raises
    ------
    PipelineFailed
        What was written reads back as another mask.
    """
    volume = result.source
    if not isinstance(volume, Volume):
        return
    present = set(np.flatnonzero(np.bincount(result.labels.ravel(), minlength=256)).tolist())
    found = [segment for segment in origin.card.segments if segment.number in present]
    if found:
        written = write(_build(volume, result, found, origin), folder, "rtstruct")
        check_structures(folder / written.file, volume, result.labels, found)
        yield written


def _build(volume: Volume, result: Result, found: list[Segment], origin: Origin) -> Dataset:
    image = volume.sources[0]
    moment = origin.moment(image)
    made = Dataset()
    put(
        made,
        {
            "SOPClassUID": RTStructureSetStorage,
            "SOPInstanceUID": origin.uid(f"structures {volume.name}"),
            "Modality": "RTSTRUCT",
            "SeriesInstanceUID": origin.uid("structure series"),
            "SeriesNumber": origin.series_number(image, RT_NUMBER_OFFSET),
            "InstanceNumber": 1,
            "OperatorsName": "",
            "PositionReferenceIndicator": str(image.get("PositionReferenceIndicator", "") or ""),
            "StructureSetLabel": "SEGMENTATION",
            "StructureSetName": origin.card.title[:64],
            "StructureSetDescription": origin.description(),
            "StructureSetDate": da(moment),
            "StructureSetTime": tm(moment),
            "ApprovalStatus": "UNAPPROVED",
        },
    )
    copy_uid(made, "FrameOfReferenceUID", str(image.FrameOfReferenceUID))
    made.ReferencedFrameOfReferenceSequence = [_frame_of_reference(volume)]
    made.StructureSetROISequence = [_structure(each, image) for each in found]
    made.ROIContourSequence = [
        _contour_item(each, volume, result.labels == each.number) for each in found
    ]
    made.RTROIObservationsSequence = [_observation(each) for each in found]
    codes = [code for each in found for code in (each.category, each.type, each.modifier)]
    if schemes := coding_schemes(*codes):
        made.CodingSchemeIdentificationSequence = schemes
    placed = into_study(made, image, origin, leave=_NOT_IN_RT_SERIES)
    del placed.ContentDate, placed.ContentTime  # of images, which structures are not
    return placed


def _frame_of_reference(volume: Volume) -> Dataset:
    """Study, series and every instance on which a contour may lie."""
    image = volume.sources[0]
    series = Dataset()
    copy_uid(series, "SeriesInstanceUID", str(image.SeriesInstanceUID))
    series.ContourImageSequence = [referenced_instance(each) for each in volume.instances]
    study = Dataset()
    put(study, {"ReferencedSOPClassUID": _STUDY_CLASS})
    copy_uid(study, "ReferencedSOPInstanceUID", str(image.StudyInstanceUID))
    study.RTReferencedSeriesSequence = [series]
    item = Dataset()
    copy_uid(item, "FrameOfReferenceUID", str(image.FrameOfReferenceUID))
    item.RTReferencedStudySequence = [study]
    return item


def _structure(segment: Segment, image: Dataset) -> Dataset:
    item = Dataset()
    put(
        item,
        {
            "ROINumber": segment.number,
            "ROIName": segment.label,
            "ROIGenerationAlgorithm": "AUTOMATIC",
        },
    )
    copy_uid(item, "ReferencedFrameOfReferenceUID", str(image.FrameOfReferenceUID))
    return item


def _contour_item(segment: Segment, volume: Volume, mask: NDArray[np.bool_]) -> Dataset:
    item = Dataset()
    put(item, {"ReferencedROINumber": segment.number, "ROIDisplayColor": list(segment.colour)})
    item.ContourSequence = list(contours_of(volume, mask))
    return item


def _observation(segment: Segment) -> Dataset:
    """What the ROI is, by the SEG's code; its type in treatment is a person's to say."""
    item = Dataset()
    put(
        item,
        {
            "ObservationNumber": segment.number,
            "ReferencedROINumber": segment.number,
            "RTROIInterpretedType": "",
            "ROIInterpreter": "",
        },
    )
    kind = code_item(segment.type)
    if segment.modifier is not None:
        kind.SegmentedPropertyTypeModifierCodeSequence = [code_item(segment.modifier)]
    item.RTROIIdentificationCodeSequence = [kind]
    return item
