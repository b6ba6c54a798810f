"""Whatever is done to the audit trail behind the node's back is found, and its first row named."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import make_url

from storage.audit import SEALED, record, seal, verify
from storage.db.backup import backup
from storage.db.engine import Database
from storage.db.tables import Audit
from storage.errors import AuditBroken
from tests.databases import administer, database_url, opened
from tests.trail import Tamperer, add_events, altered, an_event, forged_hash

ROWS = 10
FIRST, MIDDLE, LAST = 1, 5, ROWS
COLUMNS = [column.name for column in Audit.__table__.columns if column.name != "seq"]


@pytest.fixture
def tamperer(db) -> Iterator[Tamperer]:
    """A tamperer on a trail of ten rows."""
    add_events(db, ROWS)
    tamperer = Tamperer(db.url)
    assert ROWS == verify(db, db.head_file)
    yield tamperer
    tamperer.close()


def fault(db: Database) -> tuple[int, str]:
    """Number and kind of the first fault that verification names."""
    with pytest.raises(AuditBroken) as broken:
        verify(db, db.head_file)
    assert str(broken.value).startswith(f"audit row {broken.value.seq}: ")
    return broken.value.seq, broken.value.reason.partition(":")[0]


def sealed_again(row: dict[str, Any]) -> str:
    """The hash that belongs to the row's content, as a forger who read the program makes it."""
    at = row["at"]
    if isinstance(at, str):
        at = datetime.fromisoformat(at).replace(tzinfo=UTC)
    return seal({**row, "at": at})


def test_an_edit_of_any_column_of_any_row_is_placed(db, tamperer):
    for seq, column in itertools.product(range(1, ROWS + 1), COLUMNS):
        before = tamperer.row(seq)[column]
        tamperer.set(seq, **{column: altered(before)})

        assert (column, (seq, "edited")) == (column, fault(db))

        tamperer.set(seq, **{column: before})
    assert ROWS == verify(db, db.head_file)


@pytest.mark.parametrize("seq", [FIRST, MIDDLE, LAST])
@pytest.mark.parametrize("count", [1, 3])
def test_deleted_rows_are_missed(db, tamperer, seq, count):
    first = min(seq, ROWS - count + 1)
    tamperer.run("DELETE FROM audit WHERE seq BETWEEN :a AND :b", a=first, b=first + count - 1)

    assert (first, "missing") == fault(db)


def test_a_trail_that_lost_every_row_is_missed(db, tamperer):
    tamperer.run("DELETE FROM audit")

    assert (1, "missing") == fault(db)


@pytest.mark.parametrize("seq", [FIRST, MIDDLE])
def test_a_deleted_row_is_placed_when_the_rest_is_renumbered(db, tamperer, seq):
    tamperer.run("DELETE FROM audit WHERE seq = :seq", seq=seq)
    tamperer.renumber(seq + 1, -1)

    assert (seq, "edited") == fault(db)


@pytest.mark.parametrize("seq", [FIRST, MIDDLE, LAST, ROWS + 1])
def test_an_inserted_row_is_placed(db, tamperer, seq):
    tamperer.renumber(seq, +1)
    tamperer.insert({**tamperer.row(2), "seq": seq, "hash": forged_hash()})

    assert (seq, "edited") == fault(db)


@pytest.mark.parametrize("seq", [0, -7])
def test_a_row_inserted_before_the_first_is_placed(db, tamperer, seq):
    tamperer.insert({**tamperer.row(2), "seq": seq, "hash": forged_hash()})

    assert (1, "inserted") == fault(db)


@pytest.mark.parametrize(("one", "other"), [(1, 2), (4, 7), (9, 10)])
def test_reordered_rows_are_placed(db, tamperer, one, other):
    tamperer.set(one, seq=-1)
    tamperer.set(other, seq=one)
    tamperer.set(-1, seq=other)

    assert (one, "edited") == fault(db)


@pytest.mark.parametrize("seq", [FIRST, MIDDLE, LAST])
def test_an_edit_with_a_new_seal_is_placed_by_the_next_row_or_the_head_file(db, tamperer, seq):
    row = {**tamperer.row(seq), "actor": "user:nobody"}
    tamperer.set(seq, actor=row["actor"], hash=sealed_again(row))

    assert (seq, "replaced") == fault(db)


def test_a_trail_that_was_sealed_anew_from_a_row_on_contradicts_the_head_file(db, tamperer):
    previous = tamperer.row(MIDDLE - 1)["hash"]
    for seq in range(MIDDLE, ROWS + 1):
        row = {**tamperer.row(seq), "origin": "elsewhere", "previous_hash": previous}
        previous = sealed_again(row)
        tamperer.set(seq, origin="elsewhere", previous_hash=row["previous_hash"], hash=previous)

    assert (LAST, "replaced") == fault(db)


