"""The demo's node: the real `dicom-node serve` on free ports, in a folder of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from dicom_node.config import PeerSection, Settings, load_settings
from dicom_node.demo.pacs import DemoPacs, free_port
from dicom_node.errors import NodeError
from dicom_node.net.errors import PeerError
from dicom_node.net.scu import echo

if TYPE_CHECKING:
    from pathlib import Path

READY_WITHIN_S = 60


class NodeDidNotStart(NodeError):
    """The demo's node ended or stayed silent."""


@dataclass(slots=True)
class DemoNode:
    """A running node; `close` stops it cleanly and keeps its folder."""

    settings: Settings
    program: subprocess.Popen[bytes]
    log: IO[bytes]
    log_path: Path

    @property
    def peer(self) -> PeerSection:
        """The node as a peer to send to."""
        return PeerSection(
            ae_title=self.settings.node.ae_title,
            host=self.settings.receive.host,
            port=self.settings.receive.port,
        )

    @property
    def greeting(self) -> list[str]:
        """What the node has printed for the person who started it: addresses, first-admin link."""
        lines = self.log_path.with_suffix(".out").read_text(encoding="utf-8").splitlines()
        return [line for line in lines if "http" in line]

    def close(self) -> None:
        """Stop the node by SIGTERM, as a service manager would."""
        self.program.terminate()
        try:
            self.program.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.program.kill()
            self.program.wait()
        self.log.close()


def start_node(folder: Path, pacs: DemoPacs) -> DemoNode:
    """Start a node that delivers to `pacs`; gives it back when it answers C-ECHO.

    Raises
    ------
    NodeDidNotStart
        With the place of its log.
    """
    folder = folder.absolute()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    config = folder / "node.toml"
    config.write_text(_settings(folder, pacs), encoding="utf-8")
    log_path = folder / "node.log"
    log = log_path.open("wb")
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("DICOM_NODE_")
    }
    with log_path.with_suffix(".out").open("wb") as out:
        program = subprocess.Popen(  # noqa: S603 - this program, with our own file
            [sys.executable, "-m", "dicom_node", "serve", "--config", str(config)],
            stdin=subprocess.DEVNULL, stdout=out, stderr=log, env=environment,
        )  # fmt: skip
    node = DemoNode(load_settings(config), program, log, log_path)
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline and program.poll() is None:
        try:
            echo(node.peer, "DEMO", timeout_s=2)
        except PeerError:
            time.sleep(0.2)
        else:
            return node
    node.close()
    raise NodeDidNotStart(f"the node did not start; see {log_path}")


def _settings(folder: Path, pacs: DemoPacs) -> str:
    return f"""\
[node]
data_folder = {json.dumps(str(folder / "data"))}

[receive]
port = {free_port()}
settle_after_s = 2
disk_reserve_mb = 200
disk_warn_mb = 1000

[web]
port = {free_port()}

[deliver]
first_retry_s = 2

[peers.PACS]
ae_title = "{pacs.peer.ae_title}"
host = "{pacs.peer.host}"
port = {pacs.peer.port}
is_destination = true

[peers.SENDER]
ae_title = "DEMO"
"""
