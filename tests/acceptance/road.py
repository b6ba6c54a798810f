"""A node and an Orthanc, started as a user starts them, and what a user can see of both."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dicom_node.config import Settings, load_settings
from dicom_node.demo.pacs import DemoPacs, free_port, start_pacs
from storage.db.engine import Database
from storage.db.queries.progress import SeriesResult, series_results, underway
from tests.tools import program


@dataclass(slots=True)
class Pacs:
    """Orthanc, asked over its REST interface."""

    running: DemoPacs

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(self.running.page + path) as answer:
            return json.load(answer)

    def file(self, instance: str) -> bytes:
        with urllib.request.urlopen(f"{self.running.page}instances/{instance}/file") as answer:
            return answer.read()

    def instance_ids(self) -> set[str]:
        return set(self.get("instances"))

    def series_of_study(self, study_uid: str) -> list[dict[str, Any]]:
        return [
            series
            for study in self.get("studies?expand")
            if study["MainDicomTags"]["StudyInstanceUID"] == study_uid
            for series in self.get(f"studies/{study['ID']}/series")
        ]


@dataclass(slots=True)
class Node:
    """`dicom-node serve`, and its database read from outside."""

    settings: Settings
    config: Path
    program: subprocess.Popen[bytes]

    def results(self) -> list[SeriesResult]:
        database = Database(self.settings.database_url)
        try:
            with database.read() as session:
                return series_results(session)
        finally:
            database.close()

    def wait_until_quiet(self, *, instances: int, within_s: float = 600) -> None:
        """Return when `instances` are indexed and nothing is underway any more."""
        database = Database(self.settings.database_url)

        def quiet() -> bool:
            assert self.program.poll() is None, "the node ended"
            with database.read() as session:
                now = underway(session)
            return now.is_quiet and now.instances >= instances

        try:
            wait_for(quiet, within_s=within_s)
        finally:
            database.close()

    def storescu(self, folder: Path, *options: str) -> None:
        """Send a folder with dcmtk, as the README says."""
        storescu = program("storescu", package="dcmtk")
        receive = self.settings.receive
        # -R: without it dcmtk proposes a list that lacks Segmentation, and stops at the first one.
        command = [storescu, "-aec", self.settings.node.ae_title, *options, "-R", "+sd", "+r"]
        subprocess.run([*command, receive.host, str(receive.port), str(folder)], check=True)


def wait_for(holds: Callable[[], bool], *, within_s: float) -> None:
    """Poll until `holds`, or fail."""
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, f"not within {within_s} s"
        time.sleep(0.2)


@contextmanager
def a_pacs(folder: Path) -> Iterator[Pacs]:
    """An own Orthanc on free ports."""
    program("Orthanc", package="orthanc")
    running = start_pacs(folder)
    try:
        yield Pacs(running)
    finally:
        running.close()


@contextmanager
def a_node(folder: Path, toml: str) -> Iterator[Node]:
    """`dicom-node serve --config node.toml` until the block ends."""
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "node.toml"
    config.write_text(toml, encoding="utf-8")
    with (folder / "node.log").open("ab") as log:
        running = subprocess.Popen(
            [sys.executable, "-m", "dicom_node", "serve", "--config", str(config)],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
    node = Node(load_settings(config), config, running)
    try:
        echoscu = [
            program("echoscu", package="dcmtk"),
            "-aet",
            "STORESCU",
            "-aec",
            node.settings.node.ae_title,
        ]
        receive = node.settings.receive
        echo = [*echoscu, receive.host, str(receive.port)]

        def listens() -> bool:
            assert running.poll() is None, (folder / "node.log").read_text()
            return subprocess.call(echo, stderr=subprocess.DEVNULL) == 0

        wait_for(listens, within_s=60)
        yield node
    finally:
        running.terminate()
        running.wait(timeout=60)


def settings_toml(folder: Path, pacs: Pacs, *, more: str = "") -> str:
    """A node on free ports that delivers to `pacs`."""
    peer = pacs.running.peer
    return f"""
[node]
data_folder = {json.dumps(str(folder / "data"))}
[receive]
port = {free_port()}
settle_after_s = 2
disk_reserve_mb = 100
[web]
port = {free_port()}
[deliver]
first_retry_s = 2
[peers.PACS]
ae_title = "{peer.ae_title}"
host = "{peer.host}"
port = {peer.port}
is_destination = true
[peers.SENDER]
ae_title = "STORESCU"
{more}
"""
