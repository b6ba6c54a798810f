"""The pictures of jobs, decoded once and kept in memory for as long as there is room."""

from __future__ import annotations

import io
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from dicom_node.preview import pictures
from dicom_node.preview.references import sources_of
from dicom_node.preview.segmentation import PreviewSegmentation, read_segmentation
from dicom_node.preview.series import PreviewSeries, PreviewUnavailable, read_series

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from PIL.Image import Image

    from dicom_node.preview.axes import Plane

Kind = Literal["source", "enhanced", "difference", "overlay"]
ROOM_BYTES = 300_000_000
LONGEST_SIDE = 1024


@dataclass(frozen=True, slots=True)
class Album:
    """Everything that can be drawn of one job.

    Attributes
    ----------
    scale : float
        The change that the difference shows as white; 0 where no difference can be drawn.
    """

    source: PreviewSeries
    enhanced: PreviewSeries | None
    segmentation: PreviewSegmentation | None
    scale: float

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The kinds of pictures that there are, in the order in which they are looked at."""
        found: list[Kind] = ["source"]
        if self.enhanced:
            found.append("enhanced")
            if self.scale:
                found.append("difference")
        if self.segmentation:
            found.append("overlay")
        return tuple(found)

    @property
    def size_bytes(self) -> int:
        """How much memory it takes."""
        arrays = [self.source.array]
        if self.enhanced:
            arrays.append(self.enhanced.array)
        if self.segmentation:
            arrays.append(self.segmentation.labels)
        return sum(array.nbytes for array in arrays)

    def first_index(self, plane: Plane) -> int:
        """The cut to begin with: where most of the segmentation is, else the middle."""
        if self.segmentation:
            return pictures.best_index(self.segmentation, plane)
        return pictures.depth(self.source, plane) // 2

    def draw(self, kind: Kind, plane: Plane, index: int) -> bytes:
        """One picture as PNG."""
        return _png(self._drawn(kind, plane, index))

    def _drawn(self, kind: Kind, plane: Plane, index: int) -> Image:
        if kind == "enhanced" and self.enhanced:
            return pictures.enhanced(self.source, self.enhanced, index, plane)
        if kind == "difference" and self.enhanced:
            return pictures.difference(self.source, self.enhanced, index, plane, self.scale)[0]
        if kind == "overlay" and self.segmentation:
            return pictures.overlay(self.source, self.segmentation, index, plane)
        return pictures.source(self.source, index, plane)


def read_album(
    sources: Sequence[Path], enhanced: Sequence[Path], segmentations: Sequence[Path]
) -> Album:
    """The album of one job's files.

    Raises
    ------
    PreviewUnavailable
        The source or a result cannot be drawn.
    """
    before = read_series(sources, only=sources_of([*enhanced, *segmentations]))
    after = read_series(enhanced) if enhanced else None
    scale = 0.0
    if after and before.array.shape[:3] == after.array.shape[:3]:
        scale = pictures.difference_scale(before, after)
    seg = read_segmentation(segmentations, before) if segmentations else None
    return Album(before, after, seg, scale)


class Albums:
    """The albums that were looked at last, within `ROOM_BYTES`; one is read at a time."""

    def __init__(self, room_bytes: int = ROOM_BYTES) -> None:
        self._room = room_bytes
        self._kept: OrderedDict[tuple[Path, ...], Album | PreviewUnavailable] = OrderedDict()
        self._turn = threading.Lock()
        self._reading = threading.Lock()

    def open(
        self, sources: Sequence[Path], enhanced: Sequence[Path], segmentations: Sequence[Path]
    ) -> Album:
        """The album of these files, read now unless it is kept.

        Raises
        ------
        PreviewUnavailable
            The source or a result cannot be drawn.
        """
        key = (*sources, *enhanced, *segmentations)
        found = self._find(key)
        if found is None:
            with self._reading:  # whoever waited finds what the one before has read
                found = self._find(key) or self._read(key, sources, enhanced, segmentations)
        if isinstance(found, PreviewUnavailable):
            raise found
        return found

    def _find(self, key: tuple[Path, ...]) -> Album | PreviewUnavailable | None:
        with self._turn:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
            return found

    def _read(
        self,
        key: tuple[Path, ...],
        sources: Sequence[Path],
        enhanced: Sequence[Path],
        segmentations: Sequence[Path],
    ) -> Album | PreviewUnavailable:
        read: Album | PreviewUnavailable
        try:
            read = read_album(sources, enhanced, segmentations)
        except PreviewUnavailable as error:
            read = error
        with self._turn:
            self._kept[key] = read
            while self._size() > self._room and len(self._kept) > 1:
                self._kept.popitem(last=False)
        return read

    def _size(self) -> int:
        return sum(album.size_bytes for album in self._kept.values() if isinstance(album, Album))


def _png(image: Image) -> bytes:
    image.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=3)
    return buffer.getvalue()
