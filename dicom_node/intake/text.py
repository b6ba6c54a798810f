"""Attribute values as plain text, as they stand in the data set: nothing is converted or rounded.

Rules compare text, so ``0.80`` stays ``0.80``; and a value that breaks its representation (letters
in a decimal string) is still text, where converting it would fail.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from pydicom.charset import convert_encodings, decode_bytes
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.values import convert_PN

if TYPE_CHECKING:
    from pydicom import Dataset

IN_CHARACTER_SET = frozenset({"LO", "LT", "SH", "ST", "UC", "UT"})  # PS3.5 6.1.2.3; PN apart
ONE_VALUE = frozenset({"LT", "ST", "UR", "UT"})  # a backslash is a character in these
NUMBER = {"US": "H", "SS": "h", "UL": "L", "SL": "l", "FL": "f", "FD": "d", "UV": "Q", "SV": "q"}
GB2312_ESCAPE = "\x1b$)A"  # pydicom leaves this one in (PS3.3 table C.12-4, ISO 2022 IR 58)
LINE_ENDS = {0x0D, 0x0A, 0x09, 0x0C}  # where ISO 2022 returns to its first character set


def values_of(dataset: Dataset, keyword: str) -> list[str]:
    """The attribute's values as text; an empty list where it is absent or empty."""
    tag = tag_for_keyword(keyword)
    if tag is None or tag not in dataset:
        return []
    element = dataset.get_item(tag, keep_deferred=True)
    if not isinstance(element, RawDataElement) or not isinstance(element.value, bytes):
        return []
    vr = element.VR if element.VR not in (None, "UN") else dictionary_VR(tag)
    vr = vr.split(" or ")[0]
    if vr in NUMBER:
        return _numbers(element.value, NUMBER[vr], little=element.is_little_endian)
    text = _decode(dataset, element.value, vr).replace(GB2312_ESCAPE, "")
    values = [_clean(part) for part in ([text] if vr in ONE_VALUE else text.split("\\"))]
    return values if any(values) else []


def text_of(dataset: Dataset, keyword: str, longest: int | None = None) -> str:
    """The attribute's first value, cut to `longest` characters; empty where there is none."""
    return next(iter(values_of(dataset, keyword)), "")[:longest]


def _decode(dataset: Dataset, value: bytes, vr: str) -> str:
    if vr == "PN":
        names = convert_PN(value, _encodings(dataset))
        return "\\".join(map(str, names)) if isinstance(names, list) else str(names)
    if vr in IN_CHARACTER_SET:
        return str(decode_bytes(value, _encodings(dataset), LINE_ENDS))
    return value.decode("ascii", errors="replace")


def _encodings(dataset: Dataset) -> list[str]:
    return list(convert_encodings(values_of(dataset, "SpecificCharacterSet") or [""]))


def _numbers(value: bytes, code: str, *, little: bool) -> list[str]:
    size = struct.calcsize(code)
    count = len(value) // size
    return [
        str(number)
        for number in struct.unpack_from(f"{'<' if little else '>'}{count}{code}", value)
    ]


def _clean(text: str) -> str:
    """Without padding, and without control characters, which databases and logs do not take."""
    return "".join(c for c in text if c.isprintable() or c == " ").strip()
