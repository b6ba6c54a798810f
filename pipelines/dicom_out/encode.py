"""Data sets to Explicit VR Little Endian, byte for byte as pydicom writes them.

Results hold thousands of elements that are bytes already, or short texts, and frames that share
their items. pydicom makes a buffer for each; here they are joined as they stand, an item that
occurs again is encoded once, and pixels are handed on uncopied. What is rarer is left to pydicom.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from pydicom.charset import default_encoding
from pydicom.dataelem import RawDataElement
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_data_element, write_dataset
from pydicom.valuerep import EXPLICIT_VR_LENGTH_32

from pipelines.verbatim import plain_value

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
    is_ready = (
        dataset.original_encoding == (False, True)
        and dataset.original_character_set == dataset._character_set
    )
    if not is_ready and any(map(_is_unsettled, dataset.values())):
        buffer = _buffer()
        write_dataset(buffer, dataset, inherited)
        return [buffer.getvalue()]
    encodings = inherited
    if "SpecificCharacterSet" in dataset:
        encodings, known = dataset.SpecificCharacterSet, {}
    pieces: list[bytes] = []
    for tag, element in sorted(dataset.items(), key=_by_tag):
        if not tag & 0xFFFF and tag >> 16 > 6:  # Group Length is retired (PS3.5 section 7.2)
            continue
        value = _of_value(element, encodings, known)
        length = sum(map(len, value)) if value else 0
        vr = str(element.VR)
        if value is None or (length > _LONGEST_SHORT and vr not in _LONG):
            pieces.append(_by_pydicom(dataset.get_item(tag), encodings))
            continue
        head = _LONG_HEAD if vr in _LONG else _SHORT_HEAD
        pieces.append(head.pack(tag >> 16, tag & 0xFFFF, vr.encode("ascii"), length))
        pieces += value
    return pieces


def _is_unsettled(element: DataElement | RawDataElement) -> bool:
    """Whether pydicom would decode an element, or choose its VR, before it writes it."""
    return isinstance(element, RawDataElement) or len(element.VR) != 2


def _by_tag(pair: tuple[int, object]) -> int:
    return int(pair[0])  # comparing tags as such takes many times as long


def _of_value(
    element: DataElement | RawDataElement, encodings: Encodings, known: dict[int, bytes]
) -> list[bytes] | None:
    """The pieces of a value of a frequent kind, of even length as a whole; None of others."""
    vr, value = element.VR, element.value
    if isinstance(element, RawDataElement):
        is_plain = value is not None and element.length != _UNDEFINED and len(vr or "") == 2
        return [value] if is_plain else None
    if element.is_undefined_length:
        return None
    if vr == "SQ":
        return [_of_item(item, encodings, known) for item in value]
    if vr in ("OB", "OW", "OF") and isinstance(value, bytes):
        return [value, b"\0"] if len(value) % 2 else [value]
    plain = plain_value(vr, value)
    return None if plain is None else [plain]


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


def _by_pydicom(element: DataElement | RawDataElement, encodings: Encodings) -> bytes:
    buffer = _buffer()
    write_data_element(buffer, element, encodings)
    return bytes(buffer.getvalue())


def _buffer() -> DicomBytesIO:
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, False
    return buffer
