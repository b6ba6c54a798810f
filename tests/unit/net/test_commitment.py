"""What a report says, and that pynetdicom still leaves room for it."""

from __future__ import annotations

import inspect

from pynetdicom import association, dimse

from dicom_node.net.commitment import (
    PUSH_MODEL,
    PUSH_MODEL_INSTANCE,
    FailureReason,
    Reference,
    Report,
)
from dicom_node.net.commitment_scp import event_report

CT = Reference("1.2.840.10008.5.1.4.1.1.2", "1.2.3")
MR = Reference("1.2.840.10008.5.1.4.1.1.4", "1.2.4")
EXPLICIT = "1.2.840.10008.1.2.1"


def test_a_report_of_safe_instances_is_of_type_1_and_names_nothing_else():
    told = Report("1.9", (CT, MR), ())

    assert 1 == told.event_type
    assert ["TransactionUID", "ReferencedSOPSequence"] == [e.keyword for e in told.dataset()]


def test_a_report_with_failures_is_of_type_2_and_gives_each_its_reason():
    told = Report("1.9", (CT,), ((MR, FailureReason.CLASS_INSTANCE_CONFLICT),))

    assert 2 == told.event_type
    [failed] = told.dataset().FailedSOPSequence
    assert (MR.sop_class_uid, MR.sop_uid, 0x0119) == (
        failed.ReferencedSOPClassUID, failed.ReferencedSOPInstanceUID, failed.FailureReason,
    )  # fmt: skip


def test_where_nothing_is_safe_there_is_no_empty_sequence():
    told = Report("1.9", (), ((MR, FailureReason.NO_SUCH_INSTANCE),))

    assert ["TransactionUID", "FailedSOPSequence"] == [e.keyword for e in told.dataset()]


def test_no_report_names_a_place_to_fetch_from():
    """Retrieve AE Title would promise a C-MOVE that this node does not answer."""
    assert "RetrieveAETitle" not in Report("1.9", (CT,), ()).dataset()


def test_the_message_is_of_the_well_known_instance():
    message = event_report(Report("1.9", (CT,), ()), 7, EXPLICIT)

    assert (7, PUSH_MODEL, PUSH_MODEL_INSTANCE, 1) == (
        message.MessageID, message.AffectedSOPClassUID, message.AffectedSOPInstanceUID,
        message.EventTypeID,
    )  # fmt: skip


def test_the_reactor_still_stands_at_its_checkpoint_between_two_messages():
    body = inspect.getsource(association.Association._run_reactor)
    before, _, after = body.partition("self._reactor_checkpoint.wait()")
    assert "self._serve_request" not in before
    assert "self._serve_request" in after


def test_an_answer_that_nobody_waits_for_is_told_as_an_event_and_then_dropped():
    assert "evt.EVT_DIMSE_RECV" in inspect.getsource(dimse.DIMSEServiceProvider.receive_primitive)
    served = inspect.getsource(association.Association._serve_request)
    assert "if not msg.is_valid_request:" in served
