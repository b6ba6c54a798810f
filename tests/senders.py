"""Programs of others that send a file as it is: dcmtk's storescu, or Orthanc."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dicom_node.demo.pacs import free_port
from tests.receiving import wait_until
from tests.tools import program

SENT_WITHIN_S = 120


@dataclass(frozen=True, slots=True)
class Told:
    """Whether the receiver answered with success, and what the sender said."""

    is_stored: bool
    words: str


def storescu(path: Path, sop_class: str, transfer_syntax: str, port: int, folder: Path) -> Told:
    """Send one file in its own transfer syntax, which alone is proposed.

    storescu's options propose a compressed syntax beside the plain ones, and it then converts what
    it can; an association profile of its own can say exactly this.
    """
    profile = folder / "own.cfg"
    profile.write_text(
        f"[[TransferSyntaxes]]\n[Own]\nTransferSyntax1 = {transfer_syntax}\n"
        f"[[PresentationContexts]]\n[Own]\nPresentationContext1 = {sop_class}\\Own\n"
        "[[Profiles]]\n[Own]\nPresentationContexts = Own\n"
    )
    command = [program("storescu", package="dcmtk"), "-v", "-aec", "DICOM_NODE"]
    command += ["-xf", str(profile), "Own", "127.0.0.1", str(port), str(path)]
    done = subprocess.run(
        command, capture_output=True, text=True, errors="replace", check=False,
        timeout=SENT_WITHIN_S,
    )  # fmt: skip
    lines = done.stderr.splitlines()
    answers = [line for line in lines if "Received Store Response" in line]
    if answers:
        words = answers[0].partition("(")[2].rstrip(")")
        return Told(words.startswith("Success"), words)
    return Told(False, _last_words(lines, path))


def _last_words(lines: list[str], path: Path) -> str:
    """storescu's first error that says more than that there was one."""
    errors = [line[3:] for line in lines if line.startswith(("E: ", "F: "))]
    told = [one for one in errors if not one.startswith("Store Failed")] or errors
    return told[0].replace(str(path), path.name) if told else "no answer and no error"


@dataclass(frozen=True, slots=True)
class Orthanc:
    """An Orthanc that sends what it is given to receivers by their names."""

    page: str

    def send(self, path: Path, receiver: str) -> Told:
        """Give it the file and have it passed on without transcoding."""
        try:
            given = self._post("instances", path.read_bytes())
            self._post(f"modalities/{receiver}/store", json.dumps([given["ID"]]).encode())
        except urllib.error.HTTPError as error:
            answer = json.loads(error.read() or b"{}")
            return Told(False, answer.get("Details") or answer.get("Message") or str(error))
        return Told(True, "Success")

    def _post(self, path: str, body: bytes) -> dict[str, str]:
        request = urllib.request.Request(self.page + path, body)
        with urllib.request.urlopen(request, timeout=SENT_WITHIN_S) as answer:
            return json.load(answer)


@contextmanager
def an_orthanc(folder: Path, receivers: Mapping[str, int]) -> Iterator[Orthanc]:
    """An Orthanc that knows these receivers by their ports."""
    folder.mkdir(parents=True, exist_ok=True)
    web = free_port()
    settings = folder / "orthanc.json"
    settings.write_text(
        json.dumps(
            {
                "StorageDirectory": str(folder / "storage"),
                "IndexDirectory": str(folder / "storage"),
                "DicomServerEnabled": False,
                "HttpPort": web,
                "RemoteAccessAllowed": False,
                "AuthenticationEnabled": False,
                "OverwriteInstances": True,
                "TranscodeDicomProtocol": False,
                "DicomModalities": {
                    name: ["DICOM_NODE", "127.0.0.1", port] for name, port in receivers.items()
                },
            }
        )
    )
    with (folder / "orthanc.txt").open("wb") as output:
        running = subprocess.Popen(
            [program("Orthanc", package="orthanc"), str(settings)], stdout=output, stderr=output
        )
    page = f"http://127.0.0.1:{web}/"
    try:
        wait_until(lambda: running.poll() is not None or _answers(page))
        yield Orthanc(page)
    finally:
        running.terminate()
        running.wait(30)


@contextmanager
def a_storescp(
    folder: Path, sop_classes: Collection[str], transfer_syntaxes: Collection[str]
) -> Iterator[int]:
    """Port of a storescp that keeps bytes as they came (``+B``) and takes all that is named.

    Its options know fewer transfer syntaxes than dcmtk can carry; a profile can name any.
    """
    folder.mkdir(parents=True, exist_ok=True)
    profile = folder.with_suffix(".cfg")
    named = {"TransferSyntax": transfer_syntaxes, "PresentationContext": sop_classes}
    lines = {
        key: "".join(f"{key}{number} = {uid}\n" for number, uid in enumerate(sorted(uids), 1))
        for key, uids in named.items()
    }
    contexts = re.sub(r"(?<== )(\S+)", r"\1\\All", lines["PresentationContext"])
    profile.write_text(
        f"[[TransferSyntaxes]]\n[All]\n{lines['TransferSyntax']}"
        f"[[PresentationContexts]]\n[All]\n{contexts}"
        "[[Profiles]]\n[All]\nPresentationContexts = All\n"
    )
    port = free_port()
    command = [program("storescp", package="dcmtk"), "+B", "-xf", str(profile), "All"]
    quiet = subprocess.DEVNULL
    running = subprocess.Popen(
        [*command, "-od", str(folder), str(port)], stdout=quiet, stderr=quiet
    )
    try:
        wait_until(lambda: running.poll() is not None or listens(port))
        assert running.poll() is None, "storescp did not start"
        yield port
    finally:
        running.terminate()
        running.wait(30)


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 5).close()
    except OSError:
        return False
    return True


def _answers(page: str) -> bool:
    try:
        with urllib.request.urlopen(page + "system"):
            return True
    except OSError:
        return False
