"""Old rows of the trail go into sealed archives, none before its archive is safe; all verifies."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import make_url, text

from storage import retention
from storage.archive import archives_in, write_archive
from storage.audit import list_events
from storage.db.roles import ARCHIVER, role_script
from storage.errors import AuditBroken
from storage.head import Head
from storage.proof import Proof
from storage.retention import Archiver
from storage.signing import KeyRing, read_or_make_key
from storage.verification import examine
from tests.databases import administer, opened
from tests.trail import Notarised, Tamperer, add_events, altered

DAY = timedelta(days=1)


class Old(Notarised):
    """Rows 1 to 30 are 400 days old, 31 to 35 are of today; checkpoints over 10, 20, 30 and 35."""

    def __init__(self, db, folder: Path, monkeypatch) -> None:
        super().__init__(db, folder)
        self.folder = folder / "archives"

        class Then(datetime):
            @classmethod
            def now(cls, tz=None):
                return datetime.now(tz) - 400 * DAY

        with monkeypatch.context() as patch:
            patch.setattr("storage.audit.datetime", Then)
            self.grow(10, 10, 10)
        self.grow(5)

    def archiver(self, rows: int = 12, db=None) -> Archiver:
        return Archiver(db or self.db, self.notary, self.proof, self.folder, rows)

    def archive(self, rows: int = 12) -> list[str]:
        made = self.archiver(rows).archive(datetime.now(UTC) - 365 * DAY)
        return [path.name for path in made]

    def all(self, db=None):
        """Everything, archives and database, as one trail."""
        archives = archives_in(self.folder)
        return examine(db or self.db, self.db.head_file, self.proof, archives)

    def seqs(self) -> list[int]:
        with self.db.read() as session:
            return sorted(row.seq for row in list_events(session, limit=100))


NAMES = [
    "audit-000000000001-000000000012.jsonl.gz",
    "audit-000000000013-000000000024.jsonl.gz",
    "audit-000000000025-000000000030.jsonl.gz",
]


@pytest.fixture
def old(db, tmp_path, monkeypatch) -> Old:
    return Old(db, tmp_path, monkeypatch)


def rows_of(path: Path) -> list[dict]:
    with gzip.open(path, "rt") as file:
        return [json.loads(line) for line in file]


def rewrite(path: Path, lines: list[dict]) -> None:
    with gzip.open(path, "wt") as file:
        file.writelines(
            json.dumps(line, sort_keys=True, separators=(",", ":")) + "\n" for line in lines
        )


def test_old_rows_move_into_archives_and_both_parts_verify(old):
    assert NAMES == old.archive()

    assert list(range(31, 39)) == old.seqs()  # with one row for each archive
    here = examine(old.db, old.db.head_file, old.proof)
    assert (8, 38, 38, 7) == (here.rows, here.last, here.anchored, here.checkpoints)
    assert (38, 38) == (old.all().rows, old.all().anchored)
    with old.db.read() as session:
        said = [row.text for row in list_events(session, limit=9, event="110101")]
    assert said[-1] == f"rows 1 to 12 moved to archive {NAMES[0]}"
    assert {0o600} == {path.stat().st_mode & 0o777 for path in archives_in(old.folder)}


def test_it_goes_on_from_where_it_was(old):
    old.archive()
    assert [] == old.archive()
    old.grow(3)
    assert (41, 41) == (old.all().rows, old.all().anchored)

    made = old.archiver().archive(datetime.now(UTC) + DAY)  # as if all were old

    assert ["audit-000000000031-000000000040.jsonl.gz"] == [path.name for path in made]
    assert [41, 42] == old.seqs()  # the last row stays, and the row that tells of it
    assert 42 == old.all().rows


def test_nothing_is_moved_where_nothing_is_old(old):
    assert [] == old.archiver().archive(datetime.now(UTC) - 500 * DAY)
    assert not old.folder.exists()
    assert 35 == examine(old.db, old.db.head_file, old.proof).rows


def test_a_clock_that_was_wrong_moves_no_young_row(old, tmp_path, monkeypatch):
    """A young row stands before old ones: the old ones behind it stay with it."""

    class Then(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) - 400 * DAY

    with monkeypatch.context() as patch:
        patch.setattr("storage.audit.datetime", Then)
        old.grow(4)

    old.archive()

    assert list(range(31, 43)) == old.seqs()


def test_the_same_rows_are_the_same_file_but_for_the_time_of_its_seal(old, tmp_path):
    old.archive()
    first, *_rest = archives_in(old.folder)
    *rows, end = rows_of(first)
    again = tmp_path / "again.jsonl.gz"

    last, _digest = write_archive(again, rows, Head(0, "0" * 64), old.key)

    assert (12, rows[-1]["hash"]) == (last.count, last.hash)
    *same, other_end = rows_of(again)
    assert (rows, end["sha256"]) == (same, other_end["sha256"])


# --- nothing is deleted before its archive is on disk and verified


@pytest.mark.parametrize("broken", ["write_archive", "check_archive", "delete_rows"])
def test_what_breaks_leaves_every_row_and_the_next_time_goes_well(old, monkeypatch, broken):
    def breaks(*_arguments, **_options):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(retention, broken, breaks)
        with pytest.raises(OSError, match="No space left"):
            old.archive()
    assert list(range(1, 36)) == old.seqs()
    assert 35 == old.all().rows  # a file that was left is no part of the trail

    assert NAMES == old.archive()
    assert 38 == old.all().rows


def test_a_file_left_by_a_crash_is_replaced_also_where_it_reaches_elsewhere(old, monkeypatch):
    def dies(*_arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(retention, "delete_rows", dies)
        with pytest.raises(KeyboardInterrupt):
            old.archive(rows=7)
    assert ["audit-000000000001-000000000007.jsonl.gz"] == [
        path.name for path in archives_in(old.folder)
    ]

    old.archive()

    assert NAMES == [path.name for path in archives_in(old.folder)]
    assert 38 == old.all().rows


def test_an_archive_of_another_trail_is_neither_deleted_nor_written_over(old, monkeypatch):
    """A folder on another disk outlives a database; its files are the only copy of their rows."""
    with monkeypatch.context() as patch:
        patch.setattr(retention, "delete_rows", lambda *_arguments: 0)
        with pytest.raises(AuditBroken):
            old.archive()
    (place,) = archives_in(old.folder)
    first, *rest = rows_of(place)
    rewrite(place, [{**first, "hash": "1" * 64}, *rest])
    content = place.read_bytes()

    with pytest.raises(AuditBroken, match="is of another trail"):
        old.archive()

    assert [place] == archives_in(old.folder)
    assert content == place.read_bytes()
    assert list(range(1, 36)) == old.seqs()


def test_a_file_that_does_not_hold_its_rows_costs_no_row(old, monkeypatch):
    def lossy(path, rows, before, key):
        return write_archive(path, list(rows)[:-1], before, key)

    monkeypatch.setattr(retention, "write_archive", lossy)
    with pytest.raises(AuditBroken, match="does not hold its rows"):
        old.archive()

    assert list(range(1, 36)) == old.seqs()


def test_a_trail_that_does_not_verify_is_not_archived(old):
    tamperer = Tamperer(old.db.url)
    tamperer.set(3, text="x")
    tamperer.close()

    with pytest.raises(AuditBroken, match="audit row 3: edited"):
        old.archive()

    assert list(range(1, 36)) == old.seqs()
    assert not old.folder.exists()


def test_the_database_refuses_to_delete_what_no_archive_holds(old):
    for statement in ("DELETE FROM audit", "DELETE FROM audit WHERE seq = 1"):
        with pytest.raises(Exception, match="only ever added"), old.db.begin() as session:
            session.execute(text(statement))
    old.archive()
    for statement in (
        "DELETE FROM audit",
        "DELETE FROM audit WHERE seq = 31",
        "UPDATE audit_archive SET through = 99",
        "DELETE FROM audit_archive",
        "UPDATE audit_checkpoint SET line = ''",
        "DELETE FROM audit_checkpoint",
    ):
        with pytest.raises(Exception, match="only ever added"), old.db.begin() as session:
            session.execute(text(statement))
    assert 38 == old.all().rows


# --- tampering with archives and with the cut


def test_an_edited_row_in_an_archive_is_placed(old):
    old.archive()
    path = archives_in(old.folder)[1]
    lines = rows_of(path)
    lines[3]["actor"] = altered(lines[3]["actor"])
    rewrite(path, lines)

    assert (16, "edited") == fault(old)


def fault(old: Old) -> tuple[int, str]:
    with pytest.raises(AuditBroken) as broken:
        old.all()
    return broken.value.seq, broken.value.reason.partition(":")[0]


@pytest.mark.parametrize("place", [0, 5, 11])
def test_a_row_removed_from_an_archive_is_placed(old, place):
    old.archive()
    path = archives_in(old.folder)[0]
    lines = rows_of(path)
    del lines[place]
    rewrite(path, lines)

    seq, kind = fault(old)
    assert kind in ("missing", "edited")
    assert seq == (1 if kind == "edited" else place + 1)


@pytest.mark.parametrize("which", [0, 1, 2])
def test_a_missing_archive_is_missed(old, which):
    old.archive()
    archives_in(old.folder)[which].unlink()

    if which == 0:  # what is there verifies from its own first row on
        assert 38 - 12 == old.all().rows
    else:
        assert ([1, 13, 25][which], "missing") == fault(old)


@pytest.mark.parametrize("keep", [0, 20, 300, -1])
def test_an_archive_that_was_cut_off_is_found(old, keep):
    old.archive()
    path = archives_in(old.folder)[2]
    path.write_bytes(path.read_bytes()[:keep])

    assert "missing" == fault(old)[1]


def test_a_whole_archive_made_anew_without_the_key_is_found(old, tmp_path):
    old.archive()
    path = archives_in(old.folder)[1]
    *rows, _end = rows_of(path)
    stranger = read_or_make_key(tmp_path / "stranger.key")
    before = Head(12, rows[0]["previous_hash"])
    write_archive(path, rows, before, stranger)

    assert (13, "forged") == fault(old)


def test_an_archive_put_back_into_an_older_copy_is_found_by_checkpoints_too(old, tmp_path):
    """Archived rows are compared with the checkpoints over them, as those in the database are."""
    old.archive()
    ring = KeyRing.of([old.key.private.public_key()])
    found = examine(old.db, None, Proof(ring, old.anchor), archives_in(old.folder))

    assert (38, 7) == (found.anchored, found.checkpoints)


@pytest.mark.parametrize("first", [31, 33])
def test_rows_deleted_after_the_cut_are_missed(old, first):
    old.archive()
    tamperer = Tamperer(old.db.url)
    tamperer.run("DELETE FROM audit WHERE seq <= :a", a=first)
    tamperer.close()

    assert (31, "missing") == fault(old)


def test_a_beginning_that_is_deleted_without_a_signed_cut_is_missed(old):
    tamperer = Tamperer(old.db.url)
    tamperer.run("DELETE FROM audit WHERE seq <= 12")
    tamperer.close()

    assert (1, "missing") == fault(old)


def test_archived_rows_put_back_are_found(old):
    tamperer = Tamperer(old.db.url)
    kept = tamperer.row(30)
    old.archive()
    tamperer.insert(kept)
    tamperer.close()

    assert (31, "inserted") == fault(old)


# --- the archiver's own role


@pytest.mark.postgres
@pytest.mark.parametrize("db_url", ["postgres"], indirect=True)
def test_on_postgresql_the_archiver_works_in_its_own_role(old):
    with old.db.engine.connect() as connection:
        connection.exec_driver_sql(role_script())
        connection.commit()
    login = (
        f"DO $$ BEGIN CREATE ROLE {ARCHIVER}_login LOGIN IN ROLE {ARCHIVER}; "
        f"EXCEPTION WHEN duplicate_object THEN NULL; END $$"
    )
    administer(old.db.url, login)
    url = make_url(old.db.url).set(username=f"{ARCHIVER}_login")
    with opened(url.render_as_string(hide_password=False), head_file=old.db.head_file) as db:
        made = old.archiver(db=db).archive(datetime.now(UTC) - 365 * DAY)

    assert NAMES == [path.name for path in made]
    assert 38 == old.all().rows


def test_events_go_on_being_recorded_after_the_cut(old):
    old.archive()
    add_events(old.db, 7)
    old.notary.sign()

    assert "" == old.db.head_problem
    assert (45, 45) == (old.all().rows, old.all().anchored)
