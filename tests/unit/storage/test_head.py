"""The head file moves forward only, whole, along the trail that it belongs to."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from storage.audit import list_events, record, verify
from storage.errors import HeadUnusable
from storage.head import EMPTY, Head, move_head, read_head
from tests.databases import opened
from tests.trail import add_events, an_event

CHAIN = [EMPTY, *(Head(count, f"{count:064x}") for count in range(1, 9))]
RECORD_FOR_EVER = """
import sys
from pathlib import Path
from storage.audit import record
from storage.db.engine import Database
from tests.trail import an_event
db = Database(sys.argv[1], durable=sys.argv[3] == "durable", head_file=Path(sys.argv[2]))
number = 0
while number != int(sys.argv[4]):
    number += 1
    with db.begin() as session:
        record(session, an_event(number))
    assert not db.head_problem, db.head_problem
    print(number, flush=True)
"""


def hash_of(seq: int) -> str | None:
    return CHAIN[seq].hash if seq < len(CHAIN) else None


def recorder(db, count: int, durability: str = "durable", **options) -> subprocess.Popen:
    """A process that records events: `count` of them, or without end for -1."""
    arguments = [db.url, str(db.head_file), durability, str(count)]
    return subprocess.Popen(
        [sys.executable, "-c", RECORD_FOR_EVER, *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options,
    )  # fmt: skip


def test_no_file_is_no_head(tmp_path):
    assert read_head(tmp_path / "audit.head") is None


def test_it_says_what_was_written_and_is_the_owners_alone(tmp_path):
    path = tmp_path / "audit.head"

    move_head(path, EMPTY, CHAIN[1], hash_of)

    assert CHAIN[1] == read_head(path)
    assert {0o600} == {stat.S_IMODE(each.stat().st_mode) for each in tmp_path.iterdir()}


def test_it_never_moves_backwards(tmp_path):
    path = tmp_path / "audit.head"
    move_head(path, EMPTY, CHAIN[5], hash_of)

    move_head(path, CHAIN[1], CHAIN[2], hash_of)

    assert CHAIN[5] == read_head(path)


def test_a_trail_is_not_asked_where_the_file_holds_the_row_before(tmp_path):
    path = tmp_path / "audit.head"
    move_head(path, EMPTY, CHAIN[1], hash_of)

    move_head(path, CHAIN[1], CHAIN[2], lambda _seq: pytest.fail("asked"))

    assert CHAIN[2] == read_head(path)


def test_it_skips_rows_that_others_committed_and_did_not_write(tmp_path):
    path = tmp_path / "audit.head"
    move_head(path, EMPTY, CHAIN[1], hash_of)

    move_head(path, CHAIN[6], CHAIN[7], hash_of)

    assert CHAIN[7] == read_head(path)


@pytest.mark.parametrize("seq", [4, 20])
def test_it_does_not_move_to_a_trail_that_lacks_its_row(tmp_path, seq):
    path = tmp_path / "audit.head"
    stranger = Head(seq, "f" * 64)
    move_head(path, EMPTY, stranger, hash_of)

    with pytest.raises(HeadUnusable, match=f"names row {seq}, which the trail lacks"):
        move_head(path, CHAIN[7], CHAIN[8], hash_of)

    assert stranger == read_head(path)


def test_a_commit_stands_when_the_head_cannot_be_written(db_url, tmp_path):
    with opened(db_url, head_file=tmp_path / "absent" / "audit.head") as db:
        with db.begin() as session:
            record(session, an_event())

        assert "No such file" in db.head_problem
        (tmp_path / "absent").mkdir()
        add_events(db, 1)
        assert "" == db.head_problem
        assert 2 == verify(db, db.head_file)


def test_a_commit_stands_when_the_trail_cannot_be_asked(db, monkeypatch):
    add_events(db, 1)

    def gone(*_arguments: object) -> None:
        raise OperationalError("SELECT", {}, Exception("server closed the connection"))

    db.head_file.unlink()
    move_head(db.head_file, EMPTY, Head(1, "f" * 64), hash_of)
    monkeypatch.setattr("storage.db.engine.hash_of_row", gone)
    with db.begin() as session:
        record(session, an_event(2))

    assert "server closed the connection" in db.head_problem
    with db.read() as session:
        assert 2 == len(list_events(session, limit=5))


@pytest.mark.parametrize("kind", ["threads", "processes"])
def test_many_recorders_leave_one_chain_and_its_head(db, kind):
    if kind == "threads":
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda _: add_events(db, 15), range(4)))
    else:
        for each in [recorder(db, 15) for _ in range(4)]:
            _, errors = each.communicate()
            assert (0, "") == (each.returncode, errors)

    assert 60 == verify(db, db.head_file)
    assert 60 == read_head(db.head_file).count


def test_a_kill_between_commit_and_head_leaves_a_trail_that_verifies(db):
    add_events(db, 3)
    script = RECORD_FOR_EVER.replace(
        "number = 0", "import os; from storage.db import engine\n"
        "engine.move_head = lambda *_: os.kill(os.getpid(), 9)\nnumber = 0"
    )  # fmt: skip
    died = subprocess.run(
        [sys.executable, "-c", script, db.url, db.head_file, "durable", "1"], check=False
    )

    assert (-9, 3) == (died.returncode, read_head(db.head_file).count)
    assert 4 == verify(db, db.head_file)
    add_events(db, 1)
    assert (5, 5) == (verify(db, db.head_file), read_head(db.head_file).count)


@pytest.mark.parametrize("durability", ["durable", "relaxed"])
def test_kills_at_any_time_leave_a_trail_that_verifies(db, durability):
    recorded = 0
    for round_ in range(3):
        child = recorder(db, -1, durability)
        for _ in range(3 + round_ * 4):
            assert child.stdout.readline()
        child.kill()
        child.communicate()
        rows = verify(db, db.head_file)
        assert read_head(db.head_file).count in {rows, rows - 1}
        assert rows >= recorded + 3 + round_ * 4
        recorded = rows


@pytest.mark.parametrize("db_url", ["sqlite"], indirect=True)
def test_the_head_is_written_after_the_rows_it_names_are_on_disk(db, monkeypatch):
    """A relaxed SQLite connection leaves its log unsynced, and a head must not outlive its rows."""
    fsync, order = os.fsync, []
    monkeypatch.setattr(os, "fsync", lambda fd: (order.append(os.fstat(fd).st_ino), fsync(fd)))
    monkeypatch.setattr("storage.db.engine.move_head", lambda *_: order.append("head"))
    with opened(db.url, durable=False, head_file=db.head_file) as relaxed:
        add_events(relaxed, 1)
        log = Path(f"{db.path}-wal").stat().st_ino

    assert [log, db.path.parent.stat().st_ino, "head"] == order
