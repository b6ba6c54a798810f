"""The frames of an Enhanced multi-frame object as single images with a place (PS3.3 C.7.6.16)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydicom import Dataset

if TYPE_CHECKING:
    from collections.abc import Sequence

_GROUPS = (
    "PlanePositionSequence", "PlaneOrientationSequence", "PixelMeasuresSequence",
    "PixelValueTransformationSequence", "FrameVOILUTSequence",
)  # fmt: skip
_OF_ALL = (
    "Modality", "Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation", "BitsStored",
    "PixelRepresentation",
)  # fmt: skip
_SAME_MM = 0.01


def frame_headers(header: Dataset) -> list[Dataset]:
    """A header for each frame with its place, rescale and window; none of other objects."""
    shared = header.get("SharedFunctionalGroupsSequence") or [Dataset()]
    common = {keyword: header[keyword] for keyword in _OF_ALL if keyword in header}
    found = []
    for frame in header.get("PerFrameFunctionalGroupsSequence") or []:
        single = Dataset()
        for element in common.values():
            single.add(element)
        for keyword in _GROUPS:
            holder = frame if keyword in frame else shared[0]
            for item in (holder.get(keyword) or [])[:1]:
                single.update(item)
        found.append(single)
    return found


def form_a_stack(frames: Sequence[Dataset]) -> bool:
    """Whether the frames have one direction, and no two of them one place."""
    words = ("ImageOrientationPatient", "ImagePositionPatient", "PixelSpacing")
    if not frames or not all(frame.get(word) for frame in frames for word in words):
        return False
    directions = np.array([frame.ImageOrientationPatient for frame in frames], float)
    if np.abs(directions - directions[0]).max() > 1e-3:
        return False
    normal = np.cross(directions[0, :3], directions[0, 3:])
    depths = np.sort(np.array([frame.ImagePositionPatient for frame in frames], float) @ normal)
    return bool(len(depths) == 1 or np.diff(depths).min() > _SAME_MM)
