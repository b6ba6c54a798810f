"""What becomes of a request in the database, on both kinds of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from dicom_node.commitment.rows import (
    OWN_ASSOCIATION_S,
    fail_unaddressed,
    leave_to_core,
    note_not_told,
    note_told,
    store_request,
)
from dicom_node.config import DeliverSection
from dicom_node.net.commitment import Declined, FailureReason, Reference, Report, Request
from storage.audit import verify
from storage.db.queries.commitments import next_request_id, next_unaddressed_id, request_of
from tests.receiving import an_association

CT = Reference("1.2.840.10008.5.1.4.1.1.2", "1.2.3")
ASKED = Request("1.9", (CT,))
TOLD = Report("1.9", (), ((CT, FailureReason.NO_SUCH_INSTANCE),))


def stored(db, asked=ASKED, **association) -> int:
    return store_request(db, an_association(**association), asked, is_addressed=True)


def row_of(db, number):
    with db.read() as session:
        return request_of(session, number)


def due(db, after_s, aets=("SCANNER",)) -> tuple[int | None, int | None]:
    """Whose turn it is then: of this peer's requests, and of all other peers'."""
    now = datetime.now(UTC) + timedelta(seconds=after_s)
    with db.read() as session:
        return next_request_id(session, aets[0], now), next_unaddressed_id(session, aets, now)


def test_a_request_belongs_to_its_receiver_for_a_while(db):
    number = stored(db)

    assert (None, None) == due(db, OWN_ASSOCIATION_S - 5)
    assert (number, None) == due(db, OWN_ASSOCIATION_S + 1)
    assert (None, number) == due(db, OWN_ASSOCIATION_S + 1, aets=("OTHER",))

    leave_to_core(db, number)

    assert (number, None) == due(db, 1)


def test_a_report_is_told_once(db):
    number = stored(db)

    assert note_told(db, number, TOLD)
    assert not note_told(db, number, TOLD)
    assert note_not_told(db, number, "late", DeliverSection()) is None
    assert not fail_unaddressed(db, number)

    row = row_of(db, number)
    assert ("reported", 0, 0) == (row.state, row.safe, row.attempt)
    assert 2 == verify(db, db.head_file)


def test_tries_grow_apart_and_end(db):
    number = stored(db)
    deliver = DeliverSection(first_retry_s=10, longest_retry_s=25, give_up_after_hours=100 / 3600)
    pauses = []
    for _ in range(4):
        tried_at = datetime.now(UTC)
        again = note_not_told(db, number, "down", deliver)
        pauses.append(round((again - tried_at).total_seconds()))
    assert [10, 20, 25, 25] == pauses

    assert (
        note_not_told(db, number, "down", deliver.model_copy(update={"give_up_after_hours": 0}))
        is None
    )

    row = row_of(db, number)
    assert ("failed", 5, "down") == (row.state, row.attempt, row.reason)
    assert 6 == verify(db, db.head_file)


@pytest.mark.parametrize("before", ["queued", "reported", "failed"])
def test_what_is_asked_again_is_due_again_under_the_same_number(db, before):
    number = stored(db)
    if before == "reported":
        note_told(db, number, TOLD)
    if before == "failed":
        fail_unaddressed(db, number)

    assert number == stored(db, number=2)

    row = row_of(db, number)
    assert ("queued", 0, "", None) == (row.state, row.attempt, row.reason, row.ended_at)


def test_another_question_under_the_same_transaction_uid_is_declined(db):
    number = stored(db)

    with pytest.raises(Declined, match="used for other instances before"):
        stored(db, Request("1.9", (CT, Reference("1.2", "1.2.4"))))

    assert [[CT.sop_class_uid, CT.sop_uid]] == row_of(db, number).instances
    assert 1 == verify(db, db.head_file)


def test_two_peers_may_use_the_same_transaction_uid(db):
    assert stored(db) != stored(db, Request("1.9", (Reference("1.2", "1.2.4"),)), calling_aet="MR1")
