"""Just enough of the upper layer to echo and to misbehave, in bytes (PS3.8 9.3, PS3.7 9.3).

It is written from the standard and shares no line with the node or pynetdicom, so what it measures
is the node and not its client.
"""

from __future__ import annotations

import socket
import struct

IMPLICIT_VR = "1.2.840.10008.1.2"
VERIFICATION = "1.2.840.10008.1.1"
CT_STORAGE = "1.2.840.10008.5.1.4.1.1.2"
APPLICATION_CONTEXT = "1.2.840.10008.3.1.1.1"
IMPLEMENTATION = "2.25.269038491847126510384710238471023847"
MAX_PDU = 16_384
CONTEXT = 1  # the only presentation context that is proposed

ASSOCIATE_AC, DATA, RELEASE_RP = 0x02, 0x04, 0x06
RELEASE_RQ = struct.pack(">BxI4x", 0x05, 4)
WHOLE_COMMAND, PART_OF_DATA_SET = 0x03, 0x00  # message control header: PS3.8 E.2

C_STORE_RQ, C_ECHO_RQ = 0x0001, 0x0030
NO_DATA_SET, WITH_DATA_SET = 0x0101, 0x0000
SUCCESS = struct.pack("<HHIH", 0x0000, 0x0900, 2, 0x0000)  # the element Status


def associate_rq(calling_aet: str, abstract_syntax: str) -> bytes:
    """An A-ASSOCIATE-RQ that proposes one abstract syntax in Implicit VR (PS3.8 9.3.2)."""
    context = struct.pack(">B3x", CONTEXT) + _item(0x30, abstract_syntax) + _item(0x40, IMPLICIT_VR)
    user = _item(0x51, struct.pack(">I", MAX_PDU)) + _item(0x52, IMPLEMENTATION)
    names = b"DICOM_NODE".ljust(16) + calling_aet.encode("ascii").ljust(16)
    body = struct.pack(">Hxx", 1) + names + bytes(32)
    body += _item(0x10, APPLICATION_CONTEXT) + _item(0x20, context) + _item(0x50, user)
    return struct.pack(">BxI", 0x01, len(body)) + body


def command(field: int, sop_class_uid: str, data_set: int, sop_uid: str = "") -> bytes:
    """A P-DATA-TF with a whole command set, Message ID 1 (PS3.7 9.3.1, 9.3.5)."""
    elements = _element(0x0002, _even(sop_class_uid))
    elements += _element(0x0100, struct.pack("<H", field)) + _element(0x0110, b"\1\0")
    elements += _element(0x0700, b"\0\0") if sop_uid else b""
    elements += _element(0x0800, struct.pack("<H", data_set))
    elements += _element(0x1000, _even(sop_uid)) if sop_uid else b""
    return p_data(WHOLE_COMMAND, _element(0x0000, struct.pack("<I", len(elements))) + elements)


def p_data(control: int, value: bytes, claimed: int | None = None) -> bytes:
    """A P-DATA-TF with one PDV; `claimed` is the value's length where it is still to come."""
    length = len(value) if claimed is None else claimed
    return struct.pack(">BxIIBB", 0x04, length + 6, length + 2, CONTEXT, control) + value


def read_pdu(connection: socket.socket) -> tuple[int, bytes]:
    """Type and body of the next PDU; ConnectionError where there is none."""
    kind, length = struct.unpack(">BxI", _read(connection, 6))
    return kind, _read(connection, length)


def connect(port: int, source: str, timeout_s: float) -> socket.socket:
    """A connection to the port of this machine that comes from the address `source`."""
    connection = socket.create_connection(("127.0.0.1", port), timeout_s, (source, 0))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def _read(connection: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        piece = connection.recv(size - len(found))
        if not piece:
            raise ConnectionError("the peer closed the connection")
        found += piece
    return found


def _item(kind: int, value: str | bytes) -> bytes:
    value = value.encode("ascii") if isinstance(value, str) else value
    return struct.pack(">BxH", kind, len(value)) + value


def _element(number: int, value: bytes) -> bytes:
    """An element of group 0000 in Implicit VR Little Endian (PS3.7 6.3.1)."""
    return struct.pack("<HHI", 0x0000, number, len(value)) + value


def _even(uid: str) -> bytes:
    return uid.encode("ascii") + b"\0" * (len(uid) % 2)
