"""A DICOM SEG laid over the series that it belongs to, read from its functional groups.

Frames are placed by position and segment number, not by their order (PS3.3 C.8.20): the object says
where each frame lies, and this is also an independent look at what the writer wrote.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from pydicom import dcmread
from pydicom.pixels import iter_pixels
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from dicom_node.preview.colour import Colour, colour_of
from dicom_node.preview.series import UNREADABLE, PreviewUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from pydicom import Dataset

    from dicom_node.preview.series import PreviewSeries


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
    """The SEG objects in `paths` on the grid of `like`.

    Raises
    ------
    PreviewUnavailable
        A file is no segmentation that can be read.
    """
    labels = np.zeros(like.array.shape[:3], np.uint8)
    segments: dict[int, PreviewSegment] = {}
    try:
        for path in paths:
            header = dcmread(path, stop_before_pixels=True)
            segments |= {segment.number: segment for segment in _segments(header)}
            _paint(labels, path, header, like)
    except UNREADABLE as error:
        raise PreviewUnavailable(
            f"the segmentation cannot be drawn ({type(error).__name__})"
        ) from None
    return PreviewSegmentation(labels, tuple(segments[number] for number in sorted(segments)))


def _segments(header: Dataset) -> list[PreviewSegment]:
    return [
        PreviewSegment(
            int(item.SegmentNumber),
            str(item.SegmentLabel),
            colour_of(item.get("RecommendedDisplayCIELabValue")),
        )
        for item in header.SegmentSequence
    ]


def _paint(labels: NDArray[np.uint8], path: Path, header: Dataset, like: PreviewSeries) -> None:
    half = (int(header.get("MaximumFractionalValue") or 1) + 1) // 2
    grid = (int(header.Rows), int(header.Columns))
    groups = header.PerFrameFunctionalGroupsSequence
    for group, plane in zip(groups, _planes(path, header), strict=True):
        identification = _either(header, group, "SegmentIdentification")
        rows, columns = np.nonzero(plane >= half)
        if like.affine is None:
            _frames, height, width = labels.shape  # the SEG's own grid, or thinned out
            y, x = rows * height // grid[0], columns * width // grid[1]
            z = np.full_like(y, _source_frame(group, like))
        else:
            z, y, x = _indices(header, group, rows, columns, like.affine)
        inside = np.ones(len(rows), bool)
        for axis, size in zip((z, y, x), labels.shape, strict=True):
            inside &= (axis >= 0) & (axis < size)
        spot = z[inside], y[inside], x[inside]
        labels[spot] = np.maximum(labels[spot], int(identification.ReferencedSegmentNumber))


def _planes(path: Path, header: Dataset) -> Iterator[NDArray[np.uint8]]:
    """Every frame, one after the other."""
    native = header.file_meta.TransferSyntaxUID in (ExplicitVRLittleEndian, ImplicitVRLittleEndian)
    if int(header.BitsAllocated) == 1 and native:
        yield from _packed_planes(path, header)
    else:
        yield from iter_pixels(path)


def _packed_planes(path: Path, header: Dataset) -> Iterator[NDArray[np.uint8]]:
    """Frames of single bits, which follow one another without padding to bytes (PS3.5 8.1.1).

    pydicom 3.0 reads one frame of these right only where it fills its last byte.
    """
    packed = np.frombuffer(dcmread(path).PixelData, np.uint8)
    rows, columns = int(header.Rows), int(header.Columns)
    length = rows * columns
    for first in range(0, int(header.get("NumberOfFrames") or 1) * length, length):
        whole = packed[first // 8 : (first + length + 7) // 8]
        bits = np.unpackbits(whole, bitorder="little")[first % 8 :][:length]
        yield bits.reshape(rows, columns)


def _source_frame(group: Dataset, like: PreviewSeries) -> int:
    """Index of the frame that a SEG frame was made of; -1 where it is not among those shown."""
    source = group.DerivationImageSequence[0].SourceImageSequence[0]
    number = source.get("ReferencedFrameNumber") or 1
    within = int(number if isinstance(number, int | str) else number[0]) - 1
    first = like.first_frames.get(str(source.ReferencedSOPInstanceUID))
    return -1 if first is None else first + within


def _indices(
    header: Dataset,
    group: Dataset,
    rows: NDArray[np.intp],
    columns: NDArray[np.intp],
    affine: NDArray[np.float64],
) -> tuple[NDArray[np.int64], ...]:
    """Where the pixels of one frame lie in the series: arrays of z, y and x."""
    cosines = np.array(_either(header, group, "PlaneOrientation").ImageOrientationPatient, float)
    spacing = _either(header, group, "PixelMeasures").PixelSpacing
    inverse = np.linalg.inv(affine)
    place = _either(header, group, "PlanePosition").ImagePositionPatient
    position = np.array([*place, 1], float)
    origin = (inverse @ position)[:3]
    across = inverse[:3, :3] @ cosines[:3] * float(spacing[1])
    down = inverse[:3, :3] @ cosines[3:] * float(spacing[0])
    x, y, z = (
        np.rint(origin[axis] + across[axis] * columns + down[axis] * rows).astype(np.int64)
        for axis in range(3)
    )
    return z, y, x


def _either(header: Dataset, group: Dataset, name: str) -> Dataset:
    """A functional group's item, from the frame or shared by all frames (PS3.3 C.7.6.16)."""
    keyword = f"{name}Sequence"
    holder = group if keyword in group else header.SharedFunctionalGroupsSequence[0]
    item: Dataset = holder[keyword].value[0]
    return item
