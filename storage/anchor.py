"""Where checkpoints are kept outside the database, so that who can write that cannot change them.

A file that is only ever appended to is the anchor; verification reads it.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from storage.checkpoint import LONGEST, is_signed, parse
from storage.files.durable import sync_file, sync_folder, write_all

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from storage.checkpoint import Checkpoint
    from storage.signing import KeyRing

_TAIL = 64 * 1024


class AnchorFile:
    """A file of checkpoints, one a line, oldest first.

    It is opened for appending only, so it may be made append-only by its system
    (``chattr +a``), and may lie on another disk. A line that a crash cut off stays in it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, line: str) -> None:
        """Append the line and put it on disk; OSError where that fails."""
        is_new = not self.path.exists()
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            end = os.fstat(descriptor).st_size
            torn = end > 0 and os.pread(descriptor, 1, end - 1) != b"\n"
            write_all(descriptor, [b"\n" * torn + line.encode("utf-8", "surrogateescape") + b"\n"])
            sync_file(descriptor)
        finally:
            os.close(descriptor)
        if is_new:
            sync_folder(self.path.parent)

    def last(self, keys: KeyRing) -> tuple[Checkpoint, str] | None:
        """The last checkpoint that one of the keys has signed, and its line; None without one.

        OSError where there is a file that cannot be read.
        """
        try:
            with self.path.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(0, size - _TAIL))
                lines = _text(file.read()).split("\n")
        except FileNotFoundError:
            return None
        for line in reversed(lines):
            checkpoint = parse(line)
            if checkpoint and is_signed(checkpoint, keys):
                return checkpoint, line
        return None

    @contextmanager
    def lines(self) -> Iterator[Iterator[str]]:
        """Every line that is in the file when the block begins, in constant memory.

        A line that was cut off by a crash and stands whole after that, or that was written twice,
        comes once; OSError where the file cannot be read.
        """
        with self.path.open("rb") as file:
            end = file.seek(0, os.SEEK_END)
            file.seek(0)
            yield _whole_lines(file, end)


def _whole_lines(file: BinaryIO, end: int) -> Iterator[str]:
    held = ""
    while file.tell() < end:
        line = file.readline(LONGEST + 1)
        if not line.endswith(b"\n") and len(line) <= LONGEST:
            break  # being written, or cut off by a crash and not yet written again
        text = _text(line).rstrip("\n")
        if held and not text.startswith(held):
            yield held
        held = text
    if held:
        yield held


def _text(content: bytes) -> str:
    return content.decode("utf-8", "surrogateescape")
