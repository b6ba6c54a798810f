"""Getting bytes and names onto the disk, so that they outlast a power cut."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def write_all(descriptor: int, parts: Iterable[bytes | memoryview]) -> None:
    """Write every byte; the system may take them in several bites."""
    for part in parts:
        rest = memoryview(part).cast("B")
        while rest:
            rest = rest[os.write(descriptor, rest) :]


def sync_file(descriptor: int) -> None:
    """Put a file's content and size on disk; ``fdatasync`` where the system has it."""
    getattr(os, "fdatasync", os.fsync)(descriptor)


def sync_folder(folder: Path) -> None:
    """Put a folder's names on disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
