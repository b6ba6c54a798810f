"""The two shapes in which pixels reach a pipeline. THE AXIS CONTRACT IS STATED HERE, ONCE.

`Volume.array` is indexed ``[z, y, x]``: slice, row, column. ``affine`` maps the homogeneous index
``(x, y, z, 1)`` - column, row, slice, NOT the array's order - to millimetres in the DICOM patient
system LPS (x to the patient's left, y to the back, z to the head; PS3.3 C.7.6.2.1.1). Slice ``k``
of the array is ``sources[k]``; slices ascend along the normal ``row x column`` of the image plane.

`Frames.array` is indexed ``[frame, y, x]`` (grey) or ``[frame, y, x, channel]`` (RGB) and has no
place in the patient. Single images (CR, DX, MG, US) are one frame.

Values are float32 in the source's output units: after Modality LUT / Rescale (HU for CT, BQML for
PET, arbitrary for MR), not windowed, MONOCHROME1 not inverted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from pydicom import Dataset


class StoredFrame(NamedTuple):
    """One frame of an Enhanced multi-frame object.

    Attributes
    ----------
    image : pydicom.Dataset
        The object as received, with all its frames.
    number : int
        The frame's number in it, counted from 1.
    words : ndarray of int, shape (y, x)
        The frame's stored words, every allocated bit of them (`pipelines.stored_pixels`).
    """

    image: Dataset
    number: int
    words: NDArray[Any]


@dataclass(frozen=True, slots=True)
class Volume:
    """A stack of parallel, equally spaced slices of one series.

    Attributes
    ----------
    array : ndarray of float32, shape (z, y, x)
    affine : ndarray of float64, shape (4, 4)
        Index ``(x, y, z, 1)`` to LPS millimetres.
    padding : ndarray of bool, shape (z, y, x), or None
        True where the stored value lies in the Pixel Padding range (PS3.3 C.7.5.1.1.2).
    sources : sequence of pydicom.Dataset, length z
        The data sets in the array's slice order, pixel data included as received. For a slice that
        is a frame of an Enhanced object: its header in the words of a single image, no pixels.
    digests : sequence of str
        Content digest of each of `instances` (`pipelines.digest.content_digest`).
    frames : sequence of StoredFrame, length z or 0
        Where each slice is stored; empty where the slices are single images.
    """

    array: NDArray[np.float32]
    affine: NDArray[np.float64]
    padding: NDArray[np.bool_] | None
    sources: Sequence[Dataset]
    digests: Sequence[str]
    frames: Sequence[StoredFrame] = ()

    @property
    def instances(self) -> Sequence[Dataset]:
        """The objects as received, each once, in the order of their first slices."""
        if not self.frames:
            return self.sources
        return list({id(frame.image): frame.image for frame in self.frames}.values())

    @property
    def name(self) -> str:
        """What UIDs are derived from: no other volume of a series has the same content and name."""
        first = self.frames[0].number if self.frames else 0  # as phases of one object differ
        return f"{self.digests[0]} frame {first}"

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Distance between voxel centres along ``(z, y, x)`` in millimetres."""
        x, y, z = (float(np.linalg.norm(self.affine[:3, axis])) for axis in range(3))
        return z, y, x

    @property
    def modality(self) -> str:
        """Modality (0008,0060) of the series."""
        return str(self.sources[0].Modality)


@dataclass(frozen=True, slots=True)
class Frames:
    """The frames of one image object: one for a radiograph, many for a cine loop.

    Attributes
    ----------
    array : ndarray of float32, shape (frame, y, x) or (frame, y, x, 3)
    padding : ndarray of bool, shape (frame, y, x), or None
    sources : sequence of one pydicom.Dataset
    digests : sequence of one str
    spacing_mm : (float, float) or None
        Row and column distance where the object states it in the patient's or imager's plane.
    """

    array: NDArray[np.float32]
    padding: NDArray[np.bool_] | None
    sources: Sequence[Dataset]
    digests: Sequence[str]
    spacing_mm: tuple[float, float] | None = None

    @property
    def instances(self) -> Sequence[Dataset]:
        """The object as received."""
        return self.sources

    @property
    def modality(self) -> str:
        """Modality (0008,0060) of the object."""
        return str(self.sources[0].Modality)
