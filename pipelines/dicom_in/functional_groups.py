"""The frames of an Enhanced multi-frame object as headers of single-frame images.

What reads a classic series (`stack_slices`, `split_phases`, `rescale_of`) can so read frames.
Pixels are not touched.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pydicom import Dataset

from pipelines.errors import PipelineRefused
from pipelines.header import whole_number

if TYPE_CHECKING:
    from collections.abc import Sequence


class _Place(NamedTuple):
    """Where a frame states what a classic image states at its top level."""

    group: str
    keyword: str
    classic: str


# PS3.3 C.7.6.16.2 (all), C.8.13.5 (MR), C.8.15.3 (CT)
_PLACES = (
    _Place("PlanePositionSequence", "ImagePositionPatient", "ImagePositionPatient"),
    _Place("PlaneOrientationSequence", "ImageOrientationPatient", "ImageOrientationPatient"),
    _Place("PixelMeasuresSequence", "PixelSpacing", "PixelSpacing"),
    _Place("PixelMeasuresSequence", "SliceThickness", "SliceThickness"),
    _Place("PixelValueTransformationSequence", "RescaleSlope", "RescaleSlope"),
    _Place("PixelValueTransformationSequence", "RescaleIntercept", "RescaleIntercept"),
    _Place("PixelValueTransformationSequence", "RescaleType", "RescaleType"),
    _Place("FrameContentSequence", "StackID", "StackID"),
    _Place("FrameContentSequence", "TemporalPositionIndex", "TemporalPositionIdentifier"),
    _Place("FrameContentSequence", "FrameAcquisitionNumber", "AcquisitionNumber"),
    _Place("MREchoSequence", "EffectiveEchoTime", "EchoTime"),
    _Place("MRDiffusionSequence", "DiffusionBValue", "DiffusionBValue"),
    _Place("MRImageFrameTypeSequence", "FrameType", "ImageType"),
    _Place("CTImageFrameTypeSequence", "FrameType", "ImageType"),
)


def frame_headers(image: Dataset) -> list[Dataset]:
    """One header for each frame, in stored order; what a frame does not state is absent.

    Raises
    ------
    PipelineRefused
        ``bad-functional-groups`` where the object has not one item of groups for each frame.
    """
    shared = image.get("SharedFunctionalGroupsSequence") or [Dataset()]
    frames = image.get("PerFrameFunctionalGroupsSequence") or []
    if len(frames) != whole_number(image, "NumberOfFrames", 1) or len(shared) != 1:
        raise PipelineRefused(
            "bad-functional-groups", "The object's functional groups do not match its frames."
        )
    return [_header((frame, shared[0])) for frame in frames]


def _header(holders: Sequence[Dataset]) -> Dataset:
    """What the first of `holders` with a group states in it."""
    header = Dataset()
    for place in _PLACES:
        for holder in holders:
            items = holder.get(place.group)
            if items:
                value = items[0].get(place.keyword, None)
                if value is not None:
                    if place.classic == "EchoTime":  # an FD: more digits than a DS may hold
                        value = f"{value:.10g}"
                    setattr(header, place.classic, value)
                break
    return header
