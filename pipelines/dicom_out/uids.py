"""Result UIDs that follow from what went in, so that doing it twice gives the same objects."""

from __future__ import annotations

import hashlib
import json
import struct
import uuid
from typing import TYPE_CHECKING

import numpy as np
from pydicom.sequence import Sequence as DicomSequence

from pipelines.stored_pixels import decode
from pipelines.verbatim import elements

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray
    from pydicom import Dataset

    from pipelines.contract import Parameter
    from pipelines.models.card import ModelCard

# Any fixed UUID will do; changing it would change every result's identity.
PRODUCT_NAMESPACE = uuid.UUID("8a1d2f3c-6b0e-5f0a-9c55-4f2f0b7d6e11")

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
        little = pixels.astype(pixels.dtype.newbyteorder("<"), copy=False)
        digest.update(repr(little.shape).encode())
        digest.update(np.ascontiguousarray(little).tobytes())
    return digest.hexdigest()


def derive_uid(
    kind: str,
    digests: Iterable[str],
    card: ModelCard,
    parameters: Mapping[str, Parameter],
    namespace: str = "",
) -> str:
    """A UID under 2.25 that is the same for the same work and differs for any other.

    Parameters
    ----------
    kind : str
        What is named, such as ``series`` or ``instance 3``.
    digests : iterable of str
        Content digests of every source instance used, in any order.
    namespace : str
        A site's UUID; empty for the product's.
    """
    key = "|".join(
        [
            kind,
            *sorted(digests),
            card.name,
            card.version,
            card.weights.sha256 if card.weights else "",
            json.dumps(dict(parameters), sort_keys=True, separators=(",", ":")),
        ]
    )
    named = uuid.uuid5(uuid.UUID(namespace) if namespace else PRODUCT_NAMESPACE, key)
    return f"2.25.{named.int}"


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
