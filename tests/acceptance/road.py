"""A node and an Orthanc, started as a user starts them, and what a user can see of both."""

from __future__ import annotations

import io
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydicom import Dataset, dcmread

from dicom_node.demo.pacs import DemoPacs, free_port, start_pacs
from tests.serving import ServedNode, serving
from tests.tools import program

PROCESSED_WITHIN_S = 600.0  # real studies by the real pipelines


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

    def header(self, instance: str) -> Dataset:
        """The object without its pixels."""
        return dcmread(io.BytesIO(self.file(instance)), stop_before_pixels=True)

    def store(self, path: Path) -> str:
        """Orthanc's own id of the object, new or known; empty where it does not take it."""
        request = urllib.request.Request(self.running.page + "instances", path.read_bytes())
        try:
            with urllib.request.urlopen(request) as answer:
                return str(json.load(answer)["ID"])
        except urllib.error.HTTPError:
            return ""

    def picture(self, instance: str) -> bytes:
        """The first frame as PNG in its full range; empty where Orthanc cannot draw it."""
        address = f"{self.running.page}instances/{instance}/frames/0/preview"
        try:
            with urllib.request.urlopen(address) as answer:
                return answer.read()
        except urllib.error.HTTPError:
            return b""

    def instance_ids(self) -> set[str]:
        return set(self.get("instances"))

    def series_of_study(self, study_uid: str) -> list[dict[str, Any]]:
        return [
            series
            for study in self.get("studies?expand")
            if study["MainDicomTags"]["StudyInstanceUID"] == study_uid
            for series in self.get(f"studies/{study['ID']}/series")
        ]

    def results_of_study(self, study_uid: str) -> set[tuple[str, str]]:
        """Series and SOP Instance UID of every object of the study."""
        return {
            (series["MainDicomTags"]["SeriesInstanceUID"],
             self.get(f"instances/{instance}")["MainDicomTags"]["SOPInstanceUID"])
            for series in self.series_of_study(study_uid)
            for instance in series["Instances"]
        }  # fmt: skip


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
def a_node(folder: Path, toml: str) -> Iterator[ServedNode]:
    """`dicom-node serve --config node.toml` as it ships, until the block ends."""
    with serving(folder, toml, environment={}, calling="STORESCU") as node:
        yield node


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
