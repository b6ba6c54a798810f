"""PDUs are read into place, whatever they are cut into, and no further than they may go."""

import socket
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dicom_node.net.errors import ConnectionBroken, PeerGone, PeerSilent, ProtocolViolated
from dicom_node.net.pdata import GRACE_BYTES, LONGEST_OTHER, Fragment, PduReader, fragments_of
from tests.unit.net.wires import a_wire, item, pdu

LONGEST = 4096
DATA, LAST, COMMAND = 0x00, 0x02, 0x01


def read(sent: bytes, buffer_bytes=64, begun=(), silence_s=5.0):
    """The data set that a peer sends, which then ends the connection."""
    with a_wire(silence_s) as (wire, peer):
        peer.sendall(sent)
        peer.shutdown(socket.SHUT_WR)
        spilled = []
        buffer = memoryview(bytearray(buffer_bytes))
        rest = PduReader(wire, LONGEST, lambda _size: None).read_data_set(
            1, begun, buffer, lambda piece: spilled.append(bytes(piece))
        )
        assert all(len(piece) == buffer_bytes for piece in spilled)
        return b"".join(spilled) + bytes(rest)


@settings(max_examples=50, deadline=None)
@given(
    pieces=st.lists(st.binary(max_size=200), min_size=1, max_size=8),
    joined=st.lists(st.booleans(), min_size=8, max_size=8),
    buffer_bytes=st.integers(1, 300),
)
def test_a_data_set_comes_out_whole_however_it_was_cut(pieces, joined, buffer_bytes):
    """Several items in a PDU, several PDUs, buffers smaller and larger than the whole."""
    last = len(pieces) - 1
    items = [item(piece, LAST if at == last else DATA) for at, piece in enumerate(pieces)]
    pdus: list[list[bytes]] = [[items[0]]]
    for one, stays in zip(items[1:], joined, strict=False):
        if stays:
            pdus[-1].append(one)
        else:
            pdus.append([one])

    assert b"".join(pieces) == read(b"".join(pdu(*one) for one in pdus), buffer_bytes)


def test_what_came_with_the_command_goes_first():
    begun = [Fragment(1, DATA, memoryview(b"ab"))]

    assert b"abcd" == read(pdu(item(b"cd", LAST)), begun=begun)
    assert b"ab" == read(b"", begun=[Fragment(1, LAST, memoryview(b"ab"))])


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        (pdu(item(b"x", DATA), item(b"y", LAST, context_id=3)), ProtocolViolated),
        (pdu(item(b"x", COMMAND)), ProtocolViolated),
        (pdu(item(b"x", LAST), item(b"y", DATA)), ProtocolViolated),
        (pdu(struct.pack(">LBB", 1, 1, LAST)), ProtocolViolated),
        (pdu(struct.pack(">LBB", 99, 1, LAST) + b"x"), ProtocolViolated),
        (pdu(b"\0\0\0"), ProtocolViolated),
        (pdu(kind=0x09), ProtocolViolated),
        (pdu(b"\0" * 4, kind=0x05), ProtocolViolated),
        (pdu(b"\0" * 4, kind=0x07), PeerGone),
        (struct.pack(">BxL", 4, LONGEST + GRACE_BYTES + 1), ProtocolViolated),
        (struct.pack(">BxL", 1, LONGEST_OTHER + 1), ProtocolViolated),
        (pdu(item(b"x" * 20, LAST))[:-1], PeerGone),
        (b"\4\0", PeerGone),
        (b"", PeerGone),
    ],
)
def test_what_is_no_data_set_ends_the_reading(sent, error):
    with pytest.raises(error) as caught:
        read(sent)
    assert type(caught.value) is error


def test_a_peer_that_falls_silent_within_a_pdu_is_left():
    with a_wire(silence_s=0.2) as (wire, peer):
        peer.sendall(pdu(item(b"x" * 20, LAST))[:-1])
        with pytest.raises(PeerSilent):
            PduReader(wire, LONGEST, lambda _size: None).read_data_set(
                1, (), memoryview(bytearray(64)), print
            )


def test_a_whole_pdu_is_given_as_it_came():
    sent = pdu(b"release", kind=0x05)
    with a_wire() as (wire, peer):
        peer.sendall(sent)
        assert sent == PduReader(wire, LONGEST, lambda _size: None).read_pdu()


@given(st.binary(max_size=120))
def test_fragments_of_anything_are_within_it_or_a_violation(body):
    whole = bytearray(pdu(body))
    try:
        found = fragments_of(whole)
    except ConnectionBroken:
        return
    assert len(body) == sum(6 + len(one.value) for one in found)
