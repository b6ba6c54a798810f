"""Sending to real peers: dcmtk's storescp, and the node's own SCP."""

from __future__ import annotations

import socket
import subprocess
import threading
import time
from contextlib import contextmanager

import pytest
from pydicom import dcmread
from pydicom.uid import (
    CTImageStorage,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)
from pynetdicom import AllStoragePresentationContexts

from dicom_node.config import PeerSection
from dicom_node.net.entity import ClosedSocket
from dicom_node.net.errors import AssociationRefused, PeerUnreachable
from dicom_node.net.listener import open_listener
from dicom_node.net.scp import StorageScp
from dicom_node.net.scu import OutgoingFile, echo, send, taken_classes
from dicom_node.net.status import Status
from dicom_node.net.transcoding import SYNTAXES, can_become
from tests.builders import a_series, write_series
from tests.receiving import HeardIntake, settings_for, wait_until
from tests.tools import program

TIMEOUT_S = 10.0


def peer_at(port, ae_title="PEER", host="127.0.0.1"):
    return PeerSection(ae_title=ae_title, host=host, port=port, is_destination=True)


@contextmanager
def storescp(folder, *options):
    """dcmtk's storescp on a free port; gives the peer."""
    folder.mkdir(exist_ok=True)
    with open_listener("127.0.0.1", 0) as free:
        port = free.getsockname()[1]
    command = [program("storescp", package="dcmtk"), *options, "-od", str(folder), str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: connects(port))
        yield peer_at(port)
    finally:
        process.kill()
        process.wait()


def connects(port) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except ConnectionRefusedError:
        return False
    return True


def files_of(folder, images) -> list[OutgoingFile]:
    return [
        OutgoingFile(
            path, image.SOPClassUID, image.SOPInstanceUID, image.file_meta.TransferSyntaxUID
        )
        for path, image in zip(write_series(folder, images), images, strict=True)
    ]


def compressed(images):
    for image in images:
        image.compress(RLELossless, generate_instance_uid=False)
    return images


class Archive:
    """Our own SCP, keeping what it is sent in memory."""

    def __init__(self, tmp_path, status=Status.SUCCESS):
        self.received, self.status = [], status
        intake = HeardIntake(self._receive)
        self.associations = intake.associations
        self.scp = StorageScp(settings_for(tmp_path / "archive"), intake)

    def _receive(self, request):
        self.received.append(request)
        return self.status

    def __enter__(self):
        _, port = self.scp.start()
        self.peer = peer_at(port)
        return self

    def __exit__(self, *_):
        self.scp.stop(deadline_s=1)


def test_files_arrive_as_they_lie_on_disk_with_a_status_each(tmp_path):
    images = a_series(slices=2) + compressed(a_series("MR", slices=2, key="b"))
    files = files_of(tmp_path / "images", images)
    with Archive(tmp_path) as archive:
        assert send(archive.peer, "NODE", files, TIMEOUT_S) == [Status.SUCCESS] * 4
    assert [association.calling_aet for association in archive.associations] == ["NODE"]
    for file, incoming in zip(files, archive.received, strict=True):
        assert incoming.transfer_syntax_uid == file.transfer_syntax_uid
        assert file.path.read_bytes().endswith(incoming.encoded)


def test_the_peer_s_status_is_given_back(tmp_path):
    files = files_of(tmp_path / "images", a_series(slices=2))
    with Archive(tmp_path, status=Status.OUT_OF_RESOURCES) as archive:
        assert send(archive.peer, "NODE", files, TIMEOUT_S) == [Status.OUT_OF_RESOURCES] * 2


@pytest.mark.dcmtk
@pytest.mark.parametrize(
    ("option", "arrives_in"),
    [("+xr", RLELossless), ("+x=", ExplicitVRLittleEndian), ("+xi", ImplicitVRLittleEndian)],
)
def test_net_03_what_the_peer_declines_is_decoded_for_it(tmp_path, option, arrives_in):
    (image,) = a_series(slices=1)
    files = files_of(tmp_path / "images", compressed(a_series(slices=1)))
    with storescp(tmp_path / "peer", option, "+B") as peer:
        assert send(peer, "NODE", files, TIMEOUT_S) == [Status.SUCCESS]
    (arrived,) = (tmp_path / "peer").iterdir()
    found = dcmread(arrived)
    assert found.file_meta.TransferSyntaxUID == arrives_in
    assert (found.pixel_array == image.pixel_array).all()
    assert found.SOPInstanceUID == image.SOPInstanceUID


