"""The audit trail records what happened in the transaction in which it happened."""

from __future__ import annotations

import math
import os
import tracemalloc
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, insert

from storage.audit import AuditEvent, list_events, record, study_event, verify
from storage.db.tables import Audit, Study
from storage.db.types import to_json
from storage.head import GENESIS, Head, read_head
from storage.seal import SEALED, seal
from tests.trail import add_events, an_event

ANY_TEXT = st.text(st.characters(), max_size=80) | st.sampled_from(
    ["\0", "\ud800", "a" * 300, "患"]
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | ANY_TEXT
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=8,
)


def test_a_row_tells_who_did_what_and_when(db):
    before = datetime.now(UTC)
    with db.begin() as session:
        record(session, an_event(3))

    with db.read() as session:
        [row] = list_events(session, limit=5)
    assert (1, GENESIS) == (row.seq, row.previous_hash)
    assert timedelta(0) <= row.at - before < timedelta(minutes=1)
    told = {name: getattr(row, name) for name in AuditEvent.__slots__}
    assert os.getpid() == told["detail"].pop("pid")
    assert an_event(3) == AuditEvent(**told)


def test_rows_are_chained_within_and_across_transactions(db):
    add_events(db, 7)

    with db.read() as session:
        rows = list_events(session, limit=9)[::-1]
    assert list(range(1, 8)) == [row.seq for row in rows]
    assert [GENESIS, *(row.hash for row in rows[:-1])] == [row.previous_hash for row in rows]
    assert 7 == verify(db, db.head_file)


def test_what_is_rolled_back_leaves_no_row_and_no_head(db):
    with pytest.raises(ZeroDivisionError), db.begin() as session:
        record(session, an_event())
        raise ZeroDivisionError

    assert 0 == verify(db, db.head_file)
    assert not db.head_file.exists()


def test_a_savepoint_that_is_rolled_back_takes_its_rows_with_it(db):
    with db.begin() as session:
        record(session, an_event(1))
        savepoint = session.begin_nested()
        record(session, an_event(2))
        savepoint.rollback()

    assert 1 == verify(db, db.head_file)
    assert 1 == read_head(db.head_file).count


@given(
    texts=st.tuples(*[ANY_TEXT] * 10),
    outcome=st.sampled_from([0, 4, 8, 12]),
    detail=st.dictionaries(ANY_TEXT, JSON, max_size=3),
)
@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_whatever_a_peer_sends_is_recorded_and_verifies_when_read_again(db, texts, outcome, detail):
    names = [name for name in AuditEvent.__slots__ if name not in {"outcome", "detail"}]
    with db.begin() as session:
        row = record(
            session,
            AuditEvent(**dict(zip(names, texts, strict=True)), outcome=outcome, detail=detail),
        )

    assert row.seq == verify(db, db.head_file)
    with db.read() as session:
        read = list_events(session, limit=1)[0]
    for name in (*SEALED, "hash"):
        assert getattr(row, name) == getattr(read, name)


def test_text_is_kept_as_far_as_the_column_goes(db):
    with db.begin() as session:
        record(
            session, an_event(patient_id="7" * 100, text="a\0b\ud800c", accession_number="x" * 16)
        )

    with db.read() as session:
        [row] = list_events(session, limit=1)
    assert ("7" * 64, "a\ufffdb?c", "x" * 16) == (row.patient_id, row.text, row.accession_number)


@pytest.mark.parametrize(
    "value", [math.nan, math.inf, {1, 2}, b"x", datetime(2026, 1, 1, tzinfo=UTC)]
)
def test_a_detail_that_is_no_json_is_refused_and_the_change_with_it(db, value):
    with pytest.raises((TypeError, ValueError)), db.begin() as session:
        record(session, an_event(detail={"value": value}))

    assert 0 == verify(db, db.head_file)


def test_the_seal_of_a_known_row_never_changes():
    row = {
        "seq": 7, "at": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "event": "110104",
        "event_type": "", "action": "C", "outcome": 0, "actor": "peer:CT1", "origin": "10.0.0.7",
        "study_uid": "1.2.3", "patient_id": "Zß患", "accession_number": "", "subject": "study:1",
        "text": "stored", "detail": '{"n":1.5}', "previous_hash": GENESIS,
    }  # fmt: skip

    assert "c4ae8539d1d642a659c1c58557be9a9531b2fc86d1b5ece99f9cc0b74031d7a9" == seal(row)


def test_recording_costs_two_statements(db):
    statements = []
    with db.begin() as session:
        record(session, an_event())
        event.listen(
            session.connection(), "before_cursor_execute", lambda *seen: statements.append(seen[2])
        )
        record(session, an_event())

        assert ["SELECT", "INSERT"] == [statement.split()[0] for statement in statements]


def test_study_event_carries_the_identifiers_of_the_study():
    study = Study(id=4, study_uid="1.2", patient_id="ZZ-1", accession_number="ACC")

    made = study_event(
        study, "110103", "R", actor="user:ada", text="viewed", detail={"pictures": 4}
    )

    expected = AuditEvent(
        "110103", "R", "user:ada", "viewed", study_uid="1.2", patient_id="ZZ-1",
        accession_number="ACC", subject="study:4", detail={"pictures": 4},
    )  # fmt: skip
    assert expected == made
    other = study_event(study, "110103", "R", actor="a", text="t", subject="job:9")
    assert "job:9" == other.subject


def test_list_events_gives_the_newest_first_and_pages_backwards(db):
    add_events(db, 9)

    with db.read() as session:
        assert [9, 8, 7, 6] == [row.seq for row in list_events(session, limit=4)]
        assert [5, 4] == [row.seq for row in list_events(session, limit=2, before_seq=6)]
        assert [] == list_events(session, limit=2, before_seq=1)


@pytest.mark.parametrize(
    "wanted",
    [{"study_uid": "9.9"}, {"patient_id": "ZZ-9"}, {"actor": "user:ada"}, {"event": "110101"}],
)
def test_list_events_finds_by_each_thing_that_is_asked_for(db, wanted):
    add_events(db, 3)
    with db.begin() as session:
        record(session, an_event(**wanted))
    add_events(db, 3)

    with db.read() as session:
        assert [4] == [row.seq for row in list_events(session, limit=9, **wanted)]
        assert [] == list_events(session, limit=9, before_seq=4, **wanted)


def test_verification_takes_memory_for_a_part_of_the_trail_only(db):
    rows, head = [], Head(0, GENESIS)
    for seq in range(1, 4001):
        values = dict.fromkeys(SEALED, "x") | {
            "seq": seq, "at": datetime.now(UTC), "outcome": 0, "previous_hash": head.hash,
            "text": "y" * 2000, "detail": {},
        }  # fmt: skip
        head = Head(seq, seal({**values, "detail": to_json({})}))
        rows.append({**values, "hash": head.hash})
    with db.begin() as session:
        session.execute(insert(Audit), rows)
    db.head_file.write_text(to_json({"count": head.count, "hash": head.hash}))
    del rows

    tracemalloc.start()
    try:
        assert 4000 == verify(db, db.head_file)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 4_000_000, "the texts alone are twice that"
