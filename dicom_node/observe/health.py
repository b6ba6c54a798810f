"""How the node is: room on the disk, and how much of what stands in which state."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class DiskSpace:
    """Free space where the data folder lies, and what it means for reception.

    Attributes
    ----------
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
    free_mb = usage.free // 1_000_000
    if free_mb < reserve_mb:
        return DiskSpace(free_mb, usage.total // 1_000_000, "full")
    return DiskSpace(free_mb, usage.total // 1_000_000, "low" if free_mb < warn_mb else "ok")


@dataclass(frozen=True, slots=True)
class Health:
    """One look at the node: the disk, and rows by state, such as ``{"job": {"failed": 2}}``."""

    disk: DiskSpace
    counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def troubles(self) -> list[str]:
        """What a person should look at, one plain sentence each; empty when all is well."""
        found = []
        if self.disk.verdict == "full":
            found.append(f"disk full: {self.disk.free_mb} MB free, nothing more is received")
        if self.disk.verdict == "low":
            found.append(f"disk low: {self.disk.free_mb} MB free")
        for kind in ("job", "delivery"):
            failed = self.counts.get(kind, {}).get("failed", 0)
            if failed:
                found.append(f"failed: {failed} {'jobs' if kind == 'job' else 'deliveries'}")
        quarantined = self.counts.get("study", {}).get("quarantined", 0)
        if quarantined:
            found.append(f"quarantined: {quarantined} studies wait for a person")
        return found
