"""The three receivers as they are installed, each started afresh in a folder of its own.

The node is `dicom-node serve` as the README starts it: index, audit, rules, admin page and a warm
slot. Set are only its ports, its data folder and the disk reserve.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import ClassVar

from benchmarks.errors import BenchmarkFailed
from benchmarks.load import Load
from benchmarks.proc import modules_below, peak_mb
from benchmarks.quiet import await_that
from dicom_node import __version__
from storage.audit import list_events
from storage.db.engine import Database
from storage.db.queries.progress import underway

FOLDERS = os.pathsep.join(("/usr/bin", "/usr/sbin", "/usr/local/bin", "/opt/homebrew/bin"))
START_WITHIN_S = 60.0
STOP_WITHIN_S = 60.0
CATCH_UP_WITHIN_S = 120.0
TRANSFERRED = "110104"  # DICOM Instances Transferred (PS3.15 A.5.3.7)
MOST_AUDIT_ROWS = 10_000


def program(name: str) -> str:
    """Full path outside a virtual environment, where `storescu` is pynetdicom's own."""
    path = shutil.which(name, path=FOLDERS)
    if path is None:
        raise BenchmarkFailed(f"{name} is not installed")
    return path


def free_port() -> int:
    """A TCP port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def dcmtk_environment(mode: str) -> dict[str, str]:
    """The environment of a program built on dcmtk, which reads TCP_NODELAY from it."""
    environment = {name: value for name, value in os.environ.items() if name != "TCP_NODELAY"}
    return environment | ({"TCP_NODELAY": "1"} if mode == "nodelay" else {})


class Receiver(ABC):
    """A program that listens on `port` and keeps what it receives below `folder`/kept."""

    name: ClassVar[str]

    def __init__(self, folder: Path, mode: str) -> None:
        self.folder = folder
        self.files = folder / "kept"
        self.port = free_port()
        self.environment: Mapping[str, str] = dcmtk_environment(mode)

    @abstractmethod
    def command(self) -> list[str]:
        """How it is started in its folder, with everything made that it needs."""

    @abstractmethod
    def kept(self) -> list[Path]:
        """Every file that should hold an instance."""

    def has_caught_up(self, load: Load, n: int) -> bool:  # noqa: ARG002 - most do nothing behind
        """Whether all it does behind its answers is done."""
        return True

    def peak_mb(self, pid: int) -> float | None:  # noqa: ARG002 - told of the node alone
        """The largest resident set that a receiving process has had, in 10^6 bytes."""
        return None


class Storescp(Receiver):
    """dcmtk's storescp: a process for each association, answers from the page cache, no index."""

    name = "storescp"

    def command(self) -> list[str]:
        """With its defaults."""
        self.files.mkdir()
        return [program("storescp"), "--fork", "-od", str(self.files), str(self.port)]

    def kept(self) -> list[Path]:
        """Every file it has made."""
        return list(self.files.iterdir())


class Orthanc(Receiver):
    """Orthanc with its defaults: files are synced (SyncStorageArea), the index is not."""

    name = "Orthanc"

    def command(self) -> list[str]:
        """Without its page, which is not measured, and without limits."""
        settings = {
            "StorageDirectory": str(self.files),
            "IndexDirectory": str(self.files),
            "DicomPort": self.port,
            "HttpServerEnabled": False,
            "MaximumStorageSize": 0,
            "MaximumPatientCount": 0,
            "Plugins": [],
        }
        file = self.folder / "orthanc.json"
        file.write_text(json.dumps(settings), encoding="utf-8")
        return [program("Orthanc"), str(file)]

    def kept(self) -> list[Path]:
        """Every attachment in the storage area: two levels of folders, named by a UUID."""
        return list(self.files.glob("??/??/*"))


class Node(Receiver):
    """`dicom-node serve`; `more` settings are written as in the environment, without prefix."""

    name = "node"

    def __init__(self, folder: Path, mode: str, more: Mapping[str, str] | None = None) -> None:
        super().__init__(folder, mode)
        settings = {
            "NODE__DATA_FOLDER": str(self.files),
            "RECEIVE__PORT": str(self.port),
            "RECEIVE__DISK_RESERVE_MB": "0",
            "WEB__PORT": "0",
            **(more or {}),
        }
        plain = {name: value for name, value in os.environ.items() if "__" not in name}
        self.environment = plain | {f"DICOM_NODE_{name}": value for name, value in settings.items()}

    def command(self) -> list[str]:
        """As `make run` and the README start it."""
        return [sys.executable, "-m", "dicom_node", "serve"]

    def kept(self) -> list[Path]:
        """Every file in the received part of its store."""
        received = self.files / "store" / "received"
        return [path for path in received.rglob("*") if path.is_file()]

    def has_caught_up(self, load: Load, n: int) -> bool:
        """Whether every instance has its row and every transfer its audit row."""
        db = Database(f"sqlite:///{self.files / 'node.db'}")
        try:
            with db.read() as session:
                audited = len(list_events(session, limit=MOST_AUDIT_ROWS, event=TRANSFERRED))
                indexed = underway(session).instances
        finally:
            db.close()
        return indexed == len(load.sent) and audited == load.transfers(n)

    def peak_mb(self, pid: int) -> float | None:
        """The largest of its receiver processes."""
        return max(peak_mb(one) for one in modules_below(pid, "dicom_node.receiver"))


PEERS: dict[str, type[Receiver]] = {"storescp": Storescp, "Orthanc": Orthanc}


@contextmanager
def running(receiver: Receiver) -> Iterator[int]:
    """The receiver's process id once it answers C-ECHO; all its processes end with the block."""
    receiver.folder.mkdir(parents=True)
    output = receiver.folder / "output.txt"
    with output.open("wb") as out:
        process = subprocess.Popen(
            receiver.command(), cwd=receiver.folder, env=receiver.environment,
            stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
        )  # fmt: skip
    probe = [program("echoscu"), "127.0.0.1", str(receiver.port)]

    def answers() -> bool:
        if process.poll() is not None:
            said = output.read_text(errors="replace")[-2000:]
            raise BenchmarkFailed(f"{receiver.name} ended: {said}")
        return subprocess.call(probe, stderr=subprocess.DEVNULL) == 0

    try:
        await_that(answers, f"{receiver.name} answers no C-ECHO", START_WITHIN_S)
        yield process.pid
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_WITHIN_S)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def versions() -> list[str]:
    """What is measured, one line each."""

    def first_line(name: str) -> str:
        command = [program(name), "--version"]
        said = subprocess.run(command, check=False, capture_output=True, text=True)
        return (said.stdout + said.stderr).splitlines()[0].strip("$ ")

    return [f"dicom-node {__version__}", *map(first_line, ("Orthanc", "storescp", "storescu"))]
