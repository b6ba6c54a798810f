"""Steps over values of undefined length: sequences with all that is in them, and pixel fragments.

Nothing is kept and nothing recurses: a data set that nests deeper than any real one is left to
pydicom, which has a bound of its own.
"""

from __future__ import annotations

from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING

from pydicom.datadict import dictionary_VR

from dicom_node.intake.layout import (
    DELIMITER_GROUP,
    ITEM,
    ITEM_END,
    LONG,
    SEQUENCE_END,
    SEQUENCES,
    SHORT,
    UNDEFINED,
    Doubt,
    check_character_set,
)

if TYPE_CHECKING:
    from dicom_node.intake.layout import Buffer, Reading

DEEPEST = 48


def past_undefined(buffer: Buffer, at: int, read: Reading, tag: int, vr: bytes | None) -> int:
    """Where the value of undefined length that begins at `at` ends; `vr` is None if implicit."""
    if _is_sequence(buffer, at, read, tag, vr):
        return _past_sequence(buffer, at, read, is_implicit=vr is None)
    return _past_fragments(buffer, at, read)


def _is_sequence(buffer: Buffer, at: int, read: Reading, tag: int, vr: bytes | None) -> bool:
    if vr is not None:
        return vr in SEQUENCES
    known = _known_vr(tag)
    if known is not None:
        return known == "SQ"
    group, element, _ = read.implicit(buffer, at)
    return (group << 16 | element) == ITEM


@lru_cache(maxsize=1024)
def _known_vr(tag: int) -> str | None:
    try:
        return str(dictionary_VR(tag))
    except KeyError:
        return None


def _past_fragments(buffer: Buffer, at: int, read: Reading) -> int:
    """Encapsulated pixel data: items of known length, then a delimiter (PS3.5 A.4)."""
    size = len(buffer)
    while at <= size:
        group, element, length = read.implicit(buffer, at)
        tag = group << 16 | element
        at += 8
        if tag == ITEM:
            at += length
        elif tag == SEQUENCE_END and not length:
            return at
        else:
            break
    raise Doubt("fragments")


class _Step(Enum):
    INTO = "at the first item of a sequence in the item"
    OUT = "past the item"


def _past_sequence(buffer: Buffer, at: int, read: Reading, *, is_implicit: bool) -> int:
    """Items of known or of undefined length, then a delimiter (PS3.5 7.5).

    What is open lies on two stacks: for each sequence whether it is implicit; for each item where
    it ends, or None, and whether it is implicit.
    """
    sequences = [is_implicit]
    items: list[tuple[int | None, bool]] = []
    while sequences:
        if len(sequences) > len(items):
            at, item = _past_item_header(buffer, at, read, is_implicit=sequences[-1])
            if item:
                items.append(item)
            else:
                sequences.pop()
            continue
        end, implicit = items[-1]
        at, step = (_implicit if implicit else _explicit)(buffer, at, read, end)
        if step is _Step.OUT:
            items.pop()
        else:
            sequences.append(implicit)
            if len(sequences) > DEEPEST:
                raise Doubt("nested too deep")
    return at


def _past_item_header(
    buffer: Buffer, at: int, read: Reading, *, is_implicit: bool
) -> tuple[int, tuple[int | None, bool] | None]:
    """The item that begins here, or None where the sequence ends."""
    group, element, length = read.implicit(buffer, at)
    tag = group << 16 | element
    at += 8
    if tag == ITEM:
        end = None if length == UNDEFINED else at + length
        return at, (end, is_implicit or _looks_implicit(buffer, at))
    if tag == SEQUENCE_END and not length:
        return at, None
    raise Doubt("neither an item nor a delimiter")


def _explicit(buffer: Buffer, at: int, read: Reading, end: int | None) -> tuple[int, _Step]:
    """On in an item, to its end or into the next sequence in it."""
    header = read.explicit
    stop = len(buffer) if end is None else end
    while at < stop:
        group, element, vr, length = header(buffer, at)
        at += 8
        if group >= DELIMITER_GROUP:
            return _at_delimiter(at, group << 16 | element, end, any(vr) or length > 0)
        if vr in LONG:
            (length,) = read.length(buffer, at)
            at += 4
            if length == UNDEFINED:
                if vr in SEQUENCES:
                    return at, _Step.INTO
                at = _past_fragments(buffer, at, read)
                continue
        elif vr not in SHORT:
            raise Doubt("an unknown VR")
        if element == 5 and group == 8 and length:
            check_character_set(vr, bytes(buffer[at : at + length]))
        at += length
    return _at_end(at, end)


def _implicit(buffer: Buffer, at: int, read: Reading, end: int | None) -> tuple[int, _Step]:
    """As `_explicit`."""
    header = read.implicit
    stop = len(buffer) if end is None else end
    while at < stop:
        group, element, length = header(buffer, at)
        at += 8
        if group >= DELIMITER_GROUP:
            return _at_delimiter(at, group << 16 | element, end, length > 0)
        if length == UNDEFINED:
            if _is_sequence(buffer, at, read, group << 16 | element, None):
                return at, _Step.INTO
            at = _past_fragments(buffer, at, read)
            continue
        if element == 5 and group == 8 and length:
            check_character_set(None, bytes(buffer[at : at + length]))
        at += length
    return _at_end(at, end)


def _at_delimiter(at: int, tag: int, end: int | None, has_length: bool) -> tuple[int, _Step]:
    if tag != ITEM_END or end is not None or has_length:
        raise Doubt("a delimiter out of place")
    return at, _Step.OUT


def _at_end(at: int, end: int | None) -> tuple[int, _Step]:
    if at != end:
        raise Doubt("an item is not as long as its elements")
    return at, _Step.OUT


def _looks_implicit(buffer: Buffer, at: int) -> bool:
    """Whether an item of an explicit data set is implicit, as one of UN may be (PS3.5 6.2.2)."""
    vr = bytes(buffer[at : at + 6])[4:]
    return len(vr) == 2 and not (0x40 < vr[0] < 0x5B and 0x40 < vr[1] < 0x5B)
