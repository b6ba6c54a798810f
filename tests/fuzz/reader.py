"""The receiver's reader of PDUs, fed in this process: the road of `net.upper_layer`, no sockets."""

from __future__ import annotations

from enum import StrEnum

from pynetdicom import pdu as stock

from dicom_node.intake.errors import NotTaken
from dicom_node.intake.header import scan_buffer
from dicom_node.net.command import read_command, store_request, store_response
from dicom_node.net.errors import ConnectionBroken, PeerGone
from dicom_node.net.pdata import P_DATA_TF, PduReader, fragments_of
from dicom_node.net.upper_layer import _command_of
from tests.fuzz.pdus import LONGEST_PDU, STORE_CONTEXTS

ASSOCIATE_RQ = 0x01
BUFFER_BYTES = 65_536
DECODERS = {
    0x01: stock.A_ASSOCIATE_RQ,
    0x02: stock.A_ASSOCIATE_AC,
    0x03: stock.A_ASSOCIATE_RJ,
    0x04: stock.P_DATA_TF,
    0x05: stock.A_RELEASE_RQ,
    0x06: stock.A_RELEASE_RP,
    0x07: stock.A_ABORT_RQ,
}


class Depth(StrEnum):
    """How far a conversation came."""

    STRANGER = "no association"
    ASSOCIATED = "an association"
    ANSWERED = "a C-STORE answered"


class BytesWire:
    """A wire on which all has been said already."""

    def __init__(self, said: bytes) -> None:
        self._said = memoryview(said)
        self.at = 0

    def hurry(self) -> None:
        """Nothing is held back."""

    def fill(self, view: memoryview) -> None:
        piece = self._said[self.at : self.at + len(view)]
        self.at += len(piece)
        if len(piece) < len(view):
            raise PeerGone("that was all")
        view[:] = piece


def feed(said: bytes) -> tuple[int, Depth]:
    """Read a stream to its end, or to what is refused: bytes that were read, and how far it came.

    Anything but the defined refusals is raised.
    """
    wire, depth = BytesWire(said), Depth.STRANGER
    reader = PduReader(wire, LONGEST_PDU, lambda _size: None)
    buffer = memoryview(bytearray(BUFFER_BYTES))
    try:
        while True:
            pdu = reader.read_pdu()
            if pdu[0] == P_DATA_TF and depth is not Depth.STRANGER:
                depth = _take_message(reader, pdu, buffer) or depth
            elif _decodes(pdu) and pdu[0] == ASSOCIATE_RQ and depth is Depth.STRANGER:
                depth = Depth.ASSOCIATED
            else:
                break
    except ConnectionBroken:
        pass
    return wire.at, depth


def _decodes(pdu: bytearray) -> bool:
    """Whether pynetdicom's decoder takes the PDU; whatever it raises, the receiver catches."""
    try:
        decoded = DECODERS[pdu[0]]()
        decoded.decode(bytes(pdu))
        decoded.to_primitive()
    except Exception:  # noqa: BLE001 - as net.upper_layer does
        return False
    return True


def _take_message(reader: PduReader, pdu: bytearray, buffer: memoryview) -> Depth | None:
    pdus = [pdu]
    context_id, command, rest = _command_of(pdu)
    while command is None:
        pdus.append(reader.read_data_pdu())
        context_id, command, rest = _command_of(*pdus)
    request = store_request(read_command(command))
    if request is None or context_id not in STORE_CONTEXTS:
        for one in pdus:
            _decodes(one)
            fragments_of(one)
        return None
    spilled = bytearray()
    last = memoryview(b"")
    if request.has_data_set:
        last = reader.read_data_set(context_id, rest, buffer, spilled.extend)
    status = 0x0000
    try:
        scan_buffer(memoryview(bytes(spilled) + bytes(last)), STORE_CONTEXTS[context_id])
    except NotTaken as refusal:
        status = int(refusal.status)
    store_response(context_id, request, status, request.sop_instance_uid + request.sop_class_uid)
    return Depth.ANSWERED
