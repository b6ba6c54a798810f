"""Whether a written SEG says what was meant, read without the library that wrote it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pydicom

from pipelines.errors import PipelineFailed
from pipelines.volume import Volume

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from pydicom import Dataset

    from pipelines.contract import Source
    from pipelines.models.card import Segment

# What a stack may be off its even grid and still be read (`pipelines.dicom_in.geometry`), and the
# rounding of decimal strings; more is an error.
OFF_PIXELS, OFF_SLICES = 0.6, 0.25


def check_segmentation(
    path: Path, source: Source, labels: NDArray[np.uint8], segments: Sequence[Segment]
) -> None:
    """Raise PipelineFailed unless the file holds `labels`, voxel for voxel, at their places."""
    seg = pydicom.dcmread(path)
    described = [str(item.SegmentLabel) for item in seg.SegmentSequence]
    if described != [segment.label for segment in segments]:
        raise PipelineFailed("the written segmentation describes other segments")
    masks = _frames(seg, labels.shape[1:])
    found = np.zeros_like(labels)
    shared = seg.SharedFunctionalGroupsSequence[0]
    for mask, group in zip(masks, seg.PerFrameFunctionalGroupsSequence, strict=True):
        named = group.get("SegmentIdentificationSequence") or shared.SegmentIdentificationSequence
        number = int(named[0].ReferencedSegmentNumber)
        plane = _slice_of(seg, group, source) if isinstance(source, Volume) else 0
        found[plane][mask] = segments[number - 1].number
    if not np.array_equal(labels, found):
        differing = int((labels != found).sum())
        raise PipelineFailed(
            f"the written segmentation differs from the mask in {differing} voxels"
        )


def _frames(seg: Dataset, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Every frame as a mask; bits are packed without alignment of frames (PS3.5 section 8.1.1)."""
    if (int(seg.Rows), int(seg.Columns)) != shape:
        raise PipelineFailed("the written segmentation has another size than its source")
    bits = np.unpackbits(np.frombuffer(seg.PixelData, np.uint8), bitorder="little")
    count = int(seg.NumberOfFrames) * shape[0] * shape[1]
    return bits[:count].reshape(-1, *shape).astype(np.bool_)


def _slice_of(seg: Dataset, group: Dataset, volume: Volume) -> int:
    """Index of the slice that a frame lies on, by its position in the patient alone."""
    shared = seg.SharedFunctionalGroupsSequence[0]
    spacing = shared.PixelMeasuresSequence[0].PixelSpacing
    cosines = np.array(shared.PlaneOrientationSequence[0].ImageOrientationPatient, float)
    position = np.array(group.PlanePositionSequence[0].ImagePositionPatient, float)
    corner = np.linalg.solve(volume.affine, [*position, 1.0])[:3]
    row_end = position + cosines[:3] * float(spacing[1]) * (int(seg.Columns) - 1)
    column_end = position + cosines[3:] * float(spacing[0]) * (int(seg.Rows) - 1)
    ends = [np.linalg.solve(volume.affine, [*end, 1.0])[:3] for end in (row_end, column_end)]
    index = round(float(corner[2]))
    wanted = [
        (0, 0, index),
        (int(seg.Columns) - 1, 0, index),
        (0, int(seg.Rows) - 1, index),
    ]
    shift = np.abs(np.array([corner, *ends]) - np.array(wanted))
    if shift[:, :2].max() > OFF_PIXELS or shift[:, 2].max() > OFF_SLICES:
        raise PipelineFailed("the written segmentation lies beside its source")
    return index
