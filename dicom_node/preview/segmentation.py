"""A DICOM SEG laid over its series, read from its functional groups with pydicom alone.

Frames are placed by position and segment number, not by their order (PS3.3 C.8.20): the object says
where each frame lies, and this is also an independent look at what the writer wrote.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from pydicom import dcmread
from skimage.color import lab2rgb

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from pydicom import Dataset

    from dicom_node.preview.series import PreviewSeries

Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class PreviewSegment:
    """One segment's name and the colour that its writer recommends."""

    number: int
    label: str
    colour: Colour


@dataclass(frozen=True, slots=True)
class PreviewSegmentation:
    """Labels on the axes of a `PreviewSeries`.

    Attributes
    ----------
    labels : ndarray of uint8, the series' (z, y, x) or (frame, y, x)
        Segment number; 0 is none. Where segments overlap the higher number is shown.
    """

    labels: NDArray[np.uint8]
    segments: tuple[PreviewSegment, ...]


def read_segmentation(paths: Sequence[Path], like: PreviewSeries) -> PreviewSegmentation:
    """The SEG objects in `paths` on the grid of `like`."""
    labels = np.zeros(like.array.shape[:3], np.uint8)
    segments: dict[int, PreviewSegment] = {}
    for path in paths:
        seg = dcmread(path)
        segments |= {segment.number: segment for segment in _segments(seg)}
        _paint(labels, seg, like)
    return PreviewSegmentation(labels, tuple(segments[number] for number in sorted(segments)))


def _segments(seg: Dataset) -> list[PreviewSegment]:
    return [
        PreviewSegment(
            int(item.SegmentNumber),
            str(item.SegmentLabel),
            _colour(item.get("RecommendedDisplayCIELabValue")),
        )
        for item in seg.SegmentSequence
    ]


def _colour(cielab: Sequence[int] | None) -> Colour:
    """PCS-values of 16 bits to RGB (PS3.3 C.10.7.1.1)."""
    if not cielab:
        return (255, 200, 0)
    scale = np.array([100.0, 255.0, 255.0]) / 65535
    lab = np.array(cielab, float) * scale - [0, 128, 128]
    red, green, blue = (lab2rgb(lab.reshape(1, 1, 3)).ravel() * 255).round().astype(int)
    return int(red), int(green), int(blue)


def _paint(labels: NDArray[np.uint8], seg: Dataset, like: PreviewSeries) -> None:
    pixels = seg.pixel_array
    planes = pixels if pixels.ndim == 3 else pixels[np.newaxis]
    for plane, groups in zip(planes, seg.PerFrameFunctionalGroupsSequence, strict=True):
        number = int(groups.SegmentIdentificationSequence[0].ReferencedSegmentNumber)
        rows, columns = np.nonzero(plane)
        if like.affine is None or "PlanePositionSequence" not in groups:
            frame = min(_source_frame(groups), len(labels)) - 1
            labels[frame, rows, columns] = np.maximum(labels[frame, rows, columns], number)
            continue
        z, y, x = _indices(seg, groups, rows, columns, like.affine)
        kept = np.logical_and.reduce(
            [(axis >= 0) & (axis < n) for axis, n in zip((z, y, x), labels.shape, strict=True)]
        )
        spot = z[kept], y[kept], x[kept]
        labels[spot] = np.maximum(labels[spot], number)


def _source_frame(groups: Dataset) -> int:
    try:
        source = groups.DerivationImageSequence[0].SourceImageSequence[0]
        number = source.get("ReferencedFrameNumber", 1)
    except (AttributeError, IndexError):
        return 1
    return int(number if isinstance(number, int | str) else number[0])


def _indices(
    seg: Dataset,
    groups: Dataset,
    rows: NDArray[np.intp],
    columns: NDArray[np.intp],
    affine: NDArray[np.float64],
) -> tuple[NDArray[np.int64], ...]:
    """Where the pixels of one frame lie in the series: arrays of z, y and x."""
    shared = seg.SharedFunctionalGroupsSequence[0]
    orientation = (
        (groups if "PlaneOrientationSequence" in groups else shared)
        .PlaneOrientationSequence[0]
        .ImageOrientationPatient
    )
    spacing = (
        (groups if "PixelMeasuresSequence" in groups else shared)
        .PixelMeasuresSequence[0]
        .PixelSpacing
    )
    cosines = np.array(orientation, float)
    position = np.array(groups.PlanePositionSequence[0].ImagePositionPatient, float)
    points = (
        position[:, np.newaxis]
        + np.outer(cosines[:3] * float(spacing[1]), columns)
        + np.outer(cosines[3:] * float(spacing[0]), rows)
    )
    inverse = np.linalg.inv(affine)
    x, y, z = np.rint(inverse[:3, :3] @ points + inverse[:3, 3:]).astype(np.int64)
    return z, y, x