@pytest.mark.dcmtk
def test_explicit_is_turned_into_implicit_for_a_peer_that_knows_no_other(tmp_path):
    files = files_of(tmp_path / "images", a_series(slices=2))
    with storescp(tmp_path / "peer", "+xi", "+B") as peer:
        assert send(peer, "NODE", files, TIMEOUT_S) == [Status.SUCCESS] * 2
    for arrived in (tmp_path / "peer").iterdir():
        assert dcmread(arrived).file_meta.TransferSyntaxUID == ImplicitVRLittleEndian


@pytest.mark.dcmtk
def test_net_04_a_class_that_the_peer_does_not_take_gets_a_status(tmp_path):
    labelmap = "1.2.840.10008.5.1.4.1.1.66.7"
    images = a_series(slices=1) + a_series(slices=1, key="b", SOPClassUID=labelmap)
    images[1].file_meta.MediaStorageSOPClassUID = labelmap
    files = files_of(tmp_path / "images", images)
    with storescp(tmp_path / "peer") as peer:
        assert send(peer, "NODE", files, TIMEOUT_S) == [Status.SUCCESS, Status.CLASS_NOT_SUPPORTED]
        with pytest.raises(AssociationRefused):
            send(peer, "NODE", files[1:], TIMEOUT_S)


def test_net_03_more_than_128_contexts_go_over_several_associations(tmp_path):
    images = a_series(slices=100)
    for image, context in zip(images, AllStoragePresentationContexts, strict=False):
        image.SOPClassUID = image.file_meta.MediaStorageSOPClassUID = context.abstract_syntax
    files = files_of(tmp_path / "images", images)
    with Archive(tmp_path) as archive:
        assert send(archive.peer, "NODE", files, TIMEOUT_S) == [Status.SUCCESS] * 100
    assert len(archive.associations) == 2
    assert [one.sop_instance_uid for one in archive.received] == [f.sop_instance_uid for f in files]


@pytest.mark.dcmtk
@pytest.mark.parametrize("word", SYNTAXES)
def test_a_preferred_transfer_syntax_is_sent_and_the_pixels_stay(tmp_path, word):
    (image,) = a_series(slices=1)
    files = files_of(tmp_path / "images", [image])
    with storescp(tmp_path / "peer", "+xa", "+B") as peer:
        assert send(peer, "NODE", files, TIMEOUT_S, preferred=[SYNTAXES[word]]) == [0]
    (arrived,) = (tmp_path / "peer").iterdir()
    found = dcmread(arrived)
    assert found.file_meta.TransferSyntaxUID == SYNTAXES[word]
    assert (found.pixel_array == image.pixel_array).all()
    rest = {element.tag for element in image if element.tag != 0x7FE00010}
    assert [] == [tag for tag in rest if found[tag].value != image[tag].value]


@pytest.mark.dcmtk
def test_g_8_a_preferred_syntax_that_the_peer_declines_gives_way_to_explicit(tmp_path):
    files = files_of(tmp_path / "images", a_series(slices=1))
    wanted = [SYNTAXES["jpeg-2000"], SYNTAXES["rle"]]
    with storescp(tmp_path / "peer", "+x=", "+B") as peer:
        assert send(peer, "NODE", files, TIMEOUT_S, preferred=wanted) == [Status.SUCCESS]
    (arrived,) = (tmp_path / "peer").iterdir()
    assert dcmread(arrived).file_meta.TransferSyntaxUID == ExplicitVRLittleEndian


def test_the_best_of_several_preferred_syntaxes_is_sent_and_implicit_before_explicit(tmp_path):
    files = files_of(tmp_path / "images", a_series(slices=1))
    with Archive(tmp_path) as archive:
        for words in (["rle", "jpeg-ls"], ["jpeg-ls", "rle"], ["implicit"], []):
            wanted = [SYNTAXES[word] for word in words]
            assert send(archive.peer, "NODE", files, TIMEOUT_S, preferred=wanted) == [0]
    assert [one.transfer_syntax_uid for one in archive.received] == [
        SYNTAXES[word] for word in ("rle", "jpeg-ls", "implicit", "explicit")
    ]


def test_what_cannot_be_compressed_without_loss_is_not_offered_so(tmp_path):
    grey, bits, floats, colour, document = a_series(slices=5)
    bits.BitsAllocated, floats.BitsAllocated, colour.SamplesPerPixel = 1, 32, 3
    del document.Rows
    paths = write_series(tmp_path, [grey, bits, floats, colour, document])

    for word in ("rle", "jpeg-ls", "jpeg-2000"):
        assert [can_become(path, SYNTAXES[word]) for path in paths] == [True, *[False] * 4]
    assert all(can_become(path, SYNTAXES["deflated"]) for path in paths)


