"""A real file system of a few megabytes that a test fills and empties, and dcmtk's senders."""

from __future__ import annotations

import os
import re
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.tools import program

MB = 2**20


@dataclass(frozen=True)
class SmallDisk:
    """A mounted file system; what the test itself keeps on it lies in ``ballast``."""

    folder: Path

    @property
    def free_bytes(self) -> int:
        there = os.statvfs(self.folder)
        return there.f_bavail * there.f_frsize

    def leave(self, mb: float) -> None:
        """Have this much free."""
        ballast = self._ballast()
        size = ballast.stat().st_size + self.free_bytes - int(mb * MB)
        assert size > 0, "so much room there is not"
        os.truncate(ballast, size)
        with ballast.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, size)

    def empty(self) -> None:
        """Give back everything that was taken."""
        for path in self.folder.glob("ballast*"):
            path.unlink()

    @contextmanager
    def kept_full(self, *, files_only: bool = False) -> Iterator[None]:
        """Everything is taken, to the last block or the last file, and what comes free as well."""
        stop = threading.Event()
        eat = self._eat_files if files_only else self._eat_blocks
        eat()

        def keep() -> None:
            while not stop.wait(0.01):
                eat()

        eater = threading.Thread(target=keep)
        eater.start()
        try:
            yield
        finally:
            stop.set()
            eater.join()

    def _ballast(self) -> Path:
        ballast = self.folder / "ballast"
        ballast.touch()
        return ballast

    def _eat_blocks(self) -> None:
        with suppress(OSError), self._ballast().open("ab", buffering=0) as file:
            for size in (MB, 4096, 1):
                with suppress(OSError):
                    while file.write(b"\1" * size):
                        pass

    def _eat_files(self) -> None:
        with suppress(OSError):
            number = len(list(self.folder.glob("ballast*")))
            while True:
                number += 1
                (self.folder / f"ballast-{number}").touch()


@contextmanager
def a_small_disk(folder: Path, kind: str, size_mb: int) -> Iterator[SmallDisk]:
    """A ``tmpfs``, or an ``ext4`` in a file; skips where this account may mount nothing."""
    folder.mkdir()
    if kind == "ext4":
        image = folder.with_suffix(".image")
        with image.open("wb") as file:
            file.truncate(size_mb * MB)
        mkfs = [program("mkfs.ext4", package="e2fsprogs"), "-q", "-F", "-m", "0", str(image)]
        subprocess.run(mkfs, check=True)
        command = ["mount", "-o", "loop", str(image), str(folder)]
    else:
        options = f"size={size_mb}m,nr_inodes=2000,mode=0700"
        command = ["mount", "-t", "tmpfs", "-o", options, "small", str(folder)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"nothing can be mounted here: {mounted.stderr.strip()}")
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@dataclass(frozen=True)
class Sent:
    """What a sender was told: the status of each file."""

    path: Path
    status: int


class Sender:
    """One `storescu` that sends a folder in one association and halts at nothing."""

    def __init__(self, folder: Path, port: int) -> None:
        storescu = program("storescu", package="dcmtk")
        command = [storescu, "-d", "-nh", "-aet", "TEST", "-aec", "DICOM_NODE", "-R", "+sd"]
        self._process = subprocess.Popen(
            [*command, "127.0.0.1", str(port), str(folder)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def statuses(self) -> list[Sent]:
        """What it was told, when it has ended."""
        output, _ = self._process.communicate(timeout=120)
        files = re.findall(r"^I: Sending file: (.+)$", output, re.MULTILINE)
        codes = re.findall(r"^D: DIMSE Status +: 0x([0-9a-f]{4})", output, re.MULTILINE)
        assert files, output
        assert len(files) == len(codes), output[-2000:]
        return [Sent(Path(f), int(code, 16)) for f, code in zip(files, codes, strict=True)]


def send_all(folders: Sequence[Path], port: int) -> list[list[Sent]]:
    """Send each folder by a sender of its own, all at once."""
    senders = [Sender(folder, port) for folder in folders]
    return [sender.statuses() for sender in senders]
