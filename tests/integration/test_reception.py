"""The receiver process with real senders on real sockets."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian, JPEG2000Lossless, RLELossless
from pynetdicom import (
    ALL_TRANSFER_SYNTAXES,
    AllStoragePresentationContexts,
    build_context,
)
from sqlalchemy import select

from dicom_node.net.entity import Entity
from dicom_node.net.listener import open_listener
from dicom_node.net.status import Status
from storage.audit import list_events
from storage.db.engine import Database
from storage.db.tables import Association, Instance, Study
from tests.builders import CANARY, a_series, write_series
from tests.receiving import a_receiver, encode, incoming, store_keys, wait_until
from tests.tools import program

PEERS = """
[peers.ct]
ae_title = "CT1"
host = "127.0.0.1"
"""


@pytest.fixture(params=["fast", "stock"])
def node_file(tmp_path, sqlite_template, request) -> Path:
    """A settings file of a node with a database and nothing in it, on either receive path."""
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    (folder / "node.db").write_bytes(sqlite_template.read_bytes())
    file = tmp_path / "node.toml"
    file.write_text(
        f"[node]\ndata_folder = '{folder}'\n"
        f"[receive]\nport = 0\ndisk_reserve_mb = 0\n"
        f"stock_path = {str(request.param == 'stock').lower()}\n"
    )
    return file


def rows(node_file, table):
    db = Database(f"sqlite:///{node_file.parent / 'data' / 'node.db'}")
    try:
        with db.read() as session:
            return list(session.scalars(select(table)))
    finally:
        db.close()


def alerts(node_file):
    db = Database(f"sqlite:///{node_file.parent / 'data' / 'node.db'}")
    try:
        with db.read() as session:
            return list_events(session, limit=100, event="110113")
    finally:
        db.close()


def dcmtk(name, port, *arguments):
    """Run one of dcmtk's programs against the receiver."""
    command = [program(name, package="dcmtk"), *arguments[:-1], "127.0.0.1", str(port)]
    command += [str(arguments[-1])] if arguments and arguments[-1] else []
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def associate(port, contexts, calling="SENDER", called="DICOM_NODE"):
    return Entity(calling).associate("127.0.0.1", port, contexts=contexts, ae_title=called)


@pytest.mark.dcmtk
def test_echo_and_a_folder_by_storescu(node_file, tmp_path):
    images = a_series(slices=5) + a_series("MR", slices=4, key="b")
    write_series(tmp_path / "images", images)
    with a_receiver(node_file) as receiver:
        assert dcmtk("echoscu", receiver.port, "-v", "").returncode == 0
        sent = dcmtk("storescu", receiver.port, "+sd", "-aet", "SCANNER", tmp_path / "images")
        assert sent.returncode == 0, sent.stderr
        assert len(store_keys(node_file.parent / "data")) == 9
        wait_until(lambda: [row.outcome for row in rows(node_file, Association)] == ["released"])
    by_uid = {row.sop_uid: row for row in rows(node_file, Instance)}
    for image in images:
        row = by_uid[image.SOPInstanceUID]
        path = node_file.parent / "data" / "store" / row.file_key
        assert path.stat().st_mode & 0o777 == 0o600
        stored = dcmread(path)
        assert stored.file_meta.TransferSyntaxUID == row.transfer_syntax_uid
        assert stored == dcmread(tmp_path / "images" / f"{image.SOPInstanceUID}.dcm")


@pytest.mark.dcmtk
def test_every_plain_syntax_of_storescu(node_file, tmp_path):
    options = ("-xe", "-xb", "-xi", "-xd")
    images = [a_series(slices=1, key=option)[0] for option in options]
    with a_receiver(node_file) as receiver:
        for option, image in zip(options, images, strict=True):
            write_series(tmp_path / option, [image])
            sent = dcmtk("storescu", receiver.port, "+sd", option, tmp_path / option)
            assert sent.returncode == 0, sent.stderr
    for image in images:
        stored = dcmread(stored_files(node_file)[image.SOPInstanceUID])
        assert stored.PatientName == CANARY
        assert (stored.pixel_array == image.pixel_array).all()


def test_net_01_every_storage_class_in_every_transfer_syntax_is_taken(node_file):
    private = ["1.2.840.113619.4.26", "1.3.12.2.1107.5.9.1", "1.2.840.10008.5.1.4.1.1.66.7"]
    classes = [str(one.abstract_syntax) for one in AllStoragePresentationContexts] + private
    syntaxes = [str(one) for one in ALL_TRANSFER_SYNTAXES]
    pairs = [(name, syntaxes[index % len(syntaxes)]) for index, name in enumerate(classes)]
    pairs += [(classes[0], syntax) for syntax in syntaxes]
    with a_receiver(node_file) as receiver:
        for start in range(0, len(pairs), 128):
            wanted = pairs[start : start + 128]
            association = associate(receiver.port, [build_context(*pair) for pair in wanted])
            taken = [
                (str(one.abstract_syntax), str(one.transfer_syntax[0]))
                for one in association.accepted_contexts
            ]
            association.release()
            assert taken == wanted


