"""Pixel data as stored, whatever its transfer syntax."""

from __future__ import annotations

import struct
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from pydicom.pixels import apply_color_lut, pixel_array

from pipelines.errors import PipelineRefused
from pipelines.header import whole_number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from pydicom import Dataset

GREY = {"MONOCHROME1", "MONOCHROME2"}
COLOUR = {
    "RGB", "PALETTE COLOR", "YBR_FULL", "YBR_FULL_422", "YBR_PARTIAL_420", "YBR_ICT", "YBR_RCT",
}  # fmt: skip
# What pydicom and its plug-ins raise on pixel data that they cannot decode.
_UNDECODABLE = (
    ArithmeticError, AttributeError, EOFError, LookupError, NotImplementedError, OSError,
    RuntimeError, TypeError, ValueError, struct.error,
)  # fmt: skip


class StoredPixels(NamedTuple):
    """The pixels of one object.

    Attributes
    ----------
    words : ndarray of int, shape (frame, y, x)
        Every allocated bit as it was stored; for colour the same as `values`.
    values : ndarray, shape (frame, y, x) or (frame, y, x, 3)
        Stored values: the bits of Bits Stored alone, with their sign (PS3.5 section 8.1.1); or
        RGB as uint8.
    """

    words: NDArray[Any]
    values: NDArray[Any]


def decode(image: Dataset) -> StoredPixels:
    """The pixels of `image`, decompressed.

    Raises
    ------
    PipelineRefused
        ``no-pixel-data``, ``unsupported-pixels`` or ``undecodable``.
    """
    photometric = str(image.get("PhotometricInterpretation", ""))
    if photometric in GREY:
        words = stored_words(image)
        return StoredPixels(words, stored_values(words, image))
    _check_layout(image, photometric)
    with _decoding(image):
        rgb = _rgb(image, photometric)
    return StoredPixels(rgb, rgb)


def stored_words(image: Dataset) -> NDArray[Any]:
    """The words of a grey image, shape (frame, y, x); native ones are a view of its Pixel Data.

    Raises
    ------
    PipelineRefused
        As `decode`.
    """
    _check_layout(image, str(image.get("PhotometricInterpretation", "")))
    with _decoding(image):
        words = pixel_array(
            image, raw=True, correct_unused_bits=False, allow_excess_frames=False, view_only=True
        )
        frames: NDArray[Any] = words.reshape(-1, image.Rows, image.Columns)
    return frames


def stored_values(words: NDArray[Any], image: Dataset) -> NDArray[Any]:
    """`words` without the bits beyond Bits Stored; `words` themselves where there are none."""
    shift = int(image.BitsAllocated) - int(image.BitsStored)
    return (words << shift) >> shift if shift else words


@contextmanager
def _decoding(image: Dataset) -> Iterator[None]:
    try:
        yield
    except _UNDECODABLE as error:
        syntax = image.file_meta.TransferSyntaxUID.name
        raise PipelineRefused(
            "undecodable", f"Pixel data in {syntax} cannot be decoded: damaged, or no decoder."
        ) from error


def bits_range(image: Dataset) -> tuple[int, int]:
    """Smallest and largest value that fits Bits Stored and Pixel Representation."""
    bits = int(image.BitsStored)
    if int(image.PixelRepresentation) == 1:
        return -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    return 0, (1 << bits) - 1


def _check_layout(image: Dataset, photometric: str) -> None:
    """Refuse what no image class that we process stores."""
    sized = whole_number(image, "Rows") > 0 and whole_number(image, "Columns") > 0
    if "PixelData" not in image or not sized:
        raise PipelineRefused("no-pixel-data", "An instance holds no pixel data.")
    allocated, stored = whole_number(image, "BitsAllocated"), whole_number(image, "BitsStored")
    high = whole_number(image, "HighBit", stored - 1)
    wanted = (8, 16) if photometric in GREY else (8,)
    if (
        photometric not in GREY | COLOUR
        or allocated not in wanted
        or not 1 <= stored <= allocated
        or high != stored - 1
        or whole_number(image, "PixelRepresentation", -1) not in (0, 1)
    ):
        kind = (
            photometric if photometric in GREY | COLOUR else "no known photometric interpretation"
        )
        raise PipelineRefused(
            "unsupported-pixels",
            f"Pixels are stored as {kind} with "
            f"{stored} of {allocated} bits and high bit {high}; grey of 8 or 16 bits or colour "
            "of 8 bits is wanted.",
        )


def _rgb(image: Dataset, photometric: str) -> NDArray[np.uint8]:
    """RGB of any colour object; palettes of 16 bits keep their upper 8."""
    shape = (-1, image.Rows, image.Columns, 3)
    if photometric != "PALETTE COLOR":
        return np.asarray(pixel_array(image, allow_excess_frames=False)).reshape(shape)
    coloured = apply_color_lut(pixel_array(image, raw=True, allow_excess_frames=False), image)
    if coloured.dtype == np.uint16:
        coloured = (coloured >> 8).astype(np.uint8)
    return np.asarray(coloured, np.uint8).reshape(shape)
