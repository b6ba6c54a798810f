"""How the node is: the room that is left on the disk."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class DiskSpace:
    """Free space where the data folder lies, and what it means for reception.

    Attributes
    ----------
    free_mb, total_mb : int
        In units of 2**20 bytes, as the file store counts.
    verdict : {"ok", "low", "full"}
        ``low``: the page warns; ``full``: C-STORE is answered 0xA700, out of resources.
    """

    free_mb: int
    total_mb: int
    verdict: Literal["ok", "low", "full"]


def disk_space(folder: Path, *, warn_mb: int, reserve_mb: int) -> DiskSpace:
    """The space round `folder`, or round the nearest folder above it that exists."""
    there = next(
        place for place in (folder.absolute(), *folder.absolute().parents) if place.exists()
    )
    usage = shutil.disk_usage(there)
    free_mb = usage.free // 2**20
    if free_mb < reserve_mb:
        return DiskSpace(free_mb, usage.total // 2**20, "full")
    return DiskSpace(free_mb, usage.total // 2**20, "low" if free_mb < warn_mb else "ok")
