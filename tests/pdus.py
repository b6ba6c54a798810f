"""DICOM's upper layer, byte by byte (PS3.8 9.3), for tests that say what no library would say.

Everything here builds or reads plain bytes, and every length can be given wrong on purpose.
`Wire` is one connection that sends them and reads what comes back.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from types import TracebackType

ASSOCIATE_RQ, ASSOCIATE_AC, ASSOCIATE_RJ = 1, 2, 3
P_DATA, RELEASE_RQ, RELEASE_RP, ABORT = 4, 5, 6, 7
HEAD = struct.Struct(">BxL")  # PDU type, reserved, length of the rest
ITEM = struct.Struct(">BxH")
VALUE = struct.Struct(">LBB")  # a PDV: length of the rest, context id, message control header
COMMAND, LAST = 1, 2  # bits of the message control header (PS3.8 E.2)

APPLICATION = "1.2.840.10008.3.1.1.1"
VERIFICATION = "1.2.840.10008.1.1"
CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
IMPLICIT, EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
NO_DATA_SET, A_DATA_SET = 0x0101, 0x0000  # (0000,0800)
C_STORE_RQ, C_STORE_RSP, C_ECHO_RQ, C_ECHO_RSP = 0x0001, 0x8001, 0x0030, 0x8030


def pdu(kind: int, body: bytes, *, length: int | None = None) -> bytes:
    """A PDU; `length` says something else than the body's own length."""
    return HEAD.pack(kind, len(body) if length is None else length) + body


def item(kind: int, body: bytes, *, length: int | None = None) -> bytes:
    """An item or sub-item of an A-ASSOCIATE PDU."""
    return ITEM.pack(kind, len(body) if length is None else length) + body


def associate_rq(
    contexts: Iterable[tuple[int, str, Sequence[str]]],
    *,
    calling: str = "STRANGER",
    called: str = "DICOM_NODE",
    max_pdu: int = 16384,
) -> bytes:
    """A-ASSOCIATE-RQ that proposes ``(context id, abstract syntax, transfer syntaxes)``."""
    proposed = b"".join(
        item(
            0x20,
            bytes([number, 0, 0, 0])
            + item(0x30, abstract.encode())
            + b"".join(item(0x40, syntax.encode()) for syntax in syntaxes),
        )
        for number, abstract, syntaxes in contexts
    )
    user = item(0x51, struct.pack(">L", max_pdu)) + item(0x52, b"2.25.1")
    titles = called.encode().ljust(16)[:16] + calling.encode().ljust(16)[:16]
    fixed = struct.pack(">HH", 1, 0) + titles + bytes(32)
    return pdu(ASSOCIATE_RQ, fixed + item(0x10, APPLICATION.encode()) + proposed + item(0x50, user))


def release_rq() -> bytes:
    return pdu(RELEASE_RQ, bytes(4))


def abort(source: int = 0, reason: int = 0) -> bytes:
    """A-ABORT; source 0 is the service user (PS3.8 9.3.8)."""
    return pdu(ABORT, bytes([0, 0, source, reason]))


def pdv(context: int, control: int, fragment: bytes, *, length: int | None = None) -> bytes:
    """One presentation data value; `length` lies about what follows it."""
    return VALUE.pack(len(fragment) + 2 if length is None else length, context, control) + fragment


def p_data(*values: bytes, length: int | None = None) -> bytes:
    return pdu(P_DATA, b"".join(values), length=length)


def fragments(context: int, control: int, message: bytes, size: int = 16372) -> list[bytes]:
    """A message as P-DATA-TF PDUs of one fragment each, the last marked so."""
    pieces = [message[at : at + size] for at in range(0, len(message), size)] or [b""]
    last = len(pieces) - 1
    return [
        p_data(pdv(context, control | (LAST if number == last else 0), piece))
        for number, piece in enumerate(pieces)
    ]


def element(tag: tuple[int, int], value: bytes, *, length: int | None = None) -> bytes:
    """An element in Implicit VR Little Endian, as commands are (PS3.7 6.3.1)."""
    return struct.pack("<HHL", *tag, len(value) if length is None else length) + value


def command_set(*elements: bytes, length: int | None = None) -> bytes:
    """Elements behind their group length, or behind another one."""
    body = b"".join(elements)
    real = len(body) if length is None else length
    return element((0, 0), struct.pack("<L", real)) + body


def us(value: int) -> bytes:
    return struct.pack("<H", value)


def uid_value(uid: str | bytes) -> bytes:
    """A UID of even length (PS3.5 9.1)."""
    text = uid if isinstance(uid, bytes) else uid.encode()
    return text + b"\0" * (len(text) % 2)


def echo_rq(message_id: int = 1) -> bytes:
    return command_set(
        element((0, 0x0002), uid_value(VERIFICATION)),
        element((0, 0x0100), us(C_ECHO_RQ)),
        element((0, 0x0110), us(message_id)),
        element((0, 0x0800), us(NO_DATA_SET)),
    )


