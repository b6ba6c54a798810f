"""A wire reads to the byte, with and without what only some systems have."""

import threading

import pytest

from dicom_node.net import wire
from dicom_node.net.errors import PeerGone, PeerSilent
from tests.unit.net.wires import a_wire


@pytest.fixture(params=["as here", "without"])
def system(request, monkeypatch):
    """This system, and one that has neither TCP_QUICKACK nor MSG_WAITALL."""
    if request.param == "without":
        monkeypatch.setattr(wire, "QUICKACK", None)
        monkeypatch.setattr(wire, "WAIT_ALL", 0)


def test_what_comes_in_pieces_fills_the_place(system):
    place = bytearray(6)
    with a_wire() as (ours, peer):
        for piece in (b"ab", b"c", b"def", b"rest"):
            peer.send(piece)
        ours.hurry()
        ours.fill(memoryview(place))
        assert place == b"abcdef"
        assert ours.wait(5)
        ours.fill(memoryview(place)[:4])
    assert place == b"restef"


def test_a_peer_that_ends_and_one_that_is_silent_are_told_apart(system):
    with a_wire(silence_s=0.1) as (ours, peer):
        peer.send(b"ab")
        with pytest.raises(PeerSilent):
            ours.fill(memoryview(bytearray(3)))
        assert not ours.wait(0)
        peer.close()
        with pytest.raises(PeerGone):
            ours.fill(memoryview(bytearray(3)))


def test_a_peer_that_drips_is_too_slow(system, monkeypatch):
    monkeypatch.setattr(wire, "SLOWEST_BYTES_PER_S", 1e9)
    is_over = threading.Event()

    def drip(peer):
        while not is_over.wait(0.02):
            peer.send(b"x")

    with a_wire(silence_s=0.3) as (ours, peer):
        dripping = threading.Thread(target=drip, args=(peer,))
        dripping.start()
        try:
            with pytest.raises(PeerSilent, match="too slow"):
                ours.fill(memoryview(bytearray(10_000)))
        finally:
            is_over.set()
            dripping.join()
