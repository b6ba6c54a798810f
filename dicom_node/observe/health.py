"""How the node is: the room that is left on the disk, and where on the ladder that puts the node.

A disk that fills up stops the node's work one step at a time, and nothing is ever deleted for it:

``ok``      enough room
``low``     people are warned
``tight``   no job is started, as its results would need room; what runs may end, studies come in
``full``    C-STORE is answered 0xA700 as well; what is left is for rows, the trail and deliveries

A step is taken at once, and taken back only when an eighth more than its limit is free. The files
of a running job and a checkpoint of the database come and go by less than that, so a disk that
stays at a limit does not make the node say one thing and then the other every second.
"""

from __future__ import annotations

import os
import sys
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pathlib import Path

    from dicom_node.config import ReceiveSection, Settings

Verdict = Literal["ok", "low", "tight", "full"]
LADDER: tuple[Verdict, ...] = ("ok", "low", "tight", "full")
TAKEN_BACK_ABOVE = 8  # a step is taken back at its limit and one part in so many of it
FEWEST_FILES = 16  # an object in the making, its name and its folders, for a few associations


@dataclass(frozen=True, slots=True)
class DiskSpace:
    """Free space where the store lies, and what it means.

    Attributes
    ----------
    free_mb, total_mb : int
        In units of 2**20 bytes.
    free_files : int
        How many more files the file system can hold.
    verdict : {"ok", "low", "tight", "full"}
    """

    free_mb: int
    total_mb: int
    free_files: int
    verdict: Verdict

    @property
    def lacks_files(self) -> bool:
        """Whether it is full though there may be space: it can hold no more files."""
        return self.free_files < FEWEST_FILES

    @property
    def stops_jobs(self) -> bool:
        """Whether no job may be started."""
        return self.verdict in ("tight", "full")

    @property
    def stops_reception(self) -> bool:
        """Whether C-STORE is answered 0xA700."""
        return self.verdict == "full"


class DiskGauge:
    """Reads the free space and remembers the last verdict; threads may share it."""

    def __init__(self, settings: Settings) -> None:
        self._folder = settings.store_folder.absolute()
        self._receive = settings.receive
        self._verdict: Verdict = "ok"
        self._lock = threading.Lock()

    def look(self) -> DiskSpace:
        """The space round the store, or round the nearest folder above it that exists."""
        free_mb, total_mb, files = self._space()
        with self._lock:
            self._verdict = verdict_on(free_mb, self._receive, self._verdict, free_files=files)
            return DiskSpace(free_mb, total_mb, files, self._verdict)

    def _space(self) -> tuple[int, int, int]:
        """Of the folder; looked for above it only where it is not there: this is asked often."""
        try:
            return _space(self._folder)
        except FileNotFoundError:
            return _space(next(one for one in self._folder.parents if one.exists()))

    def takes(self, size: int) -> bool:
        """Whether an object of so many bytes may come in.

        The first that comes in below the reserve is already refused. One above it may eat into the
        reserve, but no more than half of it: objects can be larger than the whole. Without a
        reserve, the disk itself says when it takes no more.
        """
        reserve_mb = self._receive.disk_reserve_mb
        if not reserve_mb:
            return True
        space = self.look()
        return not space.stops_reception and space.free_mb - size // 2**20 >= reserve_mb // 2


def verdict_on(
    free_mb: int, receive: ReceiveSection, before: Verdict, *, free_files: int = FEWEST_FILES
) -> Verdict:
    """Where on the ladder this much free space puts a node that was at `before`."""
    limits: dict[Verdict, int] = {
        "full": max(receive.disk_reserve_mb, 1),  # with the last megabyte, no reserve is full too
        "tight": receive.pause_below_mb,
        "low": receive.disk_warn_mb,
    }
    if free_files < FEWEST_FILES:
        return "full"
    for step, limit_mb in limits.items():
        is_taken = LADDER.index(before) >= LADDER.index(step)
        width_mb = max(1, limit_mb // TAKEN_BACK_ABOVE) if is_taken and limit_mb else 0
        if free_mb < limit_mb + width_mb:
            return step
    return "ok"


def _space(folder: Path) -> tuple[int, int, int]:
    """Free and whole size in MiB, and how many more files there may be."""
    there = os.statvfs(folder)
    # Some file systems make room for files as they need it, and say that they can hold none.
    files = there.f_favail if there.f_files else sys.maxsize
    return there.f_bavail * there.f_frsize // 2**20, there.f_blocks * there.f_frsize // 2**20, files
