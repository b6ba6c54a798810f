"""What an instance says, as one hash, however it was encoded."""

from __future__ import annotations

import hashlib
import struct
from typing import TYPE_CHECKING

import numpy as np
from pydicom.sequence import Sequence as DicomSequence

from pipelines.header import whole_number
from pipelines.stored_pixels import decode
from pipelines.verbatim import elements

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray
    from pydicom import Dataset

_PLANAR_CONFIGURATION, _PHOTOMETRIC = 0x00280006, 0x00280004
_BINARY = {
    "AT", "FD", "FL", "OB", "OD", "OF", "OL", "OV", "OW", "SL", "SS", "SV", "UL", "US", "UV",
}  # fmt: skip


def content_digest(image: Dataset, pixels: NDArray[np.generic] | None = None) -> str:
    """SHA-256 over the decoded data set, as 64 hex digits.

    The same for every lossless encoding of an instance: transfer syntax, byte order, lengths of
    sequences, group lengths and padding do not count, nor do Planar Configuration and the kind of
    YBR, which encoders choose. Private elements do not count either: implicit VR gives them no
    type, and no result depends on them. Any corrected public header value changes it.

    Parameters
    ----------
    pixels : ndarray, optional
        The pixels where they have been decoded already (`StoredPixels.values`).
    """
    digest = hashlib.sha256()
    _add(digest, image)
    if pixels is None and "PixelData" in image:
        pixels = decode(image).values
    if pixels is not None:
        _add_pixels(digest, pixels.shape, pixels)
    return digest.hexdigest()


def content_digest_of_frames(image: Dataset, frames: Iterable[NDArray[np.generic]]) -> str:
    """As `content_digest` of an image whose frames `(y, x)` are decoded one after the other."""
    digest = hashlib.sha256()
    _add(digest, image)
    shape = [whole_number(image, word) for word in ("NumberOfFrames", "Rows", "Columns")]
    _add_pixels(digest, tuple(shape), frames)
    return digest.hexdigest()


def _add_pixels(
    digest: hashlib._Hash, shape: tuple[int, ...], planes: Iterable[NDArray[np.generic]]
) -> None:
    digest.update(repr(shape).encode())
    for plane in planes:
        little = plane.astype(plane.dtype.newbyteorder("<"), copy=False)
        digest.update(np.ascontiguousarray(little).tobytes())


def _add(digest: hashlib._Hash, dataset: Dataset) -> None:
    for tag, vr, value in elements(dataset):
        if tag == _PLANAR_CONFIGURATION:
            continue
        if isinstance(value, DicomSequence):
            digest.update(struct.pack("<IiI", tag, -1, len(value)))
            for item in value:
                _add(digest, item)
            continue
        plain = value.rstrip(b" \0") if vr not in _BINARY else value
        if tag == _PHOTOMETRIC and plain.startswith(b"YBR"):
            plain = b"RGB"
        digest.update(struct.pack("<Iq", tag, len(plain)))
        digest.update(plain)
    digest.update(b"end")
