"""A transaction is safe by default on both databases."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from datetime import UTC, datetime

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from storage.db.engine import Database
from storage.db.tables import Series, SetupLink, Study
from tests.databases import opened

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
COUNT_UP = """
import sys
from storage.db.engine import Database
from storage.db.tables import Study
db = Database(sys.argv[1])
print("ready", flush=True)
sys.stdin.read(1)
for _ in range(100):
    with db.begin() as session:
        study = session.get(Study, 1)
        study.revision = study.revision + 1
db.close()
"""


def add_study(db: Database, uid: str = "1.2", **values) -> None:
    with db.begin() as session:
        times = {"created_at": NOW, "last_received_at": NOW}
        session.add(Study(study_uid=uid, **{**times, **values}))


def uids(session) -> list[str]:
    return list(session.scalars(select(Study.study_uid).order_by(Study.id)))


def test_four_processes_count_to_400_and_lose_no_update(db):
    add_study(db, revision=0)
    children = [
        subprocess.Popen(
            [sys.executable, "-c", COUNT_UP, db.url],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for _ in range(4)
    ]  # fmt: skip
    assert ["ready\n"] * 4 == [child.stdout.readline() for child in children]
    for child in children:
        child.stdin.write("x")
        child.stdin.flush()
    errors = [child.communicate()[1] for child in children]

    with db.read() as session:
        assert (400, [""] * 4) == (session.get(Study, 1).revision, errors)


def test_a_reader_sees_one_snapshot_and_waits_for_nobody(db):
    add_study(db, "1.1")
    with db.read() as reader:
        assert ["1.1"] == uids(reader)
        with db.begin() as writer:
            writer.add(Study(study_uid="1.2", created_at=NOW, last_received_at=NOW))
            writer.flush()
            with db.read() as other:
                assert ["1.1"] == uids(other)
        assert ["1.1"] == uids(reader)

    with db.read() as later:
        assert ["1.1", "1.2"] == uids(later)


def test_a_reader_cannot_write(db):
    with pytest.raises(DBAPIError, match=r"read-?only"), db.read() as session:
        session.execute(text("DELETE FROM study"))

    add_study(db, "1.1")  # and what it used can be used to write again
    with db.read() as session:
        assert ["1.1"] == uids(session)


def test_writers_take_turns_from_their_first_statement_on(db):
    first_is_in, let_go, order = threading.Event(), threading.Event(), []

    def write_first() -> None:
        with db.begin() as session:
            uids(session)
            first_is_in.set()
            assert let_go.wait(20)
            order.append("first")

    def write_second() -> None:
        with db.begin() as session:
            uids(session)
            order.append("second")

    one = threading.Thread(target=write_first)
    one.start()
    assert first_is_in.wait(20)
    other = threading.Thread(target=write_second)
    other.start()
    other.join(0.2)
    assert ([], True) == (order, other.is_alive())
    let_go.set()
    one.join(20)
    other.join(20)

    assert ["first", "second"] == order


def test_an_error_rolls_back(db):
    with pytest.raises(ZeroDivisionError), db.begin() as session:
        session.add(Study(study_uid="1.1", created_at=NOW, last_received_at=NOW))
        session.flush()
        raise ZeroDivisionError

    with db.read() as session:
        assert [] == uids(session)


def test_a_row_of_a_study_that_is_not_there_is_refused(db):
    with pytest.raises(IntegrityError), db.begin() as session:
        session.add(Series(study_id=7, series_uid="1.2"))


@pytest.mark.parametrize("broken", [{"uid": "1.2.77"}, {"uid": "1.3", "created_at": None}])
def test_prv_01_an_error_quotes_no_value(db, broken):
    add_study(db, "1.2.77")

    with pytest.raises(IntegrityError) as caught:
        add_study(db, patient_name="Zzphi^Jane", **broken)

    for text_ in (str(caught.value), str(caught.value.orig), repr(caught.value.orig)):
        assert "1.2.77" not in text_
        assert "Zzphi" not in text_
    assert "constraint" in str(caught.value)


def test_rows_can_be_read_after_their_session(db):
    add_study(db, "1.1")
    with db.read() as session:
        study = session.scalars(select(Study)).one()

    assert ("1.1", NOW) == (study.study_uid, study.created_at)


@pytest.mark.parametrize(("durable", "level"), [(True, 2), (False, 1)])
@pytest.mark.parametrize("db_url", ["sqlite"], indirect=True)
def test_sqlite_is_set_up_on_every_connection(db_url, durable, level):
    wanted = {
        "journal_mode": "wal", "foreign_keys": 1, "secure_delete": 1, "busy_timeout": 30_000,
        "synchronous": level,
    }  # fmt: skip
    with opened(db_url, durable=durable) as db, db.read() as one, db.read() as other:
        for session in (one, other):
            assert wanted == {
                name: session.execute(text(f"PRAGMA {name}")).scalar() for name in wanted
            }


@pytest.mark.parametrize("db_url", ["sqlite"], indirect=True)
def test_prv_01_a_deleted_name_is_gone_from_the_file(db):
    add_study(db, patient_name="Zzphi^Jane")
    with db.begin() as session:
        session.execute(text("DELETE FROM study"))
    with db.engine.connect() as connection:
        connection.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    assert b"Zzphi" not in db.path.read_bytes()


def test_the_path_is_that_of_the_file(tmp_path):
    with opened(f"sqlite:///{tmp_path / 'a.db'}") as db:
        assert tmp_path / "a.db" == db.path
    with opened("postgresql+psycopg://nobody@127.0.0.1:1/none") as db:
        assert db.path is None


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_a_database_in_memory_is_refused(url):
    with pytest.raises(ValueError, match="is a file"):
        Database(url)


def test_a_writer_that_is_killed_gives_its_turn_back(db):
    script = (
        "import os, sys; from storage.db.engine import Database\n"
        "from storage.db.tables import SetupLink\n"
        "from datetime import UTC, datetime\n"
        "with Database(sys.argv[1]).begin() as session:\n"
        "    session.add(SetupLink(token_hash='lost', created_at=datetime.now(UTC)))\n"
        "    session.flush()\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    died = subprocess.run([sys.executable, "-c", script, db.url], check=False, env=os.environ)

    assert -9 == died.returncode
    add_study(db, "1.1")
    with db.read() as session:
        assert (["1.1"], None) == (uids(session), session.get(SetupLink, "lost"))