def store_rq(
    sop_class: str | bytes,
    sop_instance: str | bytes,
    *,
    message_id: int = 1,
    data_set: int = A_DATA_SET,
    length: int | None = None,
) -> bytes:
    """The command set of a C-STORE request (PS3.7 9.3.1.1)."""
    return command_set(
        element((0, 0x0002), uid_value(sop_class)),
        element((0, 0x0100), us(C_STORE_RQ)),
        element((0, 0x0110), us(message_id)),
        element((0, 0x0700), us(0)),
        element((0, 0x0800), us(data_set)),
        element((0, 0x1000), uid_value(sop_instance)),
        length=length,
    )


@dataclass(frozen=True, slots=True)
class Value:
    """A PDV that came back or went out."""

    context: int
    control: int
    fragment: bytes

    @property
    def is_command(self) -> bool:
        return bool(self.control & COMMAND)

    @property
    def is_last(self) -> bool:
        return bool(self.control & LAST)


def values_in(body: bytes) -> list[Value]:
    """The PDVs in the body of a P-DATA-TF."""
    found, at = [], 0
    while at < len(body):
        length, context, control = VALUE.unpack_from(body, at)
        found.append(Value(context, control, body[at + VALUE.size : at + 4 + length]))
        at += 4 + length
    return found


def elements_in(command: bytes) -> dict[tuple[int, int], bytes]:
    """The elements of a command set."""
    found, at = {}, 0
    while at < len(command):
        group, number, length = struct.unpack_from("<HHL", command, at)
        found[group, number] = command[at + 8 : at + 8 + length]
        at += 8 + length
    return found


def accepted_in(body: bytes) -> dict[int, str]:
    """Context ids that the body of an A-ASSOCIATE-AC accepts, with their transfer syntaxes."""
    found, at = {}, 68
    while at < len(body):
        kind, length = ITEM.unpack_from(body, at)
        if kind == 0x21 and body[at + 6] == 0:
            found[body[at + 4]] = body[at + 12 : at + 4 + length].rstrip(b"\0").decode()
        at += 4 + length
    return found


@dataclass(frozen=True, slots=True)
class Pdu:
    """A PDU that was read."""

    kind: int
    body: bytes

    @property
    def command(self) -> dict[tuple[int, int], bytes]:
        """The command elements in a P-DATA-TF of one fragment."""
        return elements_in(b"".join(one.fragment for one in values_in(self.body)))

    @property
    def status(self) -> int:
        """(0000,0900) of a response."""
        (value,) = struct.unpack("<H", self.command[0, 0x0900])
        return value


class Closed(Exception):
    """The other side closed the connection, with or without a reset."""


class Wire:
    """One TCP connection to a receiver, spoken on by hand."""

    def __init__(
        self, port: int, host: str = "127.0.0.1", timeout_s: float = 30.0, source: str = ""
    ) -> None:
        origin = (source, 0) if source else None
        self.socket = socket.create_connection((host, port), timeout_s, origin)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    @classmethod
    def over(cls, connection: socket.socket) -> Wire:
        """A wire on a connection that is there already."""
        made = cls.__new__(cls)
        made.socket = connection
        return made

    def __enter__(self) -> Wire:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.socket.close()

    def send(self, *parts: bytes) -> None:
        """Send all of it; Closed where the other side takes no more."""
        try:
            for part in parts:
                self.socket.sendall(part)
        except (BrokenPipeError, ConnectionResetError):
            raise Closed from None

    def read(self) -> Pdu:
        """The next PDU; Closed where none comes any more."""
        kind, length = HEAD.unpack(self._read(HEAD.size))
        return Pdu(kind, self._read(length))

    def rest(self) -> list[Pdu]:
        """Every PDU until the other side closes."""
        found = []
        try:
            while True:
                found.append(self.read())
        except Closed:
            return found

    def associate(
        self,
        contexts: Iterable[tuple[int, str, Sequence[str]]] = ((1, CT_IMAGE, (EXPLICIT,)),),
        **asked: str | int,
    ) -> dict[int, str]:
        """Open an association; the accepted contexts."""
        self.send(associate_rq(contexts, **asked))
        answer = self.read()
        assert answer.kind == ASSOCIATE_AC, f"PDU type {answer.kind}"
        return accepted_in(answer.body)

    def store(self, command: bytes, data: bytes, *, context: int = 1) -> Pdu:
        """The answer to one C-STORE request."""
        self.send(*fragments(context, COMMAND, command), *fragments(context, 0, data))
        return self.read()

    def release(self) -> None:
        self.send(release_rq())
        assert self.read().kind == RELEASE_RP

    def _read(self, size: int) -> bytes:
        found = bytearray()
        while len(found) < size:
            try:
                piece = self.socket.recv(size - len(found))
            except ConnectionResetError:
                raise Closed from None
            if not piece:
                raise Closed
            found += piece
        return bytes(found)
