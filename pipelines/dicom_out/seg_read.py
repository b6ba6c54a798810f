"""What the frames of a segmentation object show, read without the library that wrote it."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pipelines.errors import PipelineFailed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from pydicom import Dataset


class Shown(NamedTuple):
    """One segment on one frame.

    Attributes
    ----------
    frame : int
        Index of the frame in the file, from 0.
    number : int
        The segment's number in the file.
    mask : ndarray of bool, shape (y, x)
    """

    frame: int
    number: int
    mask: NDArray[np.bool_]


def read_shown(seg: Dataset, shape: tuple[int, ...]) -> Iterator[Shown]:
    """Every segment on every frame of `shape` (rows, columns), one at a time.

    Raises
    ------
    PipelineFailed
        Rows, columns, frames and the length of Pixel Data do not agree.
    """
    if (int(seg.Rows), int(seg.Columns)) != shape:
        raise PipelineFailed("the written segmentation has another size than its source")
    if len(seg.PerFrameFunctionalGroupsSequence) != int(seg.NumberOfFrames):
        raise PipelineFailed("the written segmentation places another number of frames than it has")
    for frame, mask in enumerate(_unpacked(seg, shape)):
        group = seg.PerFrameFunctionalGroupsSequence[frame]
        named = functional_group(seg, group, "SegmentIdentificationSequence")
        yield Shown(frame, int(named.ReferencedSegmentNumber), mask)


def _unpacked(seg: Dataset, shape: tuple[int, ...]) -> Iterator[NDArray[np.bool_]]:
    """Frames of single bits, packed without alignment: one may begin within a byte.

    PS3.5 section 8.1.1.
    """
    pixels = shape[0] * shape[1]
    count = int(seg.NumberOfFrames)
    packed = np.frombuffer(seg.PixelData, np.uint8)
    if len(packed) != _even(ceil(count * pixels / 8)):
        raise PipelineFailed("the written segmentation has pixels for another number of frames")
    for first in range(0, count * pixels, pixels):
        bits = np.unpackbits(packed[first // 8 : ceil((first + pixels) / 8)], bitorder="little")
        yield bits[first % 8 : first % 8 + pixels].reshape(shape).view(np.bool_)


def functional_group(seg: Dataset, group: Dataset, keyword: str) -> Dataset:
    """The item of one functional group: the frame's own or, without one, that of all frames.

    Raises
    ------
    PipelineFailed
        Neither has it (PS3.3 C.7.6.16.1.1).
    """
    shared = seg.SharedFunctionalGroupsSequence[0]
    found = group.get(keyword) or shared.get(keyword)
    if not found:
        raise PipelineFailed(f"the written segmentation has no {keyword}")
    item: Dataset = found[0]
    return item


def _even(length: int) -> int:
    """`length` as values are padded to (PS3.5 section 7.1.1)."""
    return length + length % 2
