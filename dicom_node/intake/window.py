"""Bytes of which only the piece that is looked at is in memory: of a file, or of a deflate stream.

A file is read, not mapped: a bad sector under a mapping would kill the process, where a read fails
with an error that names it.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, BinaryIO

from dicom_node.intake.errors import Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator

PIECE_BYTES = 65_536
MOST_INFLATED_BYTES = 2 << 30


class Window:
    """A sequence of bytes with a length and slices, of which one piece is held.

    Parameters
    ----------
    size : int
        How many bytes there are.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._piece = b""
        self._at = 0

    def __len__(self) -> int:
        return self._size

    def cover(self, at: int, count: int) -> tuple[bytes, int]:
        """Bytes that hold those from `at` on, and where in them `at` is; fewer at the end."""
        if at >= self._size:
            return b"", 0
        offset = at - self._at
        if offset < 0 or offset + count > len(self._piece):
            self._piece = self._fetch(at, max(count, PIECE_BYTES))
            self._at, offset = at, 0
        return self._piece, offset

    def __getitem__(self, wanted: slice) -> bytes:
        start, stop, _ = wanted.indices(self._size)
        if stop <= start:
            return b""
        piece, offset = self.cover(start, stop - start)
        return piece[offset : offset + stop - start]

    def _fetch(self, at: int, count: int) -> bytes:
        raise NotImplementedError


class FileWindow(Window):
    """The `size` bytes of a file from its position on."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        super().__init__(size)
        self._file = file
        self._start = file.tell()

    def _fetch(self, at: int, count: int) -> bytes:
        self._file.seek(self._start + at)
        return self._file.read(min(count, self._size - at))


class InflatedWindow(Window):
    """What a deflated data set inflates to (PS3.5 A.5), looked at from its start to its end.

    Raises
    ------
    Unreadable
        It is cut off, not deflated, or would grow beyond 2 GiB.
    """

    def __init__(self, deflated: memoryview | Window) -> None:
        # Once only to count: the size is known before the first element is believed, and no more
        # than a piece is in memory, however far the stream grows.
        super().__init__(sum(map(len, inflate_in_pieces(deflated, MOST_INFLATED_BYTES))))
        self._pieces = inflate_in_pieces(deflated, MOST_INFLATED_BYTES)
        self._held = b""
        self._held_at = 0

    def _fetch(self, at: int, count: int) -> bytes:
        if at < self._held_at:
            raise AssertionError("a deflate stream is read forwards")
        held = self._held[at - self._held_at :]
        end = self._held_at + len(self._held)
        while end < min(at + count, self._size):
            piece = next(self._pieces)
            held += piece[max(at - end, 0) :]
            end += len(piece)
        self._held, self._held_at = held, end - len(held)
        return held


def inflate_in_pieces(deflated: memoryview | Window, most_bytes: int) -> Iterator[bytes]:
    """Pieces of the inflated bytes, as one asks for them (RFC 1951).

    Raises
    ------
    Unreadable
        The stream is cut off, none, or grows beyond `most_bytes`.
    """
    engine = zlib.decompressobj(-zlib.MAX_WBITS)
    at = grown = 0
    waiting: bytes | memoryview = b""
    while not engine.eof:
        if not waiting:
            waiting = deflated[at : at + PIECE_BYTES]
            at += len(waiting)
        try:
            piece = engine.decompress(waiting, PIECE_BYTES)
        except zlib.error:
            raise Unreadable("the data set does not inflate") from None
        grown += len(piece)
        if grown > most_bytes or not (piece or waiting or engine.eof):
            raise Unreadable("the deflated data set is cut off or too large")
        waiting = engine.unconsumed_tail
        if piece:
            yield piece
