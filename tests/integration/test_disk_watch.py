"""What the log and the audit trail are told of the disk; how much is free is the test's word."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from dicom_node.disk_watch import DiskWatch
from dicom_node.observe import health
from dicom_node.observe.health import DiskGauge
from storage.audit import list_events, verify
from tests.receiving import settings_for


@pytest.fixture
def free(monkeypatch):
    """Free MB; a list so that a test can change it."""
    left = [100]
    monkeypatch.setattr(health, "_space", lambda _folder: (left[0], 100, 100))
    return left


@pytest.fixture
def gauge(free, tmp_path):
    return DiskGauge(settings_for(tmp_path, disk_reserve_mb=16, disk_warn_mb=64))


@pytest.fixture
def watch(gauge, db):
    return DiskWatch(gauge, db)


def told(db):
    with db.read() as session:
        rows = list_events(session, limit=100, event="110113", subject="disk")
    return [(row.outcome, row.text) for row in reversed(rows)]


def test_each_step_is_logged_once_and_only_the_last_is_audited(watch, free, db, capsys):
    for free[0] in [100, 60, 60, 30, 30, 10, 10, 10, 30, 60, 100, 100]:
        watch.look()

    events = [line.partition(": ")[2] for line in capsys.readouterr().err.splitlines()]
    assert [
        "the disk runs low  free_mb=60",
        "the disk is nearly full: no job is started  free_mb=30",
        "the disk is full: nothing is received, no job is started  free_mb=10 files=100",
        "the disk is nearly full: no job is started  free_mb=30",
        "the disk runs low  free_mb=60",
        "there is room on the disk again  free_mb=100",
    ] == events
    assert [8, 0] == [outcome for outcome, _text in told(db)]
    assert "C-STORE is answered 0xA700" in told(db)[0][1]
    assert verify(db, db.head_file)


def test_the_next_life_of_the_node_does_not_tell_it_again_but_tells_the_end(watch, gauge, free, db):
    free[0] = 1
    watch.look()
    DiskWatch(gauge, db).look()
    assert [8] == [outcome for outcome, _text in told(db)]

    free[0] = 100
    DiskWatch(gauge, db).look()

    assert [8, 0] == [outcome for outcome, _text in told(db)]


@pytest.mark.parametrize("db_url", ["sqlite"], indirect=True)  # whose words the trigger is in
def test_what_the_full_database_did_not_take_is_told_when_it_does(watch, free, db):
    watch.look()
    free[0] = 1
    with db.engine.begin() as connection:
        refuse = "BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
        connection.execute(text(f"CREATE TRIGGER full BEFORE INSERT ON audit {refuse}"))
    for _ in range(2):
        with pytest.raises(SQLAlchemyError):
            watch.look()
    free[0] = 100
    with pytest.raises(SQLAlchemyError):
        watch.look()

    with db.engine.begin() as connection:
        connection.execute(text("DROP TRIGGER full"))
    watch.look()
    watch.look()

    assert [8, 0] == [outcome for outcome, _text in told(db)]


def test_without_trouble_nothing_is_told(watch, db, capsys):
    watch.look()
    watch.look()

    assert ([], "") == (told(db), capsys.readouterr().err)
