"""C-STORE commands, read and answered without building a data set (PS3.7 9.3.1).

A command set is a run of elements in Implicit VR Little Endian (PS3.7 6.3.1), in order of their
tags, all of group 0000::

    0        2         4            8
    | group  | element | length     | value, of even length ...
    | 0000H  |         |            |
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dicom_node.net.errors import ProtocolViolated

if TYPE_CHECKING:
    from collections.abc import Mapping

ELEMENT = struct.Struct("<HHL")
SHORT = struct.Struct("<H")
LONG = struct.Struct("<L")
# P-DATA-TF with one item that holds a whole command: type 04H, reserved, length; item length,
# presentation context, message control header 03H: command, last fragment (PS3.8 9.3.5, E.2).
RESPONSE_HEADER = struct.Struct(">BxLLBB")

AFFECTED_SOP_CLASS_UID = 0x0002
COMMAND_FIELD = 0x0100
MESSAGE_ID = 0x0110
MESSAGE_ID_RESPONDED_TO = 0x0120
DATA_SET_TYPE = 0x0800
STATUS = 0x0900
ERROR_COMMENT = 0x0902
AFFECTED_SOP_INSTANCE_UID = 0x1000

C_STORE_RQ = SHORT.pack(0x0001)
C_STORE_RSP = SHORT.pack(0x8001)
# PS3.7 table E.1-1: the requests, which are also the responses with 8000H added, and C-CANCEL.
REQUESTS = frozenset({
    0x0001, 0x0010, 0x0020, 0x0021, 0x0030, 0x0100, 0x0110, 0x0120, 0x0130, 0x0140, 0x0150,
})  # fmt: skip
C_CANCEL_RQ = 0x0FFF
NO_DATA_SET = SHORT.pack(0x0101)
LONGEST_COMMENT = 64  # LO, PS3.5 6.2


@dataclass(frozen=True, slots=True)
class StoreRequest:
    """A C-STORE-RQ (PS3.7 table 9.3-1), its UIDs as they were sent."""

    message_id: bytes
    sop_class: bytes
    sop_instance: bytes
    has_data_set: bool

    @property
    def sop_class_uid(self) -> str:
        """The Affected SOP Class UID as text, without padding."""
        return _text(self.sop_class)

    @property
    def sop_instance_uid(self) -> str:
        """The Affected SOP Instance UID as text, without padding."""
        return _text(self.sop_instance)


def read_command(encoded: bytes | memoryview) -> dict[int, bytes]:
    """Element number to value.

    Raises
    ------
    ProtocolViolated
        A length lies, an element is not of group 0000, or there is no such command.
    """
    elements: dict[int, bytes] = {}
    at, end = 0, len(encoded)
    while at < end:
        if at + ELEMENT.size > end:
            raise ProtocolViolated("a command set ends within an element")
        group, element, length = ELEMENT.unpack_from(encoded, at)
        at += ELEMENT.size
        if group != 0 or at + length > end:
            raise ProtocolViolated("a command set lies about its elements")
        elements[element] = bytes(encoded[at : at + length])
        at += length
    if not _is_known(elements.get(COMMAND_FIELD, b"")):
        raise ProtocolViolated("a command set has no command of PS3.7")
    return elements


def store_request(command: Mapping[int, bytes]) -> StoreRequest | None:
    """The C-STORE-RQ that a command set is, or None where it is another message.

    Raises
    ------
    ProtocolViolated
        It is one, and lacks a message id or a data set type.
    """
    if command.get(COMMAND_FIELD) != C_STORE_RQ:
        return None
    message_id, data_set_type = command.get(MESSAGE_ID, b""), command.get(DATA_SET_TYPE, b"")
    if len(message_id) != SHORT.size or len(data_set_type) != SHORT.size:
        raise ProtocolViolated("a C-STORE command lacks a type 1 element")
    return StoreRequest(
        message_id,
        command.get(AFFECTED_SOP_CLASS_UID, b""),
        command.get(AFFECTED_SOP_INSTANCE_UID, b""),
        data_set_type != NO_DATA_SET,
    )


def store_response(context_id: int, request: StoreRequest, status: int, comment: str = "") -> bytes:
    """The whole P-DATA-TF PDU that answers `request` with `status` (PS3.7 table 9.3-2).

    Parameters
    ----------
    comment : str
        The Error Comment, for the person at the sender; cut to 64 characters, none if empty.
    """
    said = comment.encode("ascii", "replace")[:LONGEST_COMMENT]
    elements = b"".join((
        _element(AFFECTED_SOP_CLASS_UID, request.sop_class),
        _element(COMMAND_FIELD, C_STORE_RSP),
        _element(MESSAGE_ID_RESPONDED_TO, request.message_id),
        _element(DATA_SET_TYPE, NO_DATA_SET),
        _element(STATUS, SHORT.pack(status)),
        _element(ERROR_COMMENT, said + b" " * (len(said) % 2)) if said else b"",
        _element(AFFECTED_SOP_INSTANCE_UID, request.sop_instance),
    ))  # fmt: skip
    command = _element(0x0000, LONG.pack(len(elements))) + elements
    length = len(command)
    return RESPONSE_HEADER.pack(0x04, length + 6, length + 2, context_id, 0x03) + command


def _is_known(field: bytes) -> bool:
    if len(field) != SHORT.size:
        return False
    command = SHORT.unpack(field)[0]
    return command == C_CANCEL_RQ or command & 0x7FFF in REQUESTS


def _element(number: int, value: bytes) -> bytes:
    return ELEMENT.pack(0x0000, number, len(value)) + value


def _text(uid: bytes) -> str:
    return uid.rstrip(b"\0 ").decode("ascii", "replace")
