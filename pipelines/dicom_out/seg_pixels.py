"""The frames of a segmentation: which there are, and their bits or labels.

Which frames there are depends on the numbers that a plane shows and not on their outlines. So
highdicom, which copies what it is given several times, makes the object of small planes that show
the same numbers, and the pixels are packed here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydicom.dataelem import DataElement
from pydicom.tag import Tag

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray
    from pydicom import Dataset

    from pipelines.models.card import Segment

SIDE = 16
"""Rows and columns of a small plane: a pixel for each number that a label may be."""
_PIXEL_DATA = Tag("PixelData")


def numbers_shown(labels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Whether a plane shows a number, shape (plane, number)."""
    shown = np.zeros((len(labels), SIDE**2), np.bool_)
    for found, plane in zip(shown, labels, strict=True):
        line = plane.ravel()
        begins = line[1:] != line[:-1]  # every number but the first begins where another ends
        found[line[1:][begins]] = True
        found[line[0]] = True
    return shown


def small_planes(labels: NDArray[np.uint8], segments: Sequence[Segment]) -> NDArray[np.uint8]:
    """A label map that shows the same `segments`, numbered from 1, shape (plane, SIDE, SIDE)."""
    return (numbers_shown(labels) * _renumbering(segments)).reshape(-1, SIDE, SIDE)


def put_frames(seg: Dataset, labels: NDArray[np.uint8], frames: Sequence[tuple[int, int]]) -> None:
    """Give a BINARY segmentation of small planes the size and pixels of `labels`.

    Parameters
    ----------
    frames : sequence of (int, int)
        Index of the plane, and the number on it, that each frame shows.
    """
    _put(seg, labels, _packed(labels[plane] == number for plane, number in frames))


def put_labels(
    seg: Dataset,
    labels: NDArray[np.uint8],
    segments: Sequence[Segment],
    planes: Sequence[int],
) -> None:
    """Give a LABELMAP of small planes the size of `labels`, and `segments` numbered from 1.

    Parameters
    ----------
    planes : sequence of int
        Index of the plane that each frame shows.
    """
    renumbered = _renumbering(segments)
    _put(seg, labels, (renumbered[labels[plane]].tobytes() for plane in planes))


def _renumbering(segments: Sequence[Segment]) -> NDArray[np.uint8]:
    """The number in the file of each number in the card, 0 of all that are not `segments`'."""
    numbers = np.zeros(SIDE**2, np.uint8)
    numbers[[segment.number for segment in segments]] = np.arange(1, len(segments) + 1)
    return numbers


def _put(seg: Dataset, labels: NDArray[np.uint8], frames: Iterator[bytes]) -> None:
    seg.Rows, seg.Columns = labels.shape[1:]
    content = b"".join(frames)
    seg[_PIXEL_DATA] = DataElement(_PIXEL_DATA, "OB", content + b"\0" * (len(content) % 2))


def _packed(masks: Iterator[NDArray[np.bool_]]) -> Iterator[bytes]:
    """Bits of one frame after the other, without alignment (PS3.5 section 8.1.1)."""
    rest = np.empty(0, np.bool_)
    for mask in masks:
        bits = np.concatenate([rest, mask.ravel()]) if rest.size else mask.ravel()
        whole = bits.size - bits.size % 8
        yield np.packbits(bits[:whole], bitorder="little").tobytes()
        rest = bits[whole:]
    yield np.packbits(rest, bitorder="little").tobytes()
