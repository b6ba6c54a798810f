"""The measurement groups of a report: one for each segment of a written segmentation.

A segment with a place in the patient is a volume of interest (TID 1411), one on a frame without
is planar (TID 1410). Codes, labels and tracking come from the written SEG, so both say the same.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from highdicom.sr.coding import CodedConcept
from highdicom.sr.content import (
    FindingSite,
    ReferencedSegment,
    ReferencedSegmentationFrame,
    SourceImageForSegmentation,
    SourceSeriesForSegmentation,
)
from highdicom.sr.templates import (
    AlgorithmIdentification,
    MeasurementsAndQualitativeEvaluations,
    PlanarROIMeasurementsAndQualitativeEvaluations,
    QualitativeEvaluation,
    TrackingIdentifier,
    VolumetricROIMeasurementsAndQualitativeEvaluations,
)

from pipelines.dicom_out.sr_measurements import intensity_of, measure_frame, measure_volume
from pipelines.volume import Volume

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from highdicom.sr.templates import Template
    from numpy.typing import NDArray
    from pydicom import Dataset

    from pipelines.contract import Source
    from pipelines.dicom_out.provenance import Origin

_LATERALITY = {"24028007", "7771000", "51440002"}  # right, left, both sides (SCT)
_SUMMARY = CodedConcept("111017", "DCM", "CAD Processing and Findings Summary")
_NO_FINDINGS = CodedConcept("111241", "DCM", "All algorithms succeeded; without findings")


class Written(NamedTuple):
    """A segmentation as it was written, and what it was made of.

    Attributes
    ----------
    seg : pydicom.Dataset
        Without its pixels.
    source : Volume or Frames
    labels : ndarray of uint8, shape (z, y, x) or (frame, y, x)
        The whole result on `source`, of which `seg` holds one frame where they are frames.
    boxes : list of tuple of slice, or None
        Item n - 1 is the part of the labels that holds all that is n.
    """

    seg: Dataset
    source: Source
    labels: NDArray[np.uint8]
    boxes: list[tuple[slice, ...] | None]


def groups_of(written: Written, origin: Origin) -> Iterator[Template]:
    """A measurement group for each segment of the card that the segmentation holds."""
    numbers = {segment.label: segment.number for segment in origin.card.segments}
    volumetric = isinstance(written.source, Volume)
    for segment in written.seg.SegmentSequence:
        label = numbers.get(str(segment.SegmentLabel))
        if label is not None:
            group = _volumetric if volumetric else _planar
            yield group(written, segment, label, origin)


def nothing_found(origin: Origin) -> Template:
    """The group that says that the run succeeded and found nothing (SEG-12)."""
    return MeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(
            uid=origin.uid("tracking nothing found"), identifier=f"{origin.card.name} summary"[:64]
        ),
        algorithm_id=_algorithm(origin),
        qualitative_evaluations=[QualitativeEvaluation(_SUMMARY, _NO_FINDINGS)],
    )


def _volumetric(written: Written, segment: Dataset, label: int, origin: Origin) -> Template:
    seg, source = written.seg, written.source
    box = written.boxes[label - 1]
    assert isinstance(source, Volume) and box  # noqa: S101 - for the type checker
    mask = written.labels[box] == label
    return VolumetricROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=_tracking(segment),
        referenced_segment=ReferencedSegment(
            sop_class_uid=str(seg.SOPClassUID),
            sop_instance_uid=str(seg.SOPInstanceUID),
            segment_number=int(segment.SegmentNumber),
            source_series=SourceSeriesForSegmentation(str(source.sources[0].SeriesInstanceUID)),
        ),
        finding_category=_code(segment.SegmentedPropertyCategoryCodeSequence[0]),
        finding_type=_code(segment.SegmentedPropertyTypeCodeSequence[0]),
        finding_sites=_sites(segment),
        algorithm_id=_algorithm(origin),
        measurements=measure_volume(source, box, mask, intensity_of(source)),
    )


def _planar(written: Written, segment: Dataset, label: int, origin: Origin) -> Template:
    seg = written.seg
    frame = _source_frame(seg)
    number = int(segment.SegmentNumber)
    image = written.source.sources[0]
    reference = ReferencedSegmentationFrame(
        sop_class_uid=str(seg.SOPClassUID),
        sop_instance_uid=str(seg.SOPInstanceUID),
        frame_number=_frame_of(seg, number),
        segment_number=number,
        source_image=SourceImageForSegmentation(
            str(image.SOPClassUID), str(image.SOPInstanceUID), [frame] if frame else None
        ),
    )
    # highdicom names the segment beside the frame; the standard wants one (PS3.3 C.18.4).
    del reference[0].ReferencedSOPSequence[0].ReferencedSegmentNumber
    return PlanarROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=_tracking(segment),
        referenced_segment=reference,
        finding_category=_code(segment.SegmentedPropertyCategoryCodeSequence[0]),
        finding_type=_code(segment.SegmentedPropertyTypeCodeSequence[0]),
        finding_sites=_sites(segment),
        algorithm_id=_algorithm(origin),
        measurements=measure_frame(written.source, written.labels[(frame or 1) - 1] == label),
    )


def _source_frame(seg: Dataset) -> int | None:
    """The number of the source's frame that the segmentation lies on; None for a single image."""
    for group in seg.PerFrameFunctionalGroupsSequence:
        for derivation in group.get("DerivationImageSequence", []):
            found = derivation.SourceImageSequence[0].get("ReferencedFrameNumber")
            return None if found is None else int(found)
    return None


def _frame_of(seg: Dataset, number: int) -> int:
    """The number of the segmentation's own frame that shows segment `number`."""
    for place, group in enumerate(seg.PerFrameFunctionalGroupsSequence, start=1):
        named = group.get("SegmentIdentificationSequence")
        if named and int(named[0].ReferencedSegmentNumber) == number:
            return place
    return 1  # one segment, named for all frames, or a label map


def _tracking(segment: Dataset) -> TrackingIdentifier:
    return TrackingIdentifier(uid=str(segment.TrackingUID), identifier=str(segment.TrackingID))


def _sites(segment: Dataset) -> list[FindingSite] | None:
    """The structure with its side, where the segment's type has a modifier."""
    kind = segment.SegmentedPropertyTypeCodeSequence[0]
    modifiers = kind.get("SegmentedPropertyTypeModifierCodeSequence")
    if not modifiers:
        return None
    modifier = _code(modifiers[0])
    if modifier.value in _LATERALITY:
        return [FindingSite(_code(kind), laterality=modifier)]
    return [FindingSite(_code(kind), topographical_modifier=modifier)]


def _algorithm(origin: Origin) -> AlgorithmIdentification:
    settings = json.dumps(dict(origin.parameters), sort_keys=True)
    return AlgorithmIdentification(
        name=origin.card.name,
        version=origin.card.version,
        parameters=[settings] if origin.parameters else None,
    )


def _code(item: Dataset) -> CodedConcept:
    return CodedConcept(
        str(item.CodeValue), str(item.CodingSchemeDesignator), str(item.CodeMeaning)
    )
