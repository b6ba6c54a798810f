"""Getting bytes and names onto the disk, so that they outlast a power cut."""

from __future__ import annotations

import ctypes
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

_START_WRITING = 2  # SYNC_FILE_RANGE_WRITE, sync_file_range(2)


def write_all(descriptor: int, parts: Sequence[bytes | memoryview]) -> None:
    """Write every byte; the system may take them in several bites."""
    written = os.writev(descriptor, parts)
    if written == sum(map(len, parts)):
        return
    for part in parts:
        rest = memoryview(part).cast("B")
        if written >= len(rest):
            written -= len(rest)
            continue
        rest, written = rest[written:], 0
        while rest:
            rest = rest[os.write(descriptor, rest) :]


def sync_file(descriptor: int) -> None:
    """Put a file's content and size on disk; ``fdatasync`` where the system has it."""
    getattr(os, "fdatasync", os.fsync)(descriptor)


def sync_folder(folder: Path | str) -> None:
    """Put a folder's names on disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _find_start_writing() -> Callable[[int], None]:
    """What asks the system to begin to write a file's dirty pages; nothing where it cannot."""
    if sys.platform.startswith("linux"):
        call = getattr(ctypes.CDLL(None, use_errno=True), "sync_file_range", None)
        if call is not None:
            call.argtypes = [ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint]
            return lambda descriptor: call(descriptor, 0, 0, _START_WRITING)
    return lambda _descriptor: None


start_writing = _find_start_writing()
"""Have the disk begin on a large file while the rest of it still comes; promises nothing."""
