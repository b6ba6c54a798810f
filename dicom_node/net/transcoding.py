"""A file's data set in another transfer syntax, with the same pixels to the last bit.

Only what this installation can encode is offered to a peer, and only what decodes to the same
pixels is sent.
"""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

from pydicom import dcmread, dcmwrite
from pydicom.pixels import get_encoder
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom import Dataset

SYNTAXES: dict[str, str] = {
    "explicit": str(ExplicitVRLittleEndian),
    "implicit": str(ImplicitVRLittleEndian),
    "deflated": str(DeflatedExplicitVRLittleEndian),
    "rle": str(RLELossless),
    "jpeg-ls": str(JPEGLSLossless),
    "jpeg-2000": str(JPEG2000Lossless),
}
"""By the words of the settings: all lossless."""
UNCOMPRESSED = {SYNTAXES["explicit"], SYNTAXES["implicit"], SYNTAXES["deflated"]}
_HEADER = ["BitsAllocated", "Rows", "SamplesPerPixel"]
_BROKEN = (AttributeError, NotImplementedError, RuntimeError, TypeError, ValueError)


class NotConvertible(Exception):
    """The file's pixels cannot be decoded, or not be encoded so without loss."""


def can_become(path: Path, syntax: str) -> bool:
    """Whether the file may be offered in the transfer syntax of that UID.

    Pixels are compressed where they are grey and of 8 or 16 bits: single bits (BINARY
    segmentations), floats (parametric maps) and colour are left as they are, and what has no pixels
    has nothing to compress.
    """
    if syntax in UNCOMPRESSED:
        return True
    header = dcmread(path, stop_before_pixels=True, specific_tags=_HEADER)
    is_grey = header.get("SamplesPerPixel") == 1 and header.get("BitsAllocated") in (8, 16)
    return bool(header.get("Rows")) and is_grey and bool(get_encoder(UID(syntax)).is_available)


def converted(path: Path, syntax: str) -> Dataset:
    """The file's data set, ready to be sent in the transfer syntax of that UID.

    Raises
    ------
    NotConvertible
    """
    dataset = dcmread(path)
    own = dataset.file_meta.TransferSyntaxUID
    if not own.is_little_endian:
        raise NotConvertible
    if own.is_compressed:
        try:
            dataset.decompress(generate_instance_uid=False)
        except _BROKEN:
            raise NotConvertible from None
    if syntax not in UNCOMPRESSED:
        _compress(dataset, syntax)
    elif own.is_implicit_VR == UID(syntax).is_implicit_VR:
        dataset.file_meta.TransferSyntaxUID = UID(syntax)  # pynetdicom encodes by this
    else:
        dataset = _rewritten(dataset, UID(syntax))
    return dataset


def _rewritten(dataset: Dataset, syntax: UID) -> Dataset:
    """`dataset` as it would be read from a file in that syntax, which pynetdicom insists on."""
    dataset.file_meta.TransferSyntaxUID = syntax
    buffer = BytesIO()
    dcmwrite(buffer, dataset, implicit_vr=syntax.is_implicit_VR, little_endian=True)
    buffer.seek(0)
    return dcmread(buffer)


def _compress(dataset: Dataset, syntax: str) -> None:
    """Compress the pixels, and look whether they come out of it as they went in."""
    try:
        before = bytes(dataset.PixelData)  # an array would not have the bits above Bits Stored
        dataset.compress(UID(syntax), generate_instance_uid=False)
        after = dataset.pixel_array
        is_same = after.astype(after.dtype.newbyteorder("<")).tobytes() == before[: after.nbytes]
    except _BROKEN:
        raise NotConvertible from None
    if not is_same:
        raise NotConvertible
