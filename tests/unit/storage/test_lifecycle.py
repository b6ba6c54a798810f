"""Every move of the tables happens as written there, once, and no other move happens."""

from __future__ import annotations

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from storage.audit import list_events, verify
from storage.db.tables import Delivery, Job, Output, Study
from storage.errors import StaleTransition, UnknownTransition
from storage.lifecycle import TRANSITIONS, advance, advance_all
from tests.unit.storage.rows import AUDIT, a_row

TABLES = list(TRANSITIONS)


def moves(table: type) -> list[tuple[str, str, str | None]]:
    """Every state with every event of the table, and where it leads, if anywhere."""
    written = TRANSITIONS[table]
    states = sorted({state for state, _ in written} | set(written.values()))
    events = sorted({event for _, event in written} | {"no_such_event"})
    return [(*pair, written.get(pair)) for pair in itertools.product(states, events)]


@pytest.mark.parametrize("table", TABLES)
def test_every_event_in_every_state_does_what_the_table_says(db, table):
    count = 0
    for old, event, new in moves(table):
        with db.begin() as session:
            row_id = a_row(session, table, state=old).id
        if new is None:
            with pytest.raises(UnknownTransition, match=f"is {old}: no event {event}$"):
                move(db, table, row_id, event)
        else:
            move(db, table, row_id, event)
            count += 1

        assert (old, event, new or old) == (old, event, state_of(db, table, row_id))
        assert count == verify(db, db.head_file), "one audit row for each move, none otherwise"
    assert len(TRANSITIONS[table]) == count


def move(db, table, row_id: int, event: str, **changes) -> None:
    with db.begin() as session:
        advance(session, session.get(table, row_id), event, audit=AUDIT, **changes)


def state_of(db, table, row_id: int) -> str:
    with db.read() as session:
        return session.get(table, row_id).state


def test_a_move_writes_its_changes_and_the_row_shows_them(db):
    with db.begin() as session:
        row = a_row(session, Job)
        advance(session, row, "claim", audit=AUDIT, attempt=row.attempt + 1, worker="host:0")
        assert ("running", 1, "host:0") == (row.state, row.attempt, row.worker)

    with db.read() as session:
        row = session.get(Job, row.id)
        assert ("running", 1, "host:0") == (row.state, row.attempt, row.worker)


def test_the_audit_row_is_the_one_that_was_given(db):
    with db.begin() as session:
        advance(session, a_row(session, Study), "settle", audit=AUDIT)

    with db.read() as session:
        [row] = list_events(session, limit=2)
    assert (AUDIT.event, AUDIT.actor, AUDIT.text) == (row.event, row.actor, row.text)


@pytest.mark.parametrize("table", TABLES)
def test_a_row_that_has_moved_on_is_stale(db, table):
    state, event = next(iter(TRANSITIONS[table]))
    with db.begin() as session:
        row = a_row(session, table, state=state)
    move(db, table, row.id, event)

    with (
        pytest.raises(StaleTransition, match=f"{row.id} is no longer {state}$"),
        db.begin() as session,
    ):
        old = session.merge(row, load=False)
        advance(session, old, event, audit=AUDIT)

    assert 1 == verify(db, db.head_file)


@pytest.mark.parametrize("table", [Job, Delivery])
def test_an_older_attempt_is_stale_though_the_state_is_the_same(db, table):
    begin, end = {Job: ("claim", "publish"), Delivery: ("start", "all_accepted")}[table]
    with db.begin() as session:
        row = a_row(session, table)
        advance(session, row, begin, audit=AUDIT, attempt=1)
    move(db, table, row.id, "retry")
    move(db, table, row.id, begin, attempt=2)

    with pytest.raises(StaleTransition), db.begin() as session:
        advance(session, session.merge(row, load=False), end, audit=AUDIT)

    move(db, table, row.id, end)
    assert 4 == verify(db, db.head_file)


def test_a_move_that_is_rolled_back_did_not_happen(db):
    with db.begin() as session:
        row = a_row(session, Output)

    with pytest.raises(ZeroDivisionError), db.begin() as session:
        advance(session, session.get(Output, row.id), "pass_gate", audit=AUDIT)
        raise ZeroDivisionError

    assert "produced" == state_of(db, Output, row.id)
    assert 0 == verify(db, db.head_file)


def test_rows_that_move_together_have_one_audit_row(db):
    with db.begin() as session:
        rows = [a_row(session, Job) for _ in range(3)]
        advance_all(session, rows, "claim", audit=AUDIT, worker="host:0")

    assert {("running", "host:0")} == {(row.state, row.worker) for row in rows}
    assert {"running"} == {state_of(db, Job, row.id) for row in rows}
    assert 1 == verify(db, db.head_file)


def test_of_rows_that_move_together_none_does_where_one_is_stale(db):
    with db.begin() as session:
        rows = [a_row(session, Job) for _ in range(3)]
    move(db, Job, rows[1].id, "cancel")

    with pytest.raises(StaleTransition), db.begin() as session:
        advance_all(session, [session.merge(row, load=False) for row in rows], "claim", audit=AUDIT)

    assert ["queued", "cancelled", "queued"] == [state_of(db, Job, row.id) for row in rows]
    assert 1 == verify(db, db.head_file)


def test_a_move_cannot_name_its_own_end(db):
    with pytest.raises(TypeError, match="state"), db.begin() as session:
        advance(session, a_row(session, Job), "claim", audit=AUDIT, state="succeeded")


def test_of_two_claimers_of_every_job_one_wins(db):
    with db.begin() as session:
        jobs = [a_row(session, Job) for _ in range(10)]
    start = threading.Barrier(2)

    def claim(worker: str) -> list[int]:
        won = []
        start.wait()
        for job in jobs:
            try:
                with db.begin() as session:
                    mine = session.merge(job, load=False)
                    advance(session, mine, "claim", audit=AUDIT, attempt=1, worker=worker)
            except StaleTransition:
                continue
            won.append(job.id)
        return won

    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(claim, ["one", "other"])

    assert sorted(job.id for job in jobs) == sorted(one + other)
    assert 10 == verify(db, db.head_file)
    with db.read() as session:
        winners = {job.id: session.get(Job, job.id).worker for job in jobs}
    assert winners == dict.fromkeys(one, "one") | dict.fromkeys(other, "other")
