"""The order of a C-STORE on the disk and on the wire, as the system saw it.

An answer may leave when the data set, its name and the folders that hold the name are on disk:
data written, synced, named, folder synced, answered. A kill cannot show it, for the page cache
outlives a process; the calls that a power cut would find undone can.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from dicom_node.config import Settings
from dicom_node.demo.pacs import free_port
from tests.builders import a_series, write_series
from tests.serving import ServedNode, node_toml, serving
from tests.straced import FOLDERS, NAMINGS, READS, SENDS, SYNCS, WRITES, Call, strace
from tests.tools import program

pytestmark = [
    pytest.mark.dcmtk,
    pytest.mark.skipif(sys.platform != "linux", reason="strace is Linux's"),
    # pynetdicom drops the socket of a refused connection without closing it.
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
]
EDGE = 512
DATA_BYTES = EDGE * EDGE * 2


@dataclass(frozen=True, slots=True)
class Answered:
    """One C-STORE on the wire: the first read of its message, and the answer that left."""

    first_read: Call
    answer: Call


@dataclass(frozen=True, slots=True)
class Seen:
    """All calls during an association that sent one image, the next, and the first again."""

    calls: list[Call]
    messages: list[Answered]
    paths: tuple[Path, Path]
    store: Path


@pytest.fixture(scope="module", params=["plain", "tls"])
def seen(request, tmp_path_factory) -> Seen:
    """What two receivers of a node did, in the clear and over TLS."""
    folder = tmp_path_factory.mktemp(request.param)
    port, more, options = free_port(), "", []
    if request.param == "tls":
        if "tls" not in Settings.model_fields:
            pytest.skip("this node has no [tls] section")
        key, certificate = a_certificate(folder)
        port = free_port()
        more = (
            f'[tls]\nport = {port}\ncertificate = "{certificate}"\nkey = "{key}"\n'
            f'ca = "{certificate}"\n'
        )
        options = ["+tls", key, certificate, "+cf", certificate]
    images = a_series(slices=2, pixels=np.zeros((2, EDGE, EDGE), np.int16), key=request.param)
    first, second = write_series(folder / "images", images)
    toml = node_toml(folder, port=free_port() if more else port, more=more, receivers=2)
    with serving(folder, toml) as node:
        pids = [node.pid_of(role) for role in ("receiver-1", "receiver-2")]
        with strace(pids, folder) as trace:
            storescu(node, port, options, (first, second, first))
        store = node.settings.store_folder.resolve()
    series = store / "received" / images[0].StudyInstanceUID / images[0].SeriesInstanceUID
    kept = [series / path.name for path in (first, second)]
    assert all(path.is_file() for path in kept)
    return Seen(trace.calls, messages_in(trace.calls, port), (kept[0], kept[1]), store)


def storescu(node: ServedNode, port: int, options: Sequence[object], paths: Sequence[Path]) -> None:
    command = [program("storescu", package="dcmtk"), "-aec", "DICOM_NODE", "-R", *options]
    command += [node.settings.receive.host, port, *paths]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def a_certificate(folder: Path) -> tuple[Path, Path]:
    """Key and certificate for both sides, which trust it for itself."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    command = [program("openssl", package="openssl"), "req", "-x509", "-newkey", "rsa:3072"]
    command += ["-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext"]
    command += ["subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", certificate]
    subprocess.run(list(map(str, command)), check=True, capture_output=True)
    return key, certificate


def messages_in(calls: list[Call], port: int) -> list[Answered]:
    """Each C-STORE: as many bytes read as a data set has, and the first thing sent after them.

    The sender waits for an answer before it goes on, so nothing else can be sent in between.
    """
    found: list[Answered] = []
    first: Call | None = None
    read = 0
    for call in sorted(calls, key=lambda one: one.begun):
        if not (call.what.startswith("TCP") and f":{port}->" in call.what):
            continue
        if call.name in READS and call.result > 0 and "MSG_PEEK" not in call.arguments:
            first = first or call
            read += call.result
        elif call.name in SENDS and call.result > 0:
            if first and read > DATA_BYTES:
                found.append(Answered(first, call))
            first, read = None, 0
    return found


def naming_of(path: Path, calls: list[Call]) -> list[Call]:
    """Calls that gave a file this name."""
    return [
        call
        for call in calls
        if call.name in NAMINGS
        and call.result == 0
        and call.texts[-1].rpartition("/")[2] == path.name
    ]


def syncs_of(what: Path | str, calls: list[Call]) -> list[Call]:
    return [one for one in calls if one.name in SYNCS and one.what == str(what) and not one.result]


def named_by(naming: Call, calls: list[Call]) -> str:
    """The file that got the name: by its temporary name, or the one written to that descriptor."""
    source = naming.texts[0]
    if not source.startswith("/proc/self/fd/"):
        return source
    return [
        call.what
        for call in calls
        if call.thread == naming.thread
        and call.name in WRITES
        and call.descriptor == int(source.rpartition("/")[2])
        and call.is_over_before(naming)
    ][-1]


def steps(seen: Seen, path: Path, message: Answered) -> tuple[list[Call], Call, Call]:
    """Writes of the data, its sync and the naming of one new instance."""
    (naming,) = naming_of(path, seen.calls)
    part = named_by(naming, seen.calls)
    writes = [call for call in seen.calls if call.name in WRITES and call.what.startswith(part)]
    assert sum(call.result for call in writes) == path.stat().st_size
    data_syncs = [one for one in syncs_of(part, seen.calls) if writes[-1].is_over_before(one)]
    assert data_syncs, "the data was not synced after its last write"
    assert message.first_read.begun < writes[0].begun
    return writes, data_syncs[0], naming


@pytest.mark.parametrize("number", [0, 1], ids=["in new folders", "beside another"])
def test_data_then_name_then_folder_then_answer(seen, number):
    path, message = seen.paths[number], seen.messages[number]

    writes, data_sync, naming = steps(seen, path, message)

    assert writes[-1].is_over_before(data_sync)
    assert data_sync.is_over_before(naming)
    folder_syncs = [one for one in syncs_of(path.parent, seen.calls) if naming.is_over_before(one)]
    assert folder_syncs, "the folder was not synced after the naming"
    assert folder_syncs[0].is_over_before(message.answer)


def test_new_folders_are_on_disk_before_the_answer(seen):
    path, message = seen.paths[0], seen.messages[0]
    for folder in (path.parent, path.parent.parent):
        made = next(
            call
            for call in seen.calls
            if call.name in FOLDERS and call.texts[0].rpartition("/")[2] == folder.name
        )
        syncs = [one for one in syncs_of(folder.parent, seen.calls) if made.is_over_before(one)]
        assert syncs, f"{folder.name} was made, and the folder above it not synced"
        assert syncs[0].is_over_before(message.answer)


def test_what_is_sent_again_gets_no_new_name_and_its_folder_is_on_disk_before_the_answer(seen):
    path, message = seen.paths[0], seen.messages[2]
    during = [
        call for call in seen.calls if message.first_read.begun < call.begun < message.answer.begun
    ]

    assert [] == [call for call in during if call.name in NAMINGS and path.stem in call.texts[-1]]
    assert any(one.is_over_before(message.answer) for one in syncs_of(path.parent, during))


def test_each_request_got_one_answer(seen):
    assert 3 == len(seen.messages)
