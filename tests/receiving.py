"""A running receiver for tests: the real process, or its parts in the test's own process."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydicom import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.uid import ExplicitVRLittleEndian

from dicom_node.config import Settings, load_settings
from dicom_node.intake.indexer import Indexer
from dicom_node.intake.part10 import write_meta
from dicom_node.intake.receive import Intake
from dicom_node.net.incoming import Announced, Answer, AssociationInfo, Rejection
from storage.db.engine import Database
from storage.files.store import ObjectStore

DEADLINE_S = 30.0


def wait_until(condition: Callable[[], Any], deadline_s: float = DEADLINE_S) -> Any:
    """The condition's value as soon as it is true; fails when it does not become true in time."""
    until = time.monotonic() + deadline_s
    while not (value := condition()):
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.02)
    return value


def settings_for(folder: Path, **receive: Any) -> Settings:
    """Settings with a data folder of the test's own, a free port and no disk reserve."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Settings.model_validate(
        {
            "node": {"data_folder": folder},
            "receive": {"port": 0, "disk_reserve_mb": 0, "settle_after_s": 0, **receive},
        }
    )


def encode(dataset: Dataset, transfer_syntax_uid: str = ExplicitVRLittleEndian) -> bytes:
    """The data set as it travels, in an uncompressed transfer syntax."""
    stream = DicomBytesIO()
    stream.is_little_endian = transfer_syntax_uid != "1.2.840.10008.1.2.2"
    stream.is_implicit_VR = transfer_syntax_uid == "1.2.840.10008.1.2"
    write_dataset(stream, dataset)
    return stream.getvalue()


def an_association(number: int = 1, calling_aet: str = "SCANNER") -> AssociationInfo:
    """An association that reception might tell of."""
    return AssociationInfo(
        f"00000000-0000-4000-8000-{number:012}",
        calling_aet,
        "DICOM_NODE",
        "127.0.0.1",
        datetime.now(UTC),
    )


@dataclass(frozen=True)
class Request:
    """A C-STORE request: what is announced, and the data set as it travels."""

    announced: Announced
    encoded: bytes

    @property
    def sop_class_uid(self) -> str:
        return self.announced.sop_class_uid

    @property
    def sop_instance_uid(self) -> str:
        return self.announced.sop_instance_uid

    @property
    def transfer_syntax_uid(self) -> str:
        return self.announced.transfer_syntax_uid

    @property
    def file(self) -> bytes:
        """As a DICOM file."""
        return write_meta(self.announced) + self.encoded


def incoming(
    dataset: Dataset,
    association: AssociationInfo | None = None,
    encoded: bytes | None = None,
    **changes: Any,
) -> Request:
    """A C-STORE request for the data set; `changes` replace what its command says."""
    values: dict[str, Any] = {
        "association": association or an_association(),
        "sop_class_uid": dataset.SOPClassUID,
        "sop_instance_uid": dataset.SOPInstanceUID,
        "transfer_syntax_uid": ExplicitVRLittleEndian,
        **changes,
    }
    values.setdefault("context_class_uid", values["sop_class_uid"])
    values.setdefault("most_bytes", 1 << 30)
    if encoded is None:
        encoded = encode(dataset, values["transfer_syntax_uid"])
    return Request(Announced(**values), encoded)


def in_process(db: Database, store: ObjectStore, settings: Settings) -> Intake:
    """An intake whose index is in this process."""
    return Intake(store, settings, Indexer(db, store, settings))


def take(intake: Intake, request: Request, pieces: int = 0) -> int:
    """The status that the intake answers; the data set comes in so many pieces and a rest."""
    arriving = intake.announce(request.announced)
    size = len(request.encoded) // (pieces + 1)
    view = memoryview(request.encoded)
    try:
        for number in range(pieces):
            arriving.write(view[number * size : (number + 1) * size])
        return arriving.finish(view[pieces * size :]).status
    finally:
        arriving.abandon()


@dataclass
class HeardIntake:
    """What reception is handed to where nothing is kept: each request is given to a function."""

    answer: Callable[[Request], int] = lambda _request: 0
    associations: list[AssociationInfo] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)

    def begin(self, association: AssociationInfo) -> None:
        self.associations.append(association)

    def announce(self, announced: Announced) -> HeardArriving:
        return HeardArriving(self, announced)

    def end(self, association: AssociationInfo, outcome: str) -> None:
        pass

    def reject(self, rejection: Rejection) -> None:
        self.rejections.append(rejection)


@dataclass
class HeardArriving:
    """One data set on its way to a `HeardIntake`."""

    intake: HeardIntake
    announced: Announced
    pieces: list[bytes] = field(default_factory=list)

    def room(self, buffer: memoryview) -> memoryview:
        return buffer

    def write(self, piece: memoryview) -> None:
        self.pieces.append(bytes(piece))

    def finish(self, rest: bytes | memoryview) -> Answer:
        return Answer(
            self.intake.answer(Request(self.announced, b"".join([*self.pieces, bytes(rest)])))
        )

    def abandon(self) -> None:
        pass


@dataclass
class Receiver:
    """A receiver process, where it listens (0: it does not), and where its log goes."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path
    tls_port: int = 0


@contextmanager
def a_receiver(
    settings_file: Path, *arguments: str, pass_fds: tuple[int, ...] = ()
) -> Iterator[Receiver]:
    """A receiver process that listens; killed at the end of the block if it still runs."""
    log = settings_file.with_suffix(f".{time.monotonic_ns()}.log")
    command = [sys.executable, "-m", "dicom_node.receiver", "--config", str(settings_file)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, *arguments],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=pass_fds,
        )
    try:
        settings = load_settings(settings_file)
        doors = settings.receive.plain + settings.tls.is_on
        wait_until(lambda: len(_ports(log)) == doors or process.poll() is not None)
        assert process.poll() is None, log.read_text()
        ports = _ports(log)
        yield Receiver(process, ports.get("port", 0), log, ports.get("tls_port", 0))
    finally:
        process.kill()
        process.wait()
        if process.stdin:
            process.stdin.close()


def _ports(log: Path) -> dict[str, int]:
    """The ports of each kind that the receiver says it listens on."""
    found = re.findall(r"receiver listens  kind=(TCP|TLS) .*port=(\d+)", log.read_text())
    return {"tls_port" if kind == "TLS" else "port": int(port) for kind, port in found}


def store_keys(folder: Path) -> list[str]:
    """Every file in a data folder's store, temporary ones too."""
    root = folder / "store"
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())
