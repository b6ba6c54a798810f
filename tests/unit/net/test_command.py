"""C-STORE commands, against pynetdicom's own encoder and decoder."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pynetdicom.dimse_messages import C_ECHO_RQ, C_STORE_RQ, DIMSEMessage
from pynetdicom.dimse_primitives import C_ECHO, C_STORE
from pynetdicom.dsutils import encode
from pynetdicom.pdu import P_DATA_TF

from dicom_node.net.command import (
    StoreRequest,
    read_command,
    store_request,
    store_response,
)
from dicom_node.net.errors import ProtocolViolated

CT = "1.2.840.10008.5.1.4.1.1.2"
REQUEST = StoreRequest(struct.pack("<H", 7), b"1.2.840.10008.5.1.4.1.1.2\0", b"1.2.3\0", True)


def a_store_command(message_id: int = 7) -> bytes:
    primitive = C_STORE()
    primitive.MessageID = message_id
    primitive.AffectedSOPClassUID = CT
    primitive.AffectedSOPInstanceUID = "1.2.3"
    primitive.Priority = 2
    from io import BytesIO

    primitive.DataSet = BytesIO(b"\x08\x00")
    message = C_STORE_RQ()
    message.primitive_to_message(primitive)
    return encode(message.command_set, True, True)


def test_a_request_of_pynetdicom_is_read():
    request = store_request(read_command(a_store_command(515)))

    assert struct.pack("<H", 515) == request.message_id
    assert (CT, "1.2.3") == (request.sop_class_uid, request.sop_instance_uid)
    assert request.has_data_set


def test_another_message_is_none_of_ours():
    primitive = C_ECHO()
    primitive.MessageID = 1
    primitive.AffectedSOPClassUID = "1.2.840.10008.1.1"
    message = C_ECHO_RQ()
    message.primitive_to_message(primitive)

    assert store_request(read_command(encode(message.command_set, True, True))) is None


@pytest.mark.parametrize(("status", "comment"), [(0, ""), (0xA700, "no room"), (0xC000, "é" * 80)])
def test_pynetdicom_reads_the_response(status, comment):
    sent = store_response(3, REQUEST, status, comment)

    pdu = P_DATA_TF()
    pdu.decode(sent)
    message = DIMSEMessage()
    assert message.decode_msg(pdu.to_primitive())
    answer = message.message_to_primitive()
    assert message.context_id == 3
    assert (status, 7) == (answer.Status, answer.MessageIDBeingRespondedTo)
    assert (CT, "1.2.3") == (answer.AffectedSOPClassUID, answer.AffectedSOPInstanceUID)
    assert comment.encode("ascii", "replace").decode()[:64] == (
        message.command_set.get("ErrorComment", "")
    )
    assert len(sent) == 6 + struct.unpack_from(">L", sent, 2)[0]


@pytest.mark.parametrize("cut", [1, 7, 9, 40])
def test_a_command_that_breaks_off_is_a_violation(cut):
    with pytest.raises(ProtocolViolated):
        read_command(a_store_command()[:-cut])


def test_a_length_that_lies_or_another_group_is_a_violation():
    with pytest.raises(ProtocolViolated, match="lies"):
        read_command(struct.pack("<HHL", 0, 0x0100, 0xFFFFFFFF) + b"\1\0")
    with pytest.raises(ProtocolViolated, match="lies"):
        read_command(struct.pack("<HHL", 8, 0x0018, 2) + b"1\0")


@pytest.mark.parametrize("element", [0x0110, 0x0800])
def test_a_request_without_message_id_or_data_set_type_is_a_violation(element):
    command = read_command(a_store_command())
    del command[element]
    with pytest.raises(ProtocolViolated, match="type 1"):
        store_request(command)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_command_or_a_violation(sent):
    try:
        command = read_command(sent)
        store_request(command)
    except ProtocolViolated:
        return
    assert sum(8 + len(value) for value in command.values()) <= len(sent)