def test_net_02_bytes_are_kept_as_received_in_the_received_syntax(node_file, tmp_path):
    requests = []
    for index, syntax in enumerate(
        [ImplicitVRLittleEndian, ExplicitVRBigEndian, RLELossless, JPEG2000Lossless]
    ):
        (image,) = a_series(slices=1, key=index)
        if syntax.is_compressed:
            image.PixelData = encapsulate([bytes(range(200))])
            image["PixelData"].VR = "OB"
            image["PixelData"].is_undefined_length = True
            requests.append(incoming(image, transfer_syntax_uid=syntax, encoded=encode(image)))
        else:
            requests.append(incoming(image, transfer_syntax_uid=syntax))
    with a_receiver(node_file) as receiver:
        assert store(receiver.port, requests, tmp_path) == [Status.SUCCESS] * 4
    files = stored_files(node_file)
    for request in requests:
        path = files[request.sop_instance_uid]
        assert path.read_bytes().endswith(request.encoded)
        assert dcmread(path).file_meta.TransferSyntaxUID == request.transfer_syntax_uid


def store(port, requests, folder) -> list[int]:
    """Send requests as they are over one association; the statuses."""
    contexts = {(one.sop_class_uid, one.transfer_syntax_uid) for one in requests}
    association = associate(port, [build_context(*pair) for pair in sorted(contexts)])
    statuses = []
    for index, request in enumerate(requests):
        path = folder / f"request-{index}.dcm"
        path.write_bytes(request.file)
        statuses.append(association.send_c_store(path).get("Status"))
    association.release()
    return statuses


