"""`dicom-node serve` as a child process with a process group of its own, and what it did."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from dicom_node.config import PeerSection, Settings, load_settings
from dicom_node.net.errors import PeerError
from dicom_node.net.scu import OutgoingFile, echo, send
from storage.audit import list_events, verify
from storage.db.engine import Database
from storage.db.queries.progress import SeriesResult, Underway, series_results, underway
from tests.jobs import STUB_RULES, stub_environment
from tests.receiving import wait_until
from tests.tools import program

START_WITHIN_S = 60.0


@dataclass
class ServedNode:
    """A running node."""

    settings: Settings
    config: Path
    process: subprocess.Popen[bytes]
    output: Path

    @property
    def said(self) -> str:
        """Standard output and error so far."""
        return self.output.read_text(encoding="utf-8", errors="replace")

    @property
    def page(self) -> str:
        """Address of the admin page, once it is announced."""
        return wait_until(lambda: re.findall(r"admin page on (\S+)", self.said))[-1]

    @property
    def peer(self) -> PeerSection:
        receive = self.settings.receive
        return PeerSection(
            ae_title=self.settings.node.ae_title, host=receive.host, port=receive.port
        )

    def pid_of(self, role: str) -> int:
        """The newest process in a role: ``core``, ``receiver-1``; or of a slot: ``cpu-0``."""
        found = re.findall(rf"started  (?:role|slot)={role} pid=(\d+)", self.said)
        return int(found[-1]) if found else 0

    def send(self, paths: Sequence[Path]) -> list[int]:
        """The status of each file, as its sender learns it."""
        return send(self.peer, "TEST", outgoing(paths), 30)

    def storescu(self, folder: Path, *options: str) -> None:
        """Send a folder with dcmtk, as the README says."""
        storescu = program("storescu", package="dcmtk")
        # -R: without it dcmtk proposes a list that lacks Segmentation, and stops at the first one.
        command = [storescu, "-aec", self.peer.ae_title, *options, "-R", "+sd", "+r"]
        subprocess.run([*command, self.peer.host, str(self.peer.port), str(folder)], check=True)

    def results(self) -> list[SeriesResult]:
        with opened(self.settings) as db, db.read() as session:
            return series_results(session)

    def underway(self) -> Underway:
        with opened(self.settings) as db, db.read() as session:
            return underway(session)

    def transfers_out(self) -> int:
        """How often the node has begun to send results, by its own trail."""
        with opened(self.settings) as db, db.read() as session:
            return len(list_events(session, limit=10_000, event="110102"))

    def verify_trail(self) -> int:
        with opened(self.settings) as db:
            return verify(db, self.settings.node.data_folder / "audit.head")

    def wait_until_quiet(self, *, instances: int, within_s: float = 120.0) -> None:
        """Return when so many instances are indexed and nothing is underway."""

        def is_quiet() -> bool:
            assert self.process.poll() is None, self.said
            now = self.underway()
            return now.is_quiet and now.instances >= instances

        wait_until(is_quiet, within_s)

    def stop(self) -> int:
        """The exit code after SIGTERM."""
        self.process.terminate()
        return self.process.wait(60)

    def kill(self) -> None:
        """End every process of the node at once."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(30)


@contextmanager
def opened(settings: Settings) -> Iterator[Database]:
    db = Database(settings.database_url)
    try:
        yield db
    finally:
        db.close()


def outgoing(paths: Sequence[Path]) -> list[OutgoingFile]:
    """Files of `tests.builders.write_series`, as a sender needs them."""
    from pydicom.filereader import read_file_meta_info

    metas = [read_file_meta_info(path) for path in paths]
    return [
        OutgoingFile(
            path,
            str(meta.MediaStorageSOPClassUID),
            str(meta.MediaStorageSOPInstanceUID),
            str(meta.TransferSyntaxUID),
        )
        for path, meta in zip(paths, metas, strict=True)
    ]


def node_toml(
    folder: Path, *, port: int, pacs: PeerSection | None = None, more: str = "", receivers: int = 1
) -> str:
    """Settings of a node that settles at once, with the stub rules unless `more` says otherwise.

    One receiver, as it starts faster than the default's two.
    """
    text = f"""
[node]
data_folder = {json.dumps(str(folder / "data"))}
[receive]
port = {port}
receivers = {receivers}
settle_after_s = 1
disk_reserve_mb = 1
disk_warn_mb = 1
[web]
port = 0
[deliver]
first_retry_s = 0.5
[jobs]
slots = ["cpu"]
retry_after_s = [0.1]
"""
    if "[rules]" not in more:
        text += f"[rules]\nfolder = {json.dumps(str(STUB_RULES))}\n"
    if pacs:
        text += f"""
[peers.PACS]
ae_title = "{pacs.ae_title}"
host = "{pacs.host}"
port = {pacs.port}
is_destination = true
[peers.TEST]
ae_title = "TEST"
"""
    return text + more


@contextmanager
def serving(
    folder: Path, toml: str, *, environment: dict[str, str] | None = None, calling: str = "TEST"
) -> Iterator[ServedNode]:
    """A node that answers C-ECHO; every process of it is gone after the block."""
    node = start(folder, toml, environment=environment, calling=calling)
    try:
        yield node
    finally:
        if node.process.poll() is None:
            node.process.terminate()
            with suppress(subprocess.TimeoutExpired):
                node.process.wait(30)
        node.kill()


def start(
    folder: Path, toml: str, *, environment: dict[str, str] | None = None, calling: str = "TEST"
) -> ServedNode:
    """A node that answers a C-ECHO of `calling`, for the caller to end.

    Without an `environment` to add to this process's own, it has the stub pipelines.
    """
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "node.toml"
    config.write_text(toml, encoding="utf-8")
    output = folder / f"output-{time.monotonic_ns()}.txt"
    with output.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "dicom_node", "serve", "--config", str(config)],
            stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
            env={**os.environ, **(stub_environment() if environment is None else environment)},
            start_new_session=True,
        )  # fmt: skip
    node = ServedNode(load_settings(config), config, process, output)

    def answers() -> bool:
        assert process.poll() is None, node.said
        try:
            echo(node.peer, calling, timeout_s=5)
        except PeerError:
            return False
        return True

    try:
        wait_until(answers, START_WITHIN_S)
    except AssertionError:
        node.kill()
        raise
    return node