def test_the_beginning_of_a_trail_cannot_be_cut_off_and_sealed_anew(db, tamperer):
    row = {**tamperer.row(1), "previous_hash": forged_hash()}
    tamperer.set(1, previous_hash=row["previous_hash"], hash=sealed_again(row))

    assert (1, "replaced") == fault(db)


def test_an_older_copy_is_found_and_stays_found_however_it_grows(db, tmp_path, request):
    add_events(db, 6)
    older_url = copy_of(db, tmp_path, request)
    add_events(db, 4)
    with opened(older_url, head_file=db.head_file) as older:
        assert (7, "missing") == fault(older)

        add_events(older, 3)
        assert (10, "missing") == fault(older)
        assert "names row 10, which the trail lacks" in older.head_problem

        add_events(older, 6)
        assert (10, "replaced") == fault(older)
    assert 10 == verify(db, db.head_file)
    if not db.is_sqlite:
        administer(request.getfixturevalue("postgres_url"), f"DROP DATABASE {db_name(older_url)}")


def copy_of(db: Database, tmp_path, request) -> str:
    if db.is_sqlite:
        return f"sqlite:///{backup(db, tmp_path / 'older.db')}"
    db.close()
    server = request.getfixturevalue("postgres_url")
    name = f"{db_name(db.url)}_older"
    administer(server, f"CREATE DATABASE {name} TEMPLATE {db_name(db.url)}")
    return database_url(server, name)


def db_name(url: str) -> str:
    return make_url(url).database


def test_a_missing_head_file_is_said_plainly(db, tamperer):
    db.head_file.unlink()

    with pytest.raises(AuditBroken) as broken:
        verify(db, db.head_file)

    assert (
        "audit row 10: the head file audit.head is missing, "
        "so rows missing after this one would go unseen"
    ) == str(broken.value)


def test_a_head_file_that_is_a_moment_behind_its_row_is_waited_for(db, tamperer):
    """The first row of a trail is there before the file is."""
    behind = db.head_file.rename(db.head_file.with_suffix(".later"))
    writer = threading.Timer(0.1, behind.rename, [db.head_file])
    writer.start()

    assert ROWS == verify(db, db.head_file)
    writer.join()


@pytest.mark.parametrize("content", ["", "{}", "no JSON", '{"count": "x", "hash": "y"}', "[]", "ä"])
def test_an_unreadable_head_file_is_said_plainly_and_never_overwritten(db, tamperer, content):
    db.head_file.write_text(content, encoding="utf-8")

    assert LAST == fault(db)[0]
    with db.begin() as session:
        record(session, an_event())
    assert content == db.head_file.read_text(encoding="utf-8")
    assert "the audit head file cannot be read" == db.head_problem


def test_an_edited_row_is_named_before_a_missing_head_file(db, tamperer):
    db.head_file.unlink()
    tamperer.set(3, text="x")

    assert (3, "edited") == fault(db)


def test_an_empty_trail_is_whole(db):
    assert 0 == verify(db, db.head_file)


def test_the_first_of_several_faults_is_named(db, tamperer):
    tamperer.run("DELETE FROM audit WHERE seq IN (4, 10)")
    tamperer.set(8, text="x")

    assert (4, "missing") == fault(db)


def test_another_spelling_of_the_same_detail_is_an_edit(db, tamperer):
    detail = tamperer.row(MIDDLE)["detail"]
    tamperer.set(MIDDLE, detail=json.dumps(json.loads(detail)))

    assert (MIDDLE, "edited") == fault(db)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("text", b"\xff\xfe"), ("text", "CAST(x'ff' AS TEXT)"), ("detail", "no JSON"),
        ("detail", b"{}"), ("outcome", "none"), ("outcome", 1e300), ("at", "yesterday"),
        ("at", 7), ("at", "2026-01-01 00:00:00.000000+05:00"), ("hash", b"\0" * 64),
    ],
)  # fmt: skip
@pytest.mark.parametrize("db_url", ["sqlite"], indirect=True)
def test_a_value_of_another_kind_is_an_edit_and_no_crash(db, tamperer, column, value):
    if isinstance(value, str) and value.startswith("CAST"):
        tamperer.run(f"UPDATE audit SET {column} = {value} WHERE seq = {MIDDLE}")
    else:
        tamperer.set(MIDDLE, **{column: value})

    assert (MIDDLE, "edited") == fault(db)


@pytest.mark.parametrize(("seq", "placed"), [(5.5, 6), ("abc", ROWS + 1)])
@pytest.mark.parametrize("db_url", ["sqlite"], indirect=True)
def test_a_row_with_a_number_that_is_none_is_placed(db, tamperer, seq, placed):
    tamperer.insert({**tamperer.row(2), "seq": seq, "hash": forged_hash()})

    assert (placed, "inserted") == fault(db)


def test_every_column_but_the_hash_is_sealed():
    assert {*SEALED, "hash"} == {"seq", *COLUMNS}
