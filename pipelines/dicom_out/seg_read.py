"""What the frames of a segmentation object show, read without the library that wrote it."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag

from pipelines.errors import PipelineFailed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray
    from pydicom import Dataset


BACKGROUND = 0
"""The number of no segment, which a label map describes all the same (PS3.3 C.8.20.4)."""
BINARY, LABELMAP = "BINARY", "LABELMAP"
_FORMS = {
    (BINARY, "1.2.840.10008.5.1.4.1.1.66.4", 1, 1, 1, 0, 0, "MONOCHROME2"),
    (LABELMAP, "1.2.840.10008.5.1.4.1.1.66.7", 1, 8, 8, 7, 0, "MONOCHROME2"),
}


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

    A frame of a BINARY object belongs to one segment, a pixel of a LABELMAP holds its segment's
    number (PS3.3 C.8.20.2.3).

    Raises
    ------
    PipelineFailed
        Rows, columns, frames, bits and the length of Pixel Data do not agree.
    """
    if (int(seg.Rows), int(seg.Columns)) != shape:
        raise PipelineFailed("the written segmentation has another size than its source")
    if len(seg.PerFrameFunctionalGroupsSequence) != int(seg.NumberOfFrames):
        raise PipelineFailed("the written segmentation places another number of frames than it has")
    if _form(seg) == LABELMAP:
        for frame, labels in enumerate(_labels(seg, shape)):
            for number in np.unique(labels[labels != BACKGROUND]).tolist():
                yield Shown(frame, int(number), labels == number)
        return
    named = functional_groups(seg, "SegmentIdentificationSequence")
    for frame, (mask, items) in enumerate(zip(_unpacked(seg, shape), named, strict=True)):
        yield Shown(frame, int(items[0].ReferencedSegmentNumber), mask)


def _form(seg: Dataset) -> str:
    """``"BINARY"`` or ``"LABELMAP"``, as type, class and bits of the object agree."""
    told = (
        str(seg.SegmentationType), str(seg.SOPClassUID), seg.SamplesPerPixel, seg.BitsAllocated,
        seg.BitsStored, seg.HighBit, seg.PixelRepresentation, str(seg.PhotometricInterpretation),
    )  # fmt: skip
    if told not in _FORMS:
        raise PipelineFailed("the written segmentation is neither BINARY nor a LABELMAP")
    return told[0]


def _labels(seg: Dataset, shape: tuple[int, ...]) -> Iterator[NDArray[np.uint8]]:
    """Frames of one byte for each pixel, one after the other."""
    pixels = shape[0] * shape[1]
    count = int(seg.NumberOfFrames)
    values = np.frombuffer(seg.PixelData, np.uint8)
    if len(values) != _even(count * pixels):
        raise PipelineFailed("the written segmentation has pixels for another number of frames")
    for first in range(0, count * pixels, pixels):
        yield values[first : first + pixels].reshape(shape)


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


def functional_groups(seg: Dataset, keyword: str) -> list[Sequence[Dataset]]:
    """One functional group of every frame: the frame's own or, without one, that of all frames.

    Frames whose groups are equal bytes have the same one, as parsing is what takes the time.

    Raises
    ------
    PipelineFailed
        A frame has neither (PS3.3 C.7.6.16.1.1), or there is no frame.
    """
    tag = Tag(keyword)
    shared = seg.SharedFunctionalGroupsSequence[0].get(keyword)
    known: dict[bytes, Sequence[Dataset]] = {}
    found = []
    for group in seg.PerFrameFunctionalGroupsSequence:
        element = group.get_item(tag)
        if isinstance(element, RawDataElement) and element.value:
            if element.value not in known:
                known[element.value] = group[tag].value
            found.append(known[element.value])
        else:
            found.append(group.get(keyword) or shared)
    if not found or not all(found):
        raise PipelineFailed(f"the written segmentation has no {keyword}")
    return found


def _even(length: int) -> int:
    """`length` as values are padded to (PS3.5 section 7.1.1)."""
    return length + length % 2
