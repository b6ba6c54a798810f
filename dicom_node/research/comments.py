"""Comments inside compressed pixels made empty: encoders and cameras write there what they like.

Only their content is overwritten, so no length and no offset changes: comments and application
segments of JPEG and JPEG-LS (ISO/IEC 10918-1 B.2.4), comments of JPEG 2000 (ISO/IEC 15444-1 A.9.2).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_ITEM, _DELIMITER = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"
_JPEG, _JPEG_2000 = b"\xff\xd8", b"\xff\x4f"
_COMMENT, _COMMENT_2000 = 0xFE, 0x64
# Applications' segments, but for those that decoders need: JFIF, colour transforms of HP and Adobe.
_APPLICATIONS = frozenset(range(0xE0, 0xF0)) - {0xE0, 0xE8, 0xEE}
_TILE, _DATA, _END = 0x90, 0x93, 0xD9

Span = tuple[int, int]


def without_comments(encapsulated: bytes) -> bytes:
    """Encapsulated pixels (PS3.5 A.4) of the same length with every comment overwritten by zeros.

    Raises
    ------
    ValueError
        They are not encapsulated as they should be, so that a comment might go unseen.
    """
    found = [span for fragment in _fragments(encapsulated) for span in _comments(*fragment)]
    if not found:
        return encapsulated
    content = bytearray(encapsulated)
    for start, end in found:
        content[start:end] = bytes(end - start)
    return bytes(content)


def _fragments(content: bytes) -> Iterator[tuple[bytes, int, int]]:
    """The content, and where in it each fragment after the offset table begins and ends."""
    at, is_table = 0, True
    while at + 8 <= len(content) and content[at : at + 4] != _DELIMITER:
        (length,) = struct.unpack_from("<L", content, at + 4)
        if content[at : at + 4] != _ITEM or at + 8 + length > len(content):
            raise ValueError("not encapsulated")
        if not is_table:
            yield content, at + 8, at + 8 + length
        at, is_table = at + 8 + length, False


def _comments(content: bytes, start: int, end: int) -> Iterator[Span]:
    kind = content[start : start + 2]
    if kind == _JPEG:
        yield from _jpeg(content, start + 2, end)
    elif kind == _JPEG_2000:
        yield from _jpeg_2000(content, start + 2, end)


def _jpeg(content: bytes, at: int, end: int) -> Iterator[Span]:
    while at + 4 <= end:
        at = content.find(b"\xff", at, end)
        if at < 0 or at + 4 > end:
            return
        marker = content[at + 1]
        # In what is coded, 0xFF comes before a smaller byte; restarts and ends have no length.
        if marker < 0x80 or 0xD0 <= marker <= _END or marker == 0xFF:
            at += 1
            continue
        (length,) = struct.unpack_from(">H", content, at + 2)
        if marker == _COMMENT or marker in _APPLICATIONS:
            yield at + 4, min(at + 2 + length, end)
        at += 2 + max(length, 2)


def _jpeg_2000(content: bytes, at: int, end: int) -> Iterator[Span]:
    """Comments of the main header and of each tile part's."""
    next_tile = 0
    while at + 4 <= end and content[at] == 0xFF:
        marker = content[at + 1]
        if marker == _DATA:
            at = next_tile or end
            continue
        if marker == _END:
            return
        (length,) = struct.unpack_from(">H", content, at + 2)
        if marker == _TILE and at + 10 <= end:
            (size,) = struct.unpack_from(">L", content, at + 6)
            next_tile = at + size if size else 0
        elif marker == _COMMENT_2000:
            yield at + 6, min(at + 2 + length, end)  # after its length and its kind
        at += 2 + max(length, 2)
