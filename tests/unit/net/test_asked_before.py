"""A request for an association is decoded once, and nobody who gets it can change it for others."""

import threading

import pytest
from pynetdicom import AE, build_context
from pynetdicom.pdu import A_ASSOCIATE_RQ
from pynetdicom.pdu_primitives import (
    A_ASSOCIATE,
    ImplementationClassUIDNotification,
    MaximumLengthNotification,
    UserIdentityNegotiation,
)
from pynetdicom.presentation import negotiate_unrestricted

from dicom_node.net import asked_before
from dicom_node.net.asked_before import Memory


def a_request(calling: str = "CT1", *, user: str = "", contexts: int = 1) -> bytes:
    """A PDU as a peer sends it."""
    asking = A_ASSOCIATE()
    asking.application_context_name = "1.2.840.10008.3.1.1.1"
    asking.calling_ae_title, asking.called_ae_title = calling, "DICOM_NODE"
    longest, made_by = MaximumLengthNotification(), ImplementationClassUIDNotification()
    longest.maximum_length_received = 16382
    made_by.implementation_class_uid = AE().implementation_class_uid
    asking.user_information = [longest, made_by]
    if user:
        person = UserIdentityNegotiation()
        person.user_identity_type, person.primary_field = 2, user.encode()
        person.secondary_field = b"secret"
        asking.user_information.append(person)
    proposed = [build_context("1.2.840.10008.1.1") for _ in range(contexts)]
    for number, context in enumerate(proposed):
        context.context_id = 2 * number + 1
    asking.presentation_context_definition_list = proposed
    return A_ASSOCIATE_RQ(asking).encode()


@pytest.fixture
def decoded(monkeypatch) -> list[bytes]:
    """What was really decoded."""
    seen: list[bytes] = []
    decode = A_ASSOCIATE_RQ.decode

    def counted(self: A_ASSOCIATE_RQ, pdu: bytes) -> None:
        seen.append(pdu)
        decode(self, pdu)

    monkeypatch.setattr(asked_before.Asked, "decode", counted)
    return seen


def test_the_same_bytes_are_decoded_once_and_say_the_same(decoded):
    memory, pdu = Memory(), a_request()

    first, again = (memory.decode(pdu).to_primitive() for _ in range(2))

    assert [pdu] == decoded
    plain = A_ASSOCIATE_RQ()
    plain.decode(pdu)
    for told in (first, again):
        assert plain.to_primitive().calling_ae_title == told.calling_ae_title
        assert [
            (one.context_id, one.abstract_syntax, one.transfer_syntax)
            for one in plain.to_primitive().presentation_context_definition_list
        ] == [
            (one.context_id, one.abstract_syntax, one.transfer_syntax)
            for one in told.presentation_context_definition_list
        ]


def test_other_bytes_are_another_request():
    memory = Memory()
    for calling in ("CT1", "CT2", "CT1"):
        assert calling == memory.decode(a_request(calling)).to_primitive().calling_ae_title


def test_what_becomes_of_one_association_is_not_seen_by_the_next():
    """pynetdicom itself writes the result of a rejection into the primitive."""
    memory, pdu = Memory(), a_request()
    rejected = memory.decode(pdu).to_primitive()
    rejected.result, rejected.result_source, rejected.diagnostic = 1, 2, 2

    assert memory.decode(pdu).to_primitive().result is None


def test_of_many_requests_the_oldest_are_forgotten(decoded):
    memory = Memory(2)
    for calling in ("A", "B", "A", "C", "A", "B"):
        memory.decode(a_request(calling))

    assert list(map(a_request, ("A", "B", "C", "B"))) == decoded


def test_prv_a_request_with_a_password_is_not_kept(decoded):
    memory, pdu = Memory(), a_request(user="somebody")
    memory.decode(pdu)
    memory.decode(pdu)

    assert [pdu, pdu] == decoded
    assert not memory._asked


def test_a_long_request_is_not_kept(decoded, monkeypatch):
    monkeypatch.setattr(asked_before, "LONGEST_REMEMBERED", len(a_request(contexts=2)))
    memory = Memory()
    for contexts in (2, 3, 2, 3):
        memory.decode(a_request(contexts=contexts))

    assert [a_request(contexts=number) for number in (2, 3, 3)] == decoded


def test_a_negotiation_changes_nothing_of_what_is_shared():
    memory, pdu = Memory(), a_request(contexts=3)

    def said() -> list[str]:
        told = memory.decode(pdu).to_primitive()
        return [repr(vars(one)) for one in told.presentation_context_definition_list]

    before = said()
    proposed = memory.decode(pdu).to_primitive().presentation_context_definition_list
    results, _ = negotiate_unrestricted(proposed, [build_context("1.2.840.10008.1.1")])
    for one in results:
        one.result = 1

    assert 3 == len(results)
    assert before == said()


def test_what_is_no_request_is_decoded_anew_each_time_and_refused():
    memory = Memory()
    for _ in range(2):
        with pytest.raises(Exception):  # noqa: B017 - whatever pynetdicom raises
            memory.decode(a_request()[:10])


def test_many_that_come_at_once_wait_for_one(decoded):
    memory, pdu, start = Memory(), a_request(), threading.Barrier(8)

    def come() -> None:
        start.wait()
        memory.decode(pdu)

    threads = [threading.Thread(target=come) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [pdu] == decoded