def test_pixels_that_an_encoder_would_change_are_sent_as_they_are(tmp_path):
    """Bits above Bits Stored, which real scanners leave there: a codec drops or refuses them."""
    (image,) = a_series(slices=1)
    image.BitsStored, image.HighBit = 8, 7
    files = files_of(tmp_path / "images", [image])
    with Archive(tmp_path) as archive:
        wanted = [SYNTAXES["jpeg-ls"], SYNTAXES["jpeg-2000"]]
        assert send(archive.peer, "NODE", files, TIMEOUT_S, preferred=wanted) == [0]
    (one,) = archive.received
    assert one.transfer_syntax_uid == ExplicitVRLittleEndian


@pytest.mark.dcmtk
def test_a_peer_is_asked_which_classes_it_takes(tmp_path):
    labelmap = "1.2.840.10008.5.1.4.1.1.66.7"
    images = a_series(slices=1) + a_series(slices=1, key="b", SOPClassUID=labelmap)
    images[1].file_meta.MediaStorageSOPClassUID = labelmap
    files = files_of(tmp_path / "images", images)
    with storescp(tmp_path / "peer") as peer:
        assert taken_classes(peer, "NODE", files, TIMEOUT_S) == {str(CTImageStorage)}
        assert taken_classes(peer, "NODE", files[1:], TIMEOUT_S) == set()
    assert [] == list((tmp_path / "peer").iterdir())


def test_echo_returns_when_the_peer_answers(tmp_path):
    with Archive(tmp_path) as archive:
        assert echo(archive.peer, "NODE", TIMEOUT_S) is None


def test_a_peer_that_is_not_there_is_unreachable(tmp_path):
    with open_listener("127.0.0.1", 0) as free:
        peer = peer_at(free.getsockname()[1])
    files = files_of(tmp_path / "images", a_series(slices=1))
    with pytest.raises(PeerUnreachable, match=f"PEER at 127.0.0.1:{peer.port}"):
        echo(peer, "NODE", TIMEOUT_S)
    with pytest.raises(PeerUnreachable):
        send(peer, "NODE", files, TIMEOUT_S)
    with pytest.raises(PeerUnreachable, match="no such address"):
        echo(peer_at(104, host="no-such-host.invalid"), "NODE", TIMEOUT_S)


def test_a_peer_that_never_answers_is_given_up():
    with open_listener("127.0.0.1", 0) as silent, pytest.raises(PeerUnreachable):
        echo(peer_at(silent.getsockname()[1]), "NODE", timeout_s=0.3)


class LateEvent(threading.Event):
    """Whoever waits for it comes late, as on a busy machine."""

    def wait(self, timeout=None):
        came = super().wait(timeout)
        time.sleep(0.3)
        return came


class LateLooked(ClosedSocket):
    """A connection that the peer has closed again before anybody looks whether it is there."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._ready = LateEvent()


@pytest.mark.dcmtk
@pytest.mark.parametrize("connection", [ClosedSocket, LateLooked])
def test_a_peer_that_declines_says_why(tmp_path, monkeypatch, connection):
    monkeypatch.setattr("dicom_node.net.entity.ClosedSocket", connection)
    with (
        storescp(tmp_path / "peer", "--refuse") as peer,
        pytest.raises(AssociationRefused, match="PEER"),
    ):
        echo(peer, "NODE", TIMEOUT_S)


@pytest.mark.dcmtk
@pytest.mark.parametrize("option", ["--abort-during", "--abort-after"])
def test_a_peer_that_breaks_off_is_unreachable_and_no_value_is_told(tmp_path, option):
    files = files_of(tmp_path / "images", a_series(slices=3))
    with storescp(tmp_path / "peer", option) as peer, pytest.raises(PeerUnreachable) as broke:
        send(peer, "NODE", files, TIMEOUT_S)
    assert files[0].sop_instance_uid not in str(broke.value)


def test_several_threads_send_at_once(tmp_path):
    files = [files_of(tmp_path / f"{key}", a_series(slices=5, key=key)) for key in range(4)]
    given = []
    with Archive(tmp_path) as archive:
        threads = [
            threading.Thread(target=lambda f=f: given.extend(send(archive.peer, "NODE", f, 30)))
            for f in files
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert given == [Status.SUCCESS] * 20
    assert {one.sop_class_uid for one in archive.received} == {CTImageStorage}
