"""A data set's content, whatever its encoding, so that two encodings of it compare equal.

Transfer syntax, length encoding, padding, group lengths and trailing padding do not count. Values
are compared as little-endian bytes, so nothing is lost to conversion and private elements, whose
representation an implicit data set does not tell, compare as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydicom.datadict import dictionary_VR
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag

if TYPE_CHECKING:
    from pydicom import DataElement, Dataset
    from pydicom.tag import BaseTag

DATA_SET_TRAILING_PADDING = Tag(0xFFFC, 0xFFFC)
PIXEL_DATA = Tag("PixelData")
# How many bytes of each representation turn round between big and little endian (PS3.5 7.3).
_WORD_BYTES = {
    **dict.fromkeys(("AT", "OW", "SS", "US"), 2),
    **dict.fromkeys(("FL", "OF", "OL", "SL", "UL"), 4),
    **dict.fromkeys(("FD", "OD", "OV", "SV", "UV"), 8),
}
# Texts: padded to even length with a space or a zero (PS3.5 6.2).
_PADDED = {
    "AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR",
    "UT",
}  # fmt: skip


def content_of(dataset: Dataset) -> dict[BaseTag, object]:
    """Tag to value bytes, or to a list of such dicts for a sequence; without the pixel data."""
    # As read, and all at once: asking for one element makes pydicom convert others.
    elements = list(dataset.values())
    return {
        element.tag: _value(dataset, element)
        for element in elements
        if element.tag.element != 0 and element.tag not in (DATA_SET_TRAILING_PADDING, PIXEL_DATA)
    }


def _value(dataset: Dataset, element: RawDataElement | DataElement) -> object:
    if not isinstance(element, RawDataElement):
        return [content_of(item) for item in element.value]  # a sequence of undefined length
    vr = _representation(element)
    if vr == "SQ":
        return [content_of(item) for item in dataset[element.tag].value]
    value = element.value or b""
    if not element.is_little_endian and vr in _WORD_BYTES:
        value = swap(value, _WORD_BYTES[vr])
    return value.rstrip(b"\0 ") if vr in _PADDED else value


def _representation(element: RawDataElement) -> str:
    if element.VR not in (None, "UN"):
        return str(element.VR)
    try:
        return str(dictionary_VR(element.tag)).split(" or ")[0]
    except KeyError:
        return "UN"


def swap(value: bytes, word_bytes: int) -> bytes:
    """The value with the bytes of each word turned round."""
    words = [value[at : at + word_bytes][::-1] for at in range(0, len(value), word_bytes)]
    return b"".join(words)
