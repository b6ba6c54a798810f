"""Whether bytes are a value that their VR allows (PS3.5 section 6.2)."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import TYPE_CHECKING, NamedTuple

from pydicom.charset import decode_bytes
from pydicom.datadict import get_entry

if TYPE_CHECKING:
    from collections.abc import Sequence

_CHARACTERS = {"LO": 64, "SH": 16, "LT": 10240, "ST": 1024, "UC": None, "UT": None, "PN": 64}
_SINGLE = {"LT", "ST", "UT", "UR"}  # a backslash is a character of the text
_SIZES = {"US": 2, "SS": 2, "UL": 4, "SL": 4, "FL": 4, "FD": 8, "AT": 4, "UV": 8, "SV": 8}
_LONGEST = {"AE": 16, "CS": 16, "DS": 16, "IS": 12, "UI": 64, "DA": 8, "DT": 26, "TM": 16, "AS": 4}
_FORMS = {
    "CS": (rb"[A-Z0-9 _]*", "holds characters that a code string may not have"),
    "DS": (rb" *[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)? *", "is no decimal string"),
    "IS": (rb" *[+-]?\d+ *", "is no integer string"),
    "UI": (rb"(0|[1-9]\d*)(\.(0|[1-9]\d*))+", "is no valid UID"),
    "DA": (rb"\d{4}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])", "is no date"),
    "TM": (rb"([01]\d|2[0-3])([0-5]\d([0-5]\d|60)?)?(?<=\d)(\.\d{1,6})? *", "is no time"),
    "DT": (rb"\d{4}(\d\d){0,5}(\.\d{1,6})?([+-]\d{4})? *", "is no date and time"),
    "AS": (rb"\d{3}[DWMY]", "is no age"),
}
_PATTERNS = {vr: (re.compile(form), said) for vr, (form, said) in _FORMS.items()}
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]")  # TAB, LF, FF, CR, ESC stay
_LINES = re.compile(rb"[\t\n\f\r]")
_HIGHEST_INT, _LOWEST_INT = 2**31 - 1, -(2**31)
_DELIMITERS = {0x0A, 0x0C, 0x0D, 0x5C}


class Known(NamedTuple):
    """What the dictionary says of a tag (PS3.6); `multiple` is what more values count by."""

    vrs: frozenset[str]
    keyword: str
    fewest: int
    most: int | None
    multiple: int


@cache
def known(tag: int) -> Known | None:
    """The dictionary's entry of a public tag, or None."""
    try:
        vr, vm, _name, _retired, keyword = get_entry(tag)
    except KeyError:
        return None
    low, _, high = vm.partition("-")
    step = int(high[:-1] or 1) if high.endswith("n") else 1
    most = None if high.endswith("n") else int(high or low)
    return Known(frozenset(vr.split(" or ")), keyword or f"{tag:08X}", int(low), most, step)


@lru_cache(maxsize=4096)
def faults(vr: str, value: bytes, encodings: Sequence[str] = ("ascii",)) -> tuple[str, ...]:
    """What is wrong with the value of an element of this VR, in words that do not hold it."""
    if vr in _SIZES:
        return ("has a length that its VR does not allow",) * bool(len(value) % _SIZES[vr])
    found = []
    for each in values_of(vr, value):
        if each:
            found += _faults_of_one(vr, each, encodings)
    return tuple(dict.fromkeys(found))


def values_of(vr: str, value: bytes) -> list[bytes]:
    """The values of a text element without their padding."""
    padding = b"\0" if vr == "UI" else b" "
    text = value.rstrip(padding)
    if vr in _SINGLE or not text:
        return [text]
    return [each.strip(b" ") if vr != "UI" else each for each in _split(vr, text)]


def count(vr: str, value: bytes) -> int | None:
    """How many values there are; None where the VR has one, or the value is empty."""
    if vr in _SIZES:
        return len(value) // _SIZES[vr] or None
    if not value.strip(b" \0") or vr in _SINGLE or vr in ("OB", "OW", "OF", "OD", "OL", "UN", "SQ"):
        return None
    return len(_split(vr, value))


def _split(vr: str, text: bytes) -> list[bytes]:
    # The second byte of some multi-byte characters is a backslash; escapes announce these.
    if vr in _CHARACTERS and b"\x1b" in text:
        return [text]
    return text.split(b"\\")


def _faults_of_one(vr: str, value: bytes, encodings: Sequence[str]) -> list[str]:
    if vr in _CHARACTERS:
        return _text_faults(vr, value, encodings)
    found = []
    longest = _LONGEST.get(vr)
    if longest is not None and len(value) > longest:
        found.append(f"is longer than the {longest} characters of its VR")
    if vr in _PATTERNS and not _PATTERNS[vr][0].fullmatch(value):
        found.append(_PATTERNS[vr][1])
    elif vr == "IS" and not _LOWEST_INT <= int(value) <= _HIGHEST_INT:
        found.append("is beyond the range of an integer string")
    return found


def _text_faults(vr: str, value: bytes, encodings: Sequence[str]) -> list[str]:
    found = []
    if _CONTROL.search(value) or (vr in ("LO", "SH", "PN") and _LINES.search(value)):
        found.append("holds control characters")
    text = _decoded(value, encodings)
    if text is None:
        return [*found, "holds characters outside of Specific Character Set"]
    longest = _CHARACTERS[vr]
    parts = text.split("=") if vr == "PN" else [text]
    if longest is not None and max(map(len, parts)) > longest:
        found.append(f"is longer than the {longest} characters of its VR")
    return found


def _decoded(value: bytes, encodings: Sequence[str]) -> str | None:
    """The text, or None where it is not of the encodings; ISO 2022 is taken as pydicom reads it."""
    if value.isascii() and b"\x1b" not in value:
        return value.decode("ascii")
    try:
        if len(encodings) == 1 and b"\x1b" not in value:
            return value.decode(encodings[0])
        return str(decode_bytes(value, list(encodings), _DELIMITERS))
    except (LookupError, UnicodeError, ValueError):
        return None