def test_what_cannot_be_taken_gets_a_status_and_others_go_on(node_file, tmp_path):
    image, second = a_series(slices=2)
    (homeless,) = a_series(slices=1, key="homeless", StudyInstanceUID=None)
    whole = encode(image)
    requests = [
        incoming(image, encoded=whole[: len(whole) // 2]),
        incoming(image, encoded=b""),
        incoming(image, encoded=b"not a data set"),
        incoming(homeless),
        incoming(image, sop_instance_uid="1.2.3"),
        incoming(second),
    ]
    with a_receiver(node_file) as receiver:
        assert store(receiver.port, requests, tmp_path) == [
            Status.CANNOT_UNDERSTAND,
            Status.CANNOT_UNDERSTAND,
            Status.CANNOT_UNDERSTAND,
            Status.LACKS_IDENTITY,
            Status.DOES_NOT_MATCH,
            Status.SUCCESS,
        ]
        assert dcmtk("echoscu", receiver.port, "").returncode == 0
        refusals = [line for line in receiver.log.read_text().splitlines() if "refused" in line]
    assert len(refusals) == 5
    assert len(store_keys(node_file.parent / "data")) == 1


@pytest.mark.dcmtk
def test_prv_02_nothing_of_a_patient_is_logged(node_file, tmp_path):
    images = a_series(slices=3)
    broken = incoming(images[0], encoded=encode(images[0])[:-1])
    write_series(tmp_path / "images", images)
    node_file.write_text(node_file.read_text() + "[log]\nlevel = 'debug'\n")
    with a_receiver(node_file) as receiver:
        dcmtk("storescu", receiver.port, "+sd", tmp_path / "images")
        store(receiver.port, [broken], tmp_path)
        receiver.process.terminate()
        receiver.process.wait(30)
        text = receiver.log.read_text()
    assert "refused" in text
    for secret in (
        "Zzphi",
        "ZZ-a",
        "ACCa",
        "19700101",
        images[0].StudyInstanceUID,
        images[0].SOPInstanceUID,
    ):
        assert secret not in text


@pytest.mark.dcmtk
def test_several_senders_at_once_fill_several_receivers_of_one_port(node_file, tmp_path):
    for sender in range(4):
        write_series(tmp_path / f"{sender}", a_series(slices=10, key="shared", series=sender))
    with open_listener("127.0.0.1", 0) as listener:
        descriptor = listener.fileno()
        os.set_inheritable(descriptor, True)
        port = listener.getsockname()[1]
        option = ("--listen-fd", str(descriptor))
        with (
            a_receiver(node_file, *option, pass_fds=(descriptor,)) as one,
            a_receiver(node_file, *option, pass_fds=(descriptor,)) as two,
        ):
            assert (one.port, two.port) == (port, port)
            command = [program("storescu", package="dcmtk"), "+sd", "127.0.0.1", str(port)]
            senders = [
                subprocess.Popen([*command, str(tmp_path / f"{sender}")]) for sender in range(4)
            ]
            assert [sender.wait(60) for sender in senders] == [0] * 4
            one.process.terminate()
            assert one.process.wait(30) == 0
            assert dcmtk("echoscu", port, "").returncode == 0  # the other still listens
            two.process.terminate()
            assert two.process.wait(30) == 0
    assert len(rows(node_file, Instance)) == 40
    assert len(rows(node_file, Study)) == 1


@pytest.mark.dcmtk
def test_net_06_a_stranger_is_rejected_and_audited(node_file, tmp_path):
    write_series(tmp_path / "images", a_series(slices=1))
    node_file.write_text(node_file.read_text() + PEERS)
    with a_receiver(node_file) as receiver:
        wrong_calling = dcmtk("echoscu", receiver.port, "-aet", "XX", "-aec", "DICOM_NODE", "")
        wrong_called = dcmtk("echoscu", receiver.port, "-aet", "CT1", "-aec", "OTHER", "")
        right = dcmtk(
            "storescu",
            receiver.port,
            "+sd",
            "-aet",
            "CT1",
            "-aec",
            "DICOM_NODE",
            tmp_path / "images",
        )
        found = wait_until(lambda: alerts(node_file) if len(alerts(node_file)) == 2 else None)
    assert "Calling AE Title Not Recognized" in wrong_calling.stderr
    assert "Called AE Title Not Recognized" in wrong_called.stderr
    assert right.returncode == 0
    assert {(row.actor, row.event_type, row.origin) for row in found} == {
        ("peer:XX", "110126", "127.0.0.1"),
        ("peer:CT1", "110126", "127.0.0.1"),
    }


def test_too_many_associations_are_rejected_and_the_first_ones_go_on(node_file):
    node_file.write_text(node_file.read_text() + "max_associations = 2\n")
    echo = build_context("1.2.840.10008.1.1")
    with a_receiver(node_file) as receiver:
        first, second = associate(receiver.port, [echo]), associate(receiver.port, [echo])
        third = associate(receiver.port, [echo])
        assert (first.is_established, second.is_established) == (True, True)
        assert third.is_rejected
        assert first.send_c_echo().Status == Status.SUCCESS
        first.release()
        wait_until(lambda: associate_and_release(receiver.port, echo))
        second.release()


def associate_and_release(port, context):
    association = associate(port, [context])
    taken = association.is_established
    if taken:
        association.release()
    return taken


def test_a_busy_port_ends_the_start_with_a_plain_line(node_file):
    with open_listener("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        text = node_file.read_text().replace("port = 0", f"port = {port}")
        node_file.write_text(text)
        ended = subprocess.run(
            [sys.executable, "-m", "dicom_node.receiver", "--config", str(node_file)],
            stdin=subprocess.PIPE,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert ended.returncode == 3
    (line,) = ended.stderr.splitlines()
    assert str(port) in line
    assert "[receive] port" in line


def test_an_association_that_breaks_off_keeps_what_was_acknowledged(node_file, tmp_path):
    images = a_series(slices=3)
    paths = write_series(tmp_path / "images", images)
    context = build_context(images[0].SOPClassUID, images[0].file_meta.TransferSyntaxUID)
    with a_receiver(node_file) as receiver:
        association = associate(receiver.port, [context])
        assert [association.send_c_store(path).Status for path in paths[:2]] == [0, 0]
        association.abort()
        ended = lambda: [row.outcome for row in rows(node_file, Association)] == ["aborted"]  # noqa: E731
        wait_until(ended)
    (study,) = rows(node_file, Study)
    assert study.incomplete == "an association was aborted after 2 instances"
    assert len(rows(node_file, Instance)) == 2


def test_a_connection_cut_inside_a_message_leaves_nothing_of_it(node_file, tmp_path):
    (image,) = a_series(slices=1, rows=512, columns=512)
    (path,) = write_series(tmp_path / "images", [image])
    context = build_context(image.SOPClassUID, image.file_meta.TransferSyntaxUID)
    with a_receiver(node_file) as receiver:
        association = associate(receiver.port, [context])
        plain = association.dul.socket.socket
        sent = []

        def cut(data: bytes) -> int:
            sent.append(len(data))
            if len(sent) > 2:
                plain.shutdown(socket.SHUT_RDWR)
            return plain.send(data)

        association.dul.socket.socket = _Wire(plain, cut)
        association.send_c_store(path)
        assert dcmtk("echoscu", receiver.port, "").returncode == 0
        receiver.process.terminate()
        assert receiver.process.wait(30) == 0
    assert store_keys(node_file.parent / "data") == []


class _Wire:
    """A socket whose `send` is somebody else's."""

    def __init__(self, plain, send):
        self._plain = plain
        self.send = send

    def __getattr__(self, name):
        return getattr(self._plain, name)


def test_a_silent_connection_is_ended_and_others_are_served(node_file):
    node_file.write_text(node_file.read_text() + "idle_timeout_s = 0.5\n")
    with a_receiver(node_file) as receiver:
        with socket.create_connection(("127.0.0.1", receiver.port)) as half:
            half.sendall(b"\x01\x00\x00\x00\x10\x00half a PDU")
            assert dcmtk("echoscu", receiver.port, "").returncode == 0
            half.settimeout(20)
            assert half.recv(100) is not None  # the receiver ends it: an abort or the end
            while half.recv(100):
                pass
        quiet = associate(receiver.port, [build_context("1.2.840.10008.1.1")])
        wait_until(lambda: not quiet.is_established)


def test_sigterm_lets_a_running_association_finish(node_file, tmp_path):
    images = a_series(slices=3)
    paths = write_series(tmp_path / "images", images)
    context = build_context(images[0].SOPClassUID, images[0].file_meta.TransferSyntaxUID)
    with a_receiver(node_file) as receiver:
        association = associate(receiver.port, [context])
        assert association.send_c_store(paths[0]).Status == Status.SUCCESS
        receiver.process.send_signal(signal.SIGTERM)
        wait_until(lambda: not connects(receiver.port))
        assert [association.send_c_store(path).Status for path in paths[1:]] == [0, 0]
        association.release()
        assert receiver.process.wait(30) == 0
    assert len(rows(node_file, Instance)) == 3
    assert rows(node_file, Association)[0].outcome == "released"


def connects(port) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except ConnectionRefusedError:
        return False
    return True


def test_a_receiver_ends_when_its_parent_does(node_file):
    with a_receiver(node_file) as receiver:
        receiver.process.stdin.close()
        assert receiver.process.wait(30) == 0


def test_kill_9_in_full_flight_loses_nothing_that_was_acknowledged(node_file, tmp_path):
    acknowledged: list[str] = []
    images = {}
    for sender in range(3):
        series = a_series(slices=60, key="killed", series=sender, rows=128, columns=128)
        for image, path in zip(series, write_series(tmp_path / f"{sender}", series), strict=True):
            images[image.SOPInstanceUID] = path
    for _ in range(2):
        kill_while_receiving(node_file, tmp_path, images, acknowledged)
    with a_receiver(node_file) as receiver:
        wait_until(lambda: len(rows(node_file, Instance)) == len(stored_files(node_file)))
        receiver.process.terminate()
        assert receiver.process.wait(30) == 0
    files = stored_files(node_file)
    assert len(acknowledged) >= 16
    assert set(acknowledged) <= set(files)
    assert {row.sop_uid for row in rows(node_file, Instance)} == set(files)
    for uid, path in files.items():  # no torn file is visible, acknowledged or not
        assert dcmread(path) == dcmread(images[uid])


def kill_while_receiving(node_file, tmp_path, images, acknowledged) -> None:
    """Send everything over three associations and kill the receiver in the middle."""
    context = build_context("1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.1.2.1")
    before = len(acknowledged)
    with a_receiver(node_file) as receiver:

        def send(paths):
            association = associate(receiver.port, [context])
            for path in paths:
                try:
                    status = association.send_c_store(path).get("Status")
                except RuntimeError:
                    return
                if status != Status.SUCCESS:
                    return
                acknowledged.append(path.stem)

        folders = [sorted((tmp_path / f"{sender}").iterdir()) for sender in range(3)]
        senders = [threading.Thread(target=send, args=(paths,)) for paths in folders]
        for sender in senders:
            sender.start()
        wait_until(lambda: len(acknowledged) >= before + 8)
        receiver.process.kill()
        for sender in senders:
            sender.join(60)


def stored_files(node_file):
    root = node_file.parent / "data" / "store" / "received"
    return {path.stem: path for path in root.rglob("*.dcm")}


def test_a_receiver_loads_neither_what_computes_nor_what_shows(node_file):
    code = (
        "import sys, dicom_node.receiver\n"
        "print([name for name in sys.modules"
        " if name.split('.')[0] in ('torch', 'highdicom', 'fastapi', 'pipelines', 'monai')])"
    )
    command = [sys.executable, "-c", code]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert ended.stdout == "[]\n", ended.stderr
