"""A data set that has come whole: held in memory, or in a file of the store that has no key yet."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Protocol

from dicom_node.intake.header import Header, scan, scan_buffer

if TYPE_CHECKING:
    from typing import BinaryIO

    from storage.files.store import ObjectStore, Part


class Sent(Protocol):
    """What is to be kept."""

    file_size: int
    """Of the whole file: its meta and the data set."""

    def header(self, transfer_syntax_uid: str) -> Header:
        """The header of the data set; raises `NotTaken` where it is none."""

    def part(self) -> Part:
        """The whole file, written but without a key."""

    def open(self) -> BinaryIO:
        """The data set as a stream, to be compared."""


class Held:
    """A data set in memory; its file is written when it is asked for.

    Parameters
    ----------
    buffer : memoryview, optional
        That the data set lies in, right behind its meta: its file begins where this does.
    """

    def __init__(
        self,
        meta: bytes,
        encoded: memoryview,
        store: ObjectStore,
        buffer: memoryview | None = None,
    ) -> None:
        self._encoded = encoded
        self._store = store
        self._part: Part | None = None
        self.file_size = len(meta) + len(encoded)
        self._parts: list[bytes | memoryview] = (
            [meta, encoded] if buffer is None else [buffer[: self.file_size]]
        )

    def header(self, transfer_syntax_uid: str) -> Header:
        """The header, walked where it lies."""
        return scan_buffer(self._encoded, transfer_syntax_uid)

    def part(self) -> Part:
        """Its file, written once."""
        if self._part is None:
            self._part = self._store.open_part()
            self._part.write(self._parts)
        return self._part

    def open(self) -> BinaryIO:
        """A copy of it."""
        return io.BytesIO(self._encoded)

    def let_go(self) -> None:
        """Leave nothing of it on disk, unless it was given a key."""
        if self._part is not None:
            self._part.close()


class Spilled:
    """A large data set, written piece by piece behind its meta as it comes.

    It is read back in pieces as well. It is not mapped: a bad sector under a mapping ends the
    process, where a read gives an error.
    """

    def __init__(self, meta: bytes, store: ObjectStore) -> None:
        self._begins = self.file_size = len(meta)
        self._part = store.open_part()
        self._part.write([meta])

    def write(self, piece: memoryview) -> None:
        """Add a piece, and have the disk begin on it."""
        self._part.write([piece])
        self._part.start_writing()
        self.file_size += len(piece)

    def header(self, transfer_syntax_uid: str) -> Header:
        """The header, read from the file."""
        with self.open() as file:
            return scan(file, self.file_size - self._begins, transfer_syntax_uid)

    def part(self) -> Part:
        """Its file."""
        return self._part

    def open(self) -> BinaryIO:
        """Its file at the data set's first byte."""
        file = self._part.open()
        file.seek(self._begins)
        return file

    def let_go(self) -> None:
        """Leave nothing of it on disk, unless it was given a key."""
        self._part.close()
