"""What strangers may send instead of DICOM's upper layer and of C-STORE, and how it may end.

The ends are names: ``abort``, ``reject``, ``closed``, or the status of a response.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests import pdus
from tests.builders import CANARY, a_series
from tests.pdus import (
    COMMAND,
    CT_IMAGE,
    EXPLICIT,
    LAST,
    NO_DATA_SET,
    P_DATA,
    VERIFICATION,
    associate_rq,
    echo_rq,
    element,
    fragments,
    p_data,
    pdu,
    pdv,
    store_rq,
)
from tests.receiving import encode

CONTEXTS = ((1, CT_IMAGE, (EXPLICIT,)), (3, VERIFICATION, (EXPLICIT,)))
MR_IMAGE = "1.2.840.10008.5.1.4.1.1.4"
MOST = 262_144  # [receive] max_pdu_bytes

ABORTED = {"abort"}
# Where more was on its way, the reset of the connection may overtake the A-ABORT.
CUT = {"abort", "closed"}
REJECTED = {"reject", "abort"}
NOT_TAKEN = {"0x0110", "0x0117", "0x0118", "0x0119", "0x0122", "0xA900", "0xC000", "0xC001"}
ANY_STATUS = NOT_TAKEN | {"0x0000"}
_numbers = itertools.count()


@dataclass(frozen=True, slots=True)
class Case:
    """What is sent, on an open association or without one, and the ends that it may have."""

    name: str
    parts: Callable[[], Sequence[bytes]]
    ends: set[str]


def message(command: bytes, data: bytes, context: int = 1, size: int = 16372) -> list[bytes]:
    """A C-STORE request in PDUs of one fragment of `size` bytes each."""
    return [*fragments(context, COMMAND, command, size), *fragments(context, 0, data, size)]


def store(
    uid: str | bytes | None = None,
    *,
    sop_class: str | bytes = CT_IMAGE,
    size: int = 16372,
    **said: int,
) -> list[bytes]:
    """A C-STORE request of a good image whose command says something else."""
    own, encoded = an_instance()
    command = store_rq(sop_class, own if uid is None else uid, **said)
    return message(command, encoded, size=size)


def store_of(encoded: bytes | None = None, **changes: object) -> list[bytes]:
    """A C-STORE request with a good command and another data set."""
    uid, made = an_instance(**changes)
    return message(store_rq(CT_IMAGE, uid), made if encoded is None else encoded)


def half(parts: list[bytes]) -> list[bytes]:
    whole = b"".join(parts)
    return [whole[: len(whole) // 2]]


def an_instance(**changes: object) -> tuple[str, bytes]:
    """SOP Instance UID and data set of a fresh image."""
    (image,) = a_series(slices=1, key=f"bad-{next(_numbers)}", **changes)
    return str(image.SOPInstanceUID), encode(image)


def _request() -> bytes:
    return associate_rq(CONTEXTS)[pdus.HEAD.size :]


def _long_item() -> bytes:
    body = bytearray(_request())
    body[70:72] = b"\xff\xff"  # the length of the application context item (PS3.8 table 9-12)
    return pdu(pdus.ASSOCIATE_RQ, bytes(body))


def _version(number: int) -> bytes:
    body = bytearray(_request())
    body[0:2] = number.to_bytes(2)
    return pdu(pdus.ASSOCIATE_RQ, bytes(body))


def _application() -> bytes:
    body = _request().replace(pdus.APPLICATION.encode(), b"1.2.840.10008.3.1.1.9")
    return pdu(pdus.ASSOCIATE_RQ, body)


def _too_long() -> bytes:
    return p_data(pdv(1, 0, bytes(MOST + 1024)))


def _command(field_value: int) -> bytes:
    command = pdus.command_set(
        element((0, 0x0002), pdus.uid_value(VERIFICATION)),
        element((0, 0x0100), pdus.us(field_value)),
        element((0, 0x0110), pdus.us(1)),
        element((0, 0x0800), pdus.us(NO_DATA_SET)),
    )
    return p_data(pdv(3, COMMAND | LAST, command))


def _long_element() -> bytes:
    command = pdus.command_set(
        element((0, 0x0002), pdus.uid_value(CT_IMAGE), length=0x7FFFFFFF),
        element((0, 0x0100), pdus.us(pdus.C_STORE_RQ)),
    )
    return p_data(pdv(1, COMMAND | LAST, command))


def open_command() -> list[bytes]:
    """A command that is not marked as complete."""
    return [p_data(pdv(1, COMMAND, store_rq(CT_IMAGE, "1.2.3")))]


def _store_alone() -> list[bytes]:
    return fragments(1, COMMAND, store_rq(CT_IMAGE, an_instance()[0], data_set=NO_DATA_SET))


def _other_class() -> list[bytes]:
    (image,) = a_series("MR", slices=1, key=f"bad-{next(_numbers)}")
    return message(store_rq(MR_IMAGE, str(image.SOPInstanceUID)), encode(image))


BEFORE = [
    Case("text", lambda: [b"GET / HTTP/1.1\r\nHost: pacs\r\n\r\n"], ABORTED),
    Case(
        "a TLS hello", lambda: [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(508)], CUT
    ),
    Case("zeros", lambda: [bytes(4096)], CUT),
    Case("noise", lambda: [bytes(range(8, 256)) * 8], CUT),
    Case("P-DATA first", lambda: [p_data(pdv(1, COMMAND | LAST, echo_rq()))], ABORTED),
    Case("A-RELEASE first", lambda: [pdus.release_rq()], ABORTED),
    Case("an answer first", lambda: [pdu(pdus.ASSOCIATE_AC, bytes(68))], ABORTED),
    Case("a request of 4 GB", lambda: [pdu(pdus.ASSOCIATE_RQ, bytes(68), length=0xFFFFFFF0)], CUT),
    Case("a request of no bytes", lambda: [pdu(pdus.ASSOCIATE_RQ, b"")], REJECTED),
    Case("a request cut in its items", lambda: [pdu(pdus.ASSOCIATE_RQ, _request()[:90])], REJECTED),
    Case("items longer than the request", lambda: [_long_item()], REJECTED),
    Case("another protocol version", lambda: [_version(2)], REJECTED),
    Case("an even context id", lambda: [associate_rq([(2, CT_IMAGE, (EXPLICIT,))])], REJECTED),
    Case("another application", lambda: [_application()], REJECTED),
]


IN_ASSOCIATION = [
    Case("a second request", lambda: [associate_rq(CONTEXTS)], ABORTED),
    Case("an unknown PDU type", lambda: [pdu(0x42, b"what")], ABORTED),
    Case("a release answer unasked", lambda: [pdu(pdus.RELEASE_RP, bytes(4))], ABORTED),
    Case("text", lambda: [b"GET / HTTP/1.1\r\n\r\n"], ABORTED),
    Case("a P-DATA of 4 GB", lambda: [pdu(P_DATA, bytes(64), length=0xFFFFFFF0)], CUT),
    Case("a P-DATA above the maximum", lambda: [_too_long()], CUT),
    Case("a P-DATA without a PDV", lambda: [p_data()], ABORTED),
    Case("a PDV longer than its PDU", lambda: [p_data(pdv(1, 3, echo_rq(), length=9999))], ABORTED),
    Case("a PDV of no length", lambda: [p_data(pdv(1, 3, b"", length=0))], ABORTED),
    Case("a PDV of length 1", lambda: [p_data(pdv(1, 3, b"", length=1))], ABORTED),
    Case("a PDV cut in its header", lambda: [p_data(b"\0\0\0")], ABORTED),
    Case("a context never proposed", lambda: [p_data(pdv(7, 3, echo_rq()))], ABORTED),
    Case("an even context", lambda: [p_data(pdv(2, 3, echo_rq()))], ABORTED),
    Case("a data set without a command", lambda: fragments(1, 0, an_instance()[1]), CUT),
    Case("an empty command", lambda: [p_data(pdv(1, 3, b""))], ABORTED),
    Case("a command of noise", lambda: [p_data(pdv(1, 3, bytes(range(200))))], ABORTED),
    Case("an unknown command", lambda: [_command(0x7777)], ABORTED | {"0x0211"}),
    Case("a response unasked", lambda: [_command(pdus.C_ECHO_RSP)], ABORTED | {"0x0000"}),
    Case("an element longer than its command", lambda: [_long_element()], ABORTED | NOT_TAKEN),
    Case("two commands in one message", lambda: [*open_command(), *store()], ANY_STATUS | CUT),
    Case("a group length too small", lambda: store(length=4), ANY_STATUS | CUT),
    Case("a group length too large", lambda: store(length=99_999), ANY_STATUS | CUT),
    Case("a store without a data set", _store_alone, ABORTED | NOT_TAKEN),
    Case("a data set that was denied", lambda: store(data_set=NO_DATA_SET), CUT | NOT_TAKEN),
    Case("a class that is not the context's", _other_class, ABORTED | NOT_TAKEN),
    Case("a class not the data set's", lambda: store(sop_class=MR_IMAGE), ABORTED | NOT_TAKEN),
    Case("no SOP Instance UID", lambda: store(b""), ABORTED | NOT_TAKEN),
    Case("a UID that climbs", lambda: store("../../x"), NOT_TAKEN),
    Case("a UID from the root", lambda: store("/tmp/x"), NOT_TAKEN),
    Case("a UID with a NUL inside", lambda: store(b"1.2\0/../x3"), NOT_TAKEN),
    Case("a UID of 1,000 digits", lambda: store("1." + "2" * 998), ABORTED | NOT_TAKEN),
    Case("a class that climbs", lambda: store(sop_class="../../x"), ABORTED | NOT_TAKEN),
    Case("a study that climbs", lambda: store_of(StudyInstanceUID="../../x"), {"0xC001"}),
    Case("a series with a NUL", lambda: store_of(SeriesInstanceUID="1.2\0/../x"), {"0xC001"}),
    Case("no Study UID", lambda: store_of(StudyInstanceUID=None), {"0xC001"}),
    Case("an empty Study UID", lambda: store_of(StudyInstanceUID=""), {"0xC001"}),
    Case("a data set of no bytes", lambda: store_of(b""), {"0xC000"}),
    Case("a data set of noise", lambda: store_of(bytes(range(256)) * 9), NOT_TAKEN),
    Case("a data set of text", lambda: store_of(CANARY.encode() * 99), NOT_TAKEN),
    Case("half a data set", lambda: store_of(an_instance()[1][:1500]), NOT_TAKEN),
]  # fmt: skip
