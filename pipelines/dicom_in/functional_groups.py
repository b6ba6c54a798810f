"""The frames of an Enhanced multi-frame object as headers of single-frame images.

What reads a classic series (`stack_slices`, `split_phases`, `rescale_of`) can so read frames.
Pixels are not touched.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from pydicom import Dataset
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.tag import BaseTag, Tag

from pipelines.errors import PipelineRefused
from pipelines.header import numbers, whole_number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydicom.dataelem import RawDataElement

SHARED_GROUPS, FRAME_GROUPS = 0x52009229, 0x52009230
_PIXELS = 0x7FE00000


class _Place(NamedTuple):
    """Where a frame states what a classic image states at its top level."""

    group: BaseTag
    tag: BaseTag
    classic: BaseTag


def _place(group: str, keyword: str, classic: str) -> _Place:
    return _Place(Tag(group), Tag(keyword), Tag(classic))


# PS3.3 C.7.6.16.2 (all), C.8.13.5 (MR), C.8.15.3 (CT)
_PLACES = (
    _place("PlanePositionSequence", "ImagePositionPatient", "ImagePositionPatient"),
    _place("PlaneOrientationSequence", "ImageOrientationPatient", "ImageOrientationPatient"),
    _place("PixelMeasuresSequence", "PixelSpacing", "PixelSpacing"),
    _place("PixelMeasuresSequence", "SliceThickness", "SliceThickness"),
    _place("PixelValueTransformationSequence", "RescaleSlope", "RescaleSlope"),
    _place("PixelValueTransformationSequence", "RescaleIntercept", "RescaleIntercept"),
    _place("PixelValueTransformationSequence", "RescaleType", "RescaleType"),
    _place("FrameVOILUTSequence", "WindowCenter", "WindowCenter"),
    _place("FrameVOILUTSequence", "WindowWidth", "WindowWidth"),
    _place("FrameVOILUTSequence", "VOILUTFunction", "VOILUTFunction"),
    _place("FrameAnatomySequence", "AnatomicRegionSequence", "AnatomicRegionSequence"),
    _place("FrameAnatomySequence", "FrameLaterality", "ImageLaterality"),
    _place("FrameContentSequence", "StackID", "StackID"),
    _place("FrameContentSequence", "DimensionIndexValues", "DimensionIndexValues"),
    _place("FrameContentSequence", "TemporalPositionIndex", "TemporalPositionIdentifier"),
    _place("FrameContentSequence", "FrameAcquisitionNumber", "AcquisitionNumber"),
    _place("TemporalPositionSequence", "TemporalPositionTimeOffset", "FrameReferenceTime"),
    _place("CardiacSynchronizationSequence", "NominalCardiacTriggerDelayTime", "TriggerTime"),
    _place("MREchoSequence", "EffectiveEchoTime", "EchoTime"),
    _place("MRModifierSequence", "InversionTimes", "InversionTime"),
    _place("MRDiffusionSequence", "DiffusionBValue", "DiffusionBValue"),
    _place("MRImageFrameTypeSequence", "FrameType", "ImageType"),
    _place("MRImageFrameTypeSequence", "ComplexImageComponent", "ComplexImageComponent"),
    _place("CTImageFrameTypeSequence", "FrameType", "ImageType"),
)
# At the top of the object these would hold for all frames alike, and mean none of them; but the
# object's own Image Type is better than none.
_FRAMES_ALONE = {place.classic for place in _PLACES} - {Tag("ImageType")}
# Dimensions that order the slices of a stack, and tell no two phases apart (PS3.3 C.7.6.17).
_WITHIN_A_STACK = {
    Tag(word)
    for word in ("StackID", "InStackPositionNumber", "ImagePositionPatient", "SliceLocation",
                 "PlanePositionSequence")
}  # fmt: skip


def frame_headers(image: Dataset) -> list[Dataset]:
    """One header for each frame, in stored order; what a frame does not state is absent.

    What the object states for all frames is there, too. Of Dimension Index Values those are left
    that do not tell a slice's place within its stack.

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
    common = {
        tag: image.get_item(tag)
        for tag in image.keys()  # noqa: SIM118 - iterating a data set decodes its elements
        if tag < _PIXELS
        and not tag.is_private
        and tag not in (SHARED_GROUPS, FRAME_GROUPS)
        and tag not in _FRAMES_ALONE
    }
    common |= _stated(shared[0])
    telling = _telling_dimensions(image)
    headers = []
    for frame in frames:
        header = Dataset({**common, **_stated(frame)})
        header.set_original_encoding(*image.original_encoding, image._character_set)
        _keep_dimensions(header, telling)
        headers.append(header)
    return headers


def _stated(groups: Dataset) -> Mapping[BaseTag, DataElement | RawDataElement]:
    """What the groups state, by the tags of a classic image; elements are shared, not copied."""
    stated: dict[BaseTag, DataElement | RawDataElement] = {}
    for group, tag, classic in _PLACES:
        items = groups[group].value if group in groups else []
        if not items or tag not in items[0]:
            continue
        if classic == tag:
            stated[tag] = items[0].get_item(tag)
        elif items[0][tag].value not in (None, ""):
            vr = dictionary_VR(classic)
            stated[classic] = DataElement(classic, vr, _as_text(items[0][tag].value, vr))
    return stated


def _as_text(value: object, vr: str) -> object:
    """A double as a decimal text: it may have more digits than a DS holds."""
    if vr != "DS":
        return value
    return [f"{float(each):.10g}" for each in np.ravel(np.asarray(value))]


def _telling_dimensions(image: Dataset) -> list[int]:
    """Indices of the dimensions that are no place within a stack."""
    dimensions = image.get("DimensionIndexSequence") or []
    return [
        index
        for index, item in enumerate(dimensions)
        if item.get("DimensionIndexPointer") not in _WITHIN_A_STACK
    ]


def _keep_dimensions(header: Dataset, telling: list[int]) -> None:
    values = numbers(header, "DimensionIndexValues")
    if values:
        kept = [int(values[index]) for index in telling if index < len(values)]
        header.DimensionIndexValues = kept or None
