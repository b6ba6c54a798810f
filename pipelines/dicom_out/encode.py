"""Data sets to Explicit VR Little Endian, byte for byte as pydicom writes them.

Results hold thousands of elements that are bytes already, or short texts, and frames that share
their items. pydicom makes a buffer for each; here they are joined as they stand, an item that
occurs again is encoded once, and pixels are handed on uncopied. What is rarer is left to pydicom.
"""

from __future__ import annotations

import struct
from contextlib import suppress
from typing import TYPE_CHECKING

from pydicom.charset import default_encoding
from pydicom.dataelem import RawDataElement
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_data_element, write_dataset
from pydicom.multival import MultiValue
from pydicom.valuerep import EXPLICIT_VR_LENGTH_32

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pydicom import Dataset
    from pydicom.dataelem import DataElement

    Encodings = str | Sequence[str]

BULK = 1 << 16  # bytes from which on a value is not joined to its neighbours
_UNDEFINED = 0xFFFFFFFF
_LONGEST_SHORT = 0xFFFF  # more needs another VR (PS3.5 section 6.2.2 note 2): pydicom knows
_SHORT_HEAD, _LONG_HEAD = struct.Struct("<HH2sH"), struct.Struct("<HH2sxxL")
_ITEM_HEAD = struct.Struct("<4sL")
_ITEM, _ITEM_END = b"\xfe\xff\x00\xe0", b"\xfe\xff\x0d\xe0\0\0\0\0"
_LONG = {str(vr.value) for vr in EXPLICIT_VR_LENGTH_32}
_PADDING = {"UI": "\0", **dict.fromkeys(("AE", "CS", "LO", "SH"), " ")}
_WHOLE = {"US": "H", "UL": "L"}


def encoded(dataset: Dataset) -> Iterator[bytes]:
    """The bytes of a data set in pieces: long values by themselves, the others joined.

    What cannot be written raises what pydicom raises.
    """
    joined: list[bytes] = []
    for piece in _of_set(dataset, default_encoding, {}):
        if len(piece) < BULK:
            joined.append(piece)
            continue
        yield b"".join(joined)
        yield piece
        joined.clear()
    yield b"".join(joined)


def _of_set(dataset: Dataset, inherited: Encodings, known: dict[int, bytes]) -> list[bytes]:
    """The pieces of a data set or item.

    `inherited` is the character set of its parent, `known` the items that are encoded in it.
    """
    if (
        dataset.original_encoding != (False, True)
        or dataset.original_character_set != dataset._character_set
    ):
        buffer = _buffer()
        write_dataset(buffer, dataset, inherited)
        return [buffer.getvalue()]
    encodings = inherited
    if "SpecificCharacterSet" in dataset:
        encodings, known = dataset.SpecificCharacterSet, {}
    pieces: list[bytes] = []
    for tag in sorted(dataset.keys()):
        if tag & 0xFFFF or tag >> 16 <= 6:  # Group Length is retired (PS3.5 section 7.2)
            pieces += _of_element(dataset.get_item(tag), encodings, known)
    return pieces


def _of_element(
    element: DataElement | RawDataElement, encodings: Encodings, known: dict[int, bytes]
) -> list[bytes]:
    vr = str(element.VR)
    if isinstance(element, RawDataElement):
        value = None if element.length == _UNDEFINED else element.value
        pieces = None if value is None else [value]
    elif element.is_undefined_length:
        pieces = None
    elif vr == "SQ":
        pieces = [_of_item(item, encodings, known) for item in element.value]
    else:
        pieces = _of_value(vr, element.value)
    if pieces is None or len(vr) != 2:
        return [_by_pydicom(element, encodings)]
    length = sum(map(len, pieces))
    if vr in _LONG:
        return [
            _LONG_HEAD.pack(element.tag >> 16, element.tag & 0xFFFF, vr.encode(), length),
            *pieces,
        ]
    if length > _LONGEST_SHORT:
        return [_by_pydicom(element, encodings)]
    return [_SHORT_HEAD.pack(element.tag >> 16, element.tag & 0xFFFF, vr.encode(), length), *pieces]


def _of_item(item: Dataset, encodings: Encodings, known: dict[int, bytes]) -> bytes:
    found = known.get(id(item))  # the data set that is written keeps it alive
    if found is None:
        value = b"".join(_of_set(item, encodings, known))
        if item.is_undefined_length_sequence_item:
            found = _ITEM_HEAD.pack(_ITEM, _UNDEFINED) + value + _ITEM_END
        else:
            found = _ITEM_HEAD.pack(_ITEM, len(value)) + value
        known[id(item)] = found
    return found


def _of_value(vr: str, value: object) -> list[bytes] | None:
    """A value of a frequent kind, of even length; None of any other."""
    if vr in _PADDING and isinstance(value, str) and value.isascii():
        text = value if len(value) % 2 == 0 else value + _PADDING[vr]
        return [text.encode("ascii")]
    if vr in _WHOLE and isinstance(value, int | MultiValue):
        numbers = [value] if isinstance(value, int) else value
        with suppress(struct.error):  # pydicom tells what is wrong
            return [struct.pack(f"<{len(numbers)}{_WHOLE[vr]}", *numbers)]
    if vr in ("OB", "OW") and isinstance(value, bytes):
        return [value, b"\0"] if len(value) % 2 else [value]
    return None


def _by_pydicom(element: DataElement | RawDataElement, encodings: Encodings) -> bytes:
    buffer = _buffer()
    write_data_element(buffer, element, encodings)
    return bytes(buffer.getvalue())


def _buffer() -> DicomBytesIO:
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, False
    return buffer
