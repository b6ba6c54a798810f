"""The three receivers as they are installed, each started afresh in a folder of its own.

The node is `dicom-node serve` as the README starts it: index, audit, rules, admin page and a warm
slot. Set are only its ports, its data folder and the disk reserve.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from benchmarks.errors import BenchmarkFailed
from benchmarks.load import Load
from benchmarks.proc import modules_below, peak_mb
from benchmarks.programs import program
from benchmarks.receiver import Receiver
from storage.audit import list_events
from storage.db.engine import Database
from storage.db.queries.progress import underway

TRANSFERRED = "110104"  # DICOM Instances Transferred (PS3.15 A.5.3.7)
MOST_AUDIT_ROWS = 10_000


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
    """Orthanc with its defaults: files are synced (SyncStorageArea), their folders are not."""

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
        return indexed == len(load.sent) and audited >= load.transfers(n)

    def peak_mb(self, pid: int) -> float | None:
        """The largest of its receiver processes."""
        processes = modules_below(pid, "dicom_node.receiver")
        if not processes:
            raise BenchmarkFailed("the node has no receiver process")
        return max(map(peak_mb, processes))


PEERS: dict[str, type[Receiver]] = {"storescp": Storescp, "Orthanc": Orthanc}
