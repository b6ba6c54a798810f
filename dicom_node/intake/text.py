"""Attribute values as plain text, as they stand in the data set: nothing is converted or rounded.

Rules compare text, so ``0.80`` stays ``0.80``; and a value that breaks its representation (letters
in a decimal string) is still text, where converting it would fail.
"""

from __future__ import annotations

import codecs
import struct
from typing import TYPE_CHECKING

from pydicom.charset import convert_encodings, decode_bytes, default_encoding, python_encoding
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.values import convert_PN

if TYPE_CHECKING:
    from dicom_node.intake.elements import Elements

IN_CHARACTER_SET = frozenset({"LO", "LT", "SH", "ST", "UC", "UT"})  # PS3.5 6.1.2.3; PN apart
ONE_VALUE = frozenset({"LT", "ST", "UR", "UT"})  # a backslash is a character in these
NUMBER = {"US": "H", "SS": "h", "UL": "L", "SL": "l", "FL": "f", "FD": "d", "UV": "Q", "SV": "q"}
GB2312_ESCAPE = "\x1b$)A"  # pydicom leaves this one in (PS3.3 table C.12-4, ISO 2022 IR 58)
CHARACTER_SET = 0x00080005
DEFAULT_CODEC = default_encoding
KNOWN_CODECS = frozenset(codecs.lookup(name).name for name in python_encoding.values())
LINE_ENDS = {0x0D, 0x0A, 0x09, 0x0C}  # where ISO 2022 returns to its first character set


def values_of(elements: Elements, keyword: str) -> list[str]:
    """The attribute's values as text; an empty list where it is absent or empty."""
    tag = tag_for_keyword(keyword)
    if tag is None or tag not in elements.raw:
        return []
    encoded_vr, value = elements.raw[tag]
    vr = encoded_vr.decode("latin-1") if encoded_vr not in (None, b"UN") else dictionary_VR(tag)
    vr = vr.split(" or ")[0]
    if vr in NUMBER:
        return _numbers(value, NUMBER[vr], little=elements.is_little_endian)
    text = _decode(elements, value, vr).replace(GB2312_ESCAPE, "")
    values = [_clean(part) for part in ([text] if vr in ONE_VALUE else text.split("\\"))]
    return values if any(values) else []


def text_of(elements: Elements, keyword: str, longest: int | None = None) -> str:
    """The attribute's first value, cut to `longest` characters; empty where there is none."""
    return next(iter(values_of(elements, keyword)), "")[:longest]


def _decode(elements: Elements, value: bytes, vr: str) -> str:
    if vr == "PN":
        names = convert_PN(value, _encodings(elements))
        return "\\".join(map(str, names)) if isinstance(names, list) else str(names)
    if vr in IN_CHARACTER_SET:
        return str(decode_bytes(value, _encodings(elements), LINE_ENDS))
    return value.decode("ascii", errors="replace")


def _encodings(elements: Elements) -> list[str]:
    """Python's codecs for the data set's character sets.

    pydicom takes any codec of Python's by its name, ``hex`` and ``punycode`` among them; here one
    that no character set of DICOM has stands for the default.
    """
    _, value = elements.raw.get(CHARACTER_SET, (None, b""))  # a CS, whatever VR it is given
    terms = [_clean(term) for term in value.decode("ascii", errors="replace").split("\\")]
    named = convert_encodings(terms)
    return [name if codecs.lookup(name).name in KNOWN_CODECS else DEFAULT_CODEC for name in named]


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
