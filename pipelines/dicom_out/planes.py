"""Planes of a label map: which image each lies on, and which of them shows a segment best."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pipelines.volume import Volume

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray
    from pydicom import Dataset

    from pipelines.contract import Source
    from pipelines.manifest import OutputFile
    from pipelines.models.card import Segment
    from pipelines.volume import StoredFrame


class Result(NamedTuple):
    """A label map on its source, and the segmentations that were written of it.

    Attributes
    ----------
    labels : ndarray of uint8, shape (z, y, x) or (frame, y, x)
    segs : sequence of OutputFile
        Form after form (`pipelines.dicom_out.seg_form`); empty where nothing was found.
    uncertainty : ndarray of float32, shape of `labels`, or None
        As in `pipelines.contract.Segmented`.
    """

    source: Source
    labels: NDArray[np.uint8]
    segs: Sequence[OutputFile]
    uncertainty: NDArray[np.float32] | None = None


class Plane(NamedTuple):
    """One plane of a result.

    Attributes
    ----------
    at : int
        Along the first axis of the labels, from 0.
    """

    result: Result
    at: int

    @property
    def image(self) -> Dataset:
        """The source instance that the plane lies on, as received."""
        stored = self._stored
        return self.header if stored is None else stored.image

    @property
    def header(self) -> Dataset:
        """`image`, or of a frame of an Enhanced object its header in the words of an image."""
        sources = self.result.source.sources
        return sources[self.at] if isinstance(self.result.source, Volume) else sources[0]

    @property
    def digest(self) -> str:
        """Content digest of `image`."""
        source = self.result.source
        places = {id(image): place for place, image in enumerate(source.instances)}
        return source.digests[places[id(self.image)]]

    @property
    def frame(self) -> int | None:
        """Number of the frame of `image`, from 1; None of an image that is no multi-frame one."""
        stored = self._stored
        if stored is not None:
            return stored.number
        is_one = isinstance(self.result.source, Volume) or len(self.result.labels) == 1
        return None if is_one else self.at + 1

    @property
    def _stored(self) -> StoredFrame | None:
        source = self.result.source
        return source.frames[self.at] if isinstance(source, Volume) and source.frames else None

    @property
    def labels(self) -> NDArray[np.uint8]:
        """The label map of this plane, shape (y, x)."""
        plane: NDArray[np.uint8] = self.result.labels[self.at]
        return plane


def areas(labels: NDArray[np.uint8]) -> NDArray[np.intp]:
    """Pixels of every number on every plane, shape (planes, 256)."""
    return np.array([np.bincount(plane.ravel(), minlength=256) for plane in labels], np.intp)


def key_planes(
    results: Iterable[Result], segments: Sequence[Segment]
) -> list[tuple[Segment, Plane, int]]:
    """Of each segment that was found the plane on which it is largest, the first of equals.

    With its number of pixels there.
    """
    best: dict[int, tuple[int, Plane]] = {}
    for result in results:
        counted = areas(result.labels)
        for segment in segments:
            index = int(counted[:, segment.number].argmax())
            pixels = int(counted[index, segment.number])
            if pixels > best.get(segment.number, (0,))[0]:
                best[segment.number] = pixels, Plane(result, index)
    return [
        (segment, best[segment.number][1], best[segment.number][0])
        for segment in segments
        if segment.number in best
    ]


def frames_by_image(planes: Sequence[Plane]) -> Mapping[str, list[int]]:
    """The numbers of the frames that `planes` lie on, by SOP Instance UID; none of one frame."""
    frames: dict[str, list[int]] = {}
    for plane in planes:
        numbers = frames.setdefault(str(plane.image.SOPInstanceUID), [])
        if plane.frame is not None and plane.frame not in numbers:
            numbers.append(plane.frame)
    return {uid: sorted(numbers) for uid, numbers in frames.items()}
