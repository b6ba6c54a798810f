"""A PACS for the demo: an own Orthanc where it is installed, else pynetdicom's archive `qrscp`.

Both run as a child process in a temporary folder on free ports and are stopped at the end, so the
demo neither needs nor touches a PACS of the house.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dicom_node.config import PeerSection
from dicom_node.errors import NodeError
from dicom_node.net.errors import PeerError
from dicom_node.net.scu import echo

if TYPE_CHECKING:
    from pathlib import Path

AE_TITLE = "DEMO_PACS"
READY_WITHIN_S = 30


class PacsUnavailable(NodeError):
    """The demo could not start an archive to send results to."""


@dataclass(slots=True)
class DemoPacs:
    """A running archive; `close` ends it and removes what it kept."""

    name: str
    port: int
    page: str
    folder: Path
    program: subprocess.Popen[bytes]

    @property
    def peer(self) -> PeerSection:
        """The archive as a peer that receives results."""
        return PeerSection(ae_title=AE_TITLE, host="127.0.0.1", port=self.port, is_destination=True)

    def close(self) -> None:
        """Stop the archive and wait for its end."""
        self.program.terminate()
        try:
            self.program.wait(timeout=15)
        except subprocess.TimeoutExpired:
            self.program.kill()
            self.program.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def start_pacs(folder: Path) -> DemoPacs:
    """Start an archive that keeps its files in `folder` and answers C-ECHO.

    Raises
    ------
    PacsUnavailable
        When it does not answer within half a minute; its own output is in the folder.
    """
    folder = folder.absolute()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    orthanc = shutil.which("Orthanc") or shutil.which("Orthanc", path="/usr/sbin:/usr/local/sbin")
    pacs = _start_orthanc(orthanc, folder) if orthanc else _start_qrscp(folder)
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline and pacs.program.poll() is None:
        try:
            echo(pacs.peer, "DICOM_NODE", timeout_s=2)
        except PeerError:
            time.sleep(0.1)
        else:
            return pacs
    pacs.program.kill()
    raise PacsUnavailable(f"{pacs.name} did not start; see {folder / 'output.txt'}")


def _start_orthanc(program: str, folder: Path) -> DemoPacs:
    dicom, web = free_port(), free_port()
    settings = folder / "orthanc.json"
    settings.write_text(
        json.dumps(
            {
                "Name": "dicom-node demo",
                "StorageDirectory": str(folder / "storage"),
                "IndexDirectory": str(folder / "storage"),
                "DicomAet": AE_TITLE,
                "DicomPort": dicom,
                "HttpPort": web,
                "RemoteAccessAllowed": False,
                "AuthenticationEnabled": False,
                "DicomAlwaysAllowFind": True,
                "UnknownSopClassAccepted": True,
            }
        )
    )
    running = _run([program, str(settings)], folder)
    return DemoPacs("Orthanc", dicom, f"http://127.0.0.1:{web}/", folder, running)


def _start_qrscp(folder: Path) -> DemoPacs:
    if importlib.util.find_spec("pynetdicom.apps.qrscp") is None:
        raise PacsUnavailable("neither Orthanc nor pynetdicom's qrscp is installed")
    port = free_port()
    settings = folder / "qrscp.ini"
    settings.write_text(
        f"[DEFAULT]\nae_title: {AE_TITLE}\nport: {port}\nmax_pdu: 131072\nacse_timeout: 30\n"
        "dimse_timeout: 30\nnetwork_timeout: 30\nbind_address: 127.0.0.1\n"
        f"instance_location: {folder / 'instances'}\ndatabase_location: {folder / 'qrscp.db'}\n"
    )
    command = [sys.executable, "-m", "pynetdicom", "qrscp", "-c", str(settings)]
    return DemoPacs("pynetdicom qrscp", port, "", folder, _run(command, folder))


def _run(command: list[str], folder: Path) -> subprocess.Popen[bytes]:
    with (folder / "output.txt").open("wb") as output:
        return subprocess.Popen(  # noqa: S603 - a program found on the path, with our own file
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=folder
        )


def free_port() -> int:
    """A TCP port of this machine on which nobody listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
