"""How the header of a data element is laid out, and what a walker does not decide by itself.

PS3.5 7.1.2: with explicit VR an element begins with group, element, VR and a length of two bytes,
or of four bytes after two reserved ones for the VRs in `LONG`; 7.1.3: with implicit VR it begins
with group, element and a length of four bytes. PS3.5 7.5: items and delimiters are
implicit in both.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from pydicom.charset import convert_encodings
from pydicom.valuerep import EXPLICIT_VR_LENGTH_16, EXPLICIT_VR_LENGTH_32
from pydicom.values import convert_string

from dicom_node.intake.window import Window

if TYPE_CHECKING:
    from collections.abc import Callable

    Buffer = memoryview | Window

SHORT = frozenset(vr.encode() for vr in EXPLICIT_VR_LENGTH_16)
LONG = frozenset(vr.encode() for vr in EXPLICIT_VR_LENGTH_32)
SEQUENCES = frozenset({b"SQ", b"UN"})
"""Of undefined length; for UN see PS3.5 6.2.2, note 2."""
UNDEFINED = 0xFFFFFFFF
ITEM = 0xFFFEE000
ITEM_END = 0xFFFEE00D
SEQUENCE_END = 0xFFFEE0DD
DELIMITER_GROUP = 0xFFFE
CHARACTER_SET = 0x00080005
LONGEST_CHARACTER_SET = 1024


class Doubt(Exception):
    """The bytes are not what the standard lets expect here: pydicom is to say what they are."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Reads element headers of one byte order, each at a position of a buffer."""

    explicit: Callable[[Buffer, int], tuple[int, int, bytes, int]]
    """Group, element, VR, and a length of two bytes."""
    implicit: Callable[[Buffer, int], tuple[int, int, int]]
    """Group, element, and a length of four bytes."""
    length: Callable[[Buffer, int], tuple[int]]
    """The four bytes that follow those of `explicit` for the VRs in `LONG`."""


def reading(buffer: Buffer, *, little: bool) -> Reading:
    """What reads element headers in this buffer; straight from memory where it can."""
    if isinstance(buffer, Window):
        return Reading(*(partial(_unpack, layout) for layout in _LAYOUTS[little]))
    return _IN_MEMORY[little]


def _unpack(layout: struct.Struct, window: Window, at: int) -> tuple[Any, ...]:
    return layout.unpack_from(*window.cover(at, layout.size))


_LAYOUTS = {
    little: [struct.Struct("><"[little] + fields) for fields in ("HH2sH", "HHL", "L")]
    for little in (True, False)
}


def _from_memory(layouts: list[struct.Struct]) -> Reading:
    unpackers: list[Callable[..., Any]] = [layout.unpack_from for layout in layouts]
    return Reading(*unpackers)


_IN_MEMORY = {little: _from_memory(layouts) for little, layouts in _LAYOUTS.items()}


def check_character_set(vr: bytes | None, value: bytes) -> None:
    """Raise `Doubt` where pydicom, which reads this value early, may not take it."""
    if vr not in (None, b"CS") or not _is_character_set(value):
        raise Doubt("Specific Character Set")


@lru_cache(maxsize=64)
def _is_character_set(value: bytes) -> bool:
    if len(value) > LONGEST_CHARACTER_SET:
        return False
    try:
        convert_encodings(convert_string(value, True))
    except (LookupError, ValueError, TypeError):
        return False
    return True
