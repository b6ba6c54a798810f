"""What dcmtk's storescp hears a caller propose, read from its debug log."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dicom_node.config import PeerSection
from dicom_node.demo.pacs import free_port
from tests.receiving import wait_until
from tests.senders import listens
from tests.tools import program

# As dcmtk names them; what it does not know it prints as the UID.
NAMES = {
    "VerificationSOPClass": "1.2.840.10008.1.1",
    "StorageCommitmentPushModelSOPClass": "1.2.840.10008.1.20.1",
    "CTImageStorage": "1.2.840.10008.5.1.4.1.1.2",
    "SegmentationStorage": "1.2.840.10008.5.1.4.1.1.66.4",
    "LittleEndianImplicit": "1.2.840.10008.1.2",
    "LittleEndianExplicit": "1.2.840.10008.1.2.1",
    "DeflatedLittleEndianExplicit": "1.2.840.10008.1.2.1.99",
    "DeflatedExplicitVRLittleEndian": "1.2.840.10008.1.2.1.99",
    "BigEndianExplicit": "1.2.840.10008.1.2.2",
    "JPEGLSLossless": "1.2.840.10008.1.2.4.80",
    "JPEG2000LosslessOnly": "1.2.840.10008.1.2.4.90",
    "JPEG2000Lossless": "1.2.840.10008.1.2.4.90",
    "RLELossless": "1.2.840.10008.1.2.5",
}


@dataclass(frozen=True, slots=True)
class Proposed:
    """A presentation context of a request: abstract syntax, transfer syntaxes, role."""

    abstract_syntax: str
    transfer_syntaxes: tuple[str, ...]
    role: str


@dataclass(frozen=True, slots=True)
class Request:
    """An A-ASSOCIATE-RQ."""

    contexts: tuple[Proposed, ...]
    said: dict[str, str]
    """The other lines: what is named before the colon to what stands behind it."""


@contextmanager
def overhearing(folder: Path) -> Iterator[tuple[PeerSection, list[Request]]]:
    """A storescp for the block, and a list that has every request for an association after it."""
    folder.mkdir()
    port = free_port()
    log = folder.with_suffix(".log")
    heard: list[Request] = []
    with log.open("wb") as output:
        command = [program("storescp", package="dcmtk"), "-d", "-od", str(folder), str(port)]
        running = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        wait_until(lambda: listens(port))
        yield PeerSection(ae_title="STORESCP", host="127.0.0.1", port=port), heard
    finally:
        running.terminate()
        running.wait(30)
        heard += requests_in(log.read_text(encoding="utf-8", errors="replace"))


def requests_in(log: str) -> list[Request]:
    """The requests in a debug log."""
    parts = re.findall(r"BEGIN A-ASSOCIATE-RQ(.*?)END A-ASSOCIATE-RQ", log, re.DOTALL)
    requests = [_request([line[3:] for line in part.splitlines()]) for part in parts]
    return [one for one in requests if one.contexts]  # a connection that says nothing is logged too


def _request(lines: list[str]) -> Request:
    said = {
        name.strip(): value.strip()
        for name, found, value in (line.partition(":") for line in lines)
        if found
    }
    contexts: list[Proposed] = []
    for block in "\n".join(lines).split("  Context ID:")[1:]:
        syntaxes = re.findall(r"^      (\S+)$", block, re.MULTILINE)
        abstract, role = (
            re.findall(rf"^    {name}: (\S+)$", block, re.MULTILINE)[0]
            for name in ("Abstract Syntax", "Proposed SCP/SCU Role")
        )
        contexts.append(Proposed(_uid(abstract), tuple(map(_uid, syntaxes)), role))
    return Request(tuple(contexts), said)


def _uid(word: str) -> str:
    return NAMES[word[1:]] if word.startswith("=") else word
