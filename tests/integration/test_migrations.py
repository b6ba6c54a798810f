"""The schema on both databases: made once, equal to the tables, checked, upgraded, backed up."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, text

from storage.audit import AuditEvent, record, verify
from storage.db import schema
from storage.db.backup import backup
from storage.db.engine import Database
from storage.db.tables import Base, CommitmentRequest, Study
from storage.errors import BackupFailed, SchemaMismatch
from storage.lifecycle import advance
from tests.databases import a_postgres_database, administer, opened
from tests.tools import program
from tests.unit.storage.rows import a_row

NEWEST = schema._newest()
CREATE = (
    "import sys; from storage.db.engine import Database; from storage.db import schema;"
    "print('ready', flush=True); sys.stdin.read(1);"
    "db = Database(sys.argv[1]); schema.create_or_check(db); schema.check(db); db.close()"
)


def add_study(db: Database, name: str = "Zzphi^Jane") -> None:
    now = datetime.now(UTC)
    with db.begin() as session:
        session.add(Study(study_uid="1.2", patient_name=name, created_at=now, last_received_at=now))
        record(session, AuditEvent("110103", "C", "peer:CT1", "stored"))


def names(db: Database) -> list[str]:
    with db.read() as session:
        return [study.patient_name for study in session.query(Study)]


def stamp(db: Database, revision: str) -> None:
    with db.begin() as session:
        session.execute(text("UPDATE alembic_version SET version_num = :to"), {"to": revision})


@pytest.fixture
def newer_program(tmp_path, monkeypatch) -> str:
    """This program with one more migration, which adds a column to the study table."""
    folder = tmp_path / "migrations"
    shutil.copytree(schema.MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "versions" / "later.py").write_text(
        "import sqlalchemy as sa\n"
        "from alembic import op\n"
        f"revision, down_revision = 'later', {NEWEST!r}\n"
        "def upgrade():\n"
        "    with op.batch_alter_table('study') as table:\n"
        "        table.add_column(sa.Column('colour', sa.String(8), server_default='grey'))\n"
    )
    monkeypatch.setattr(schema, "MIGRATIONS", folder)
    return "later"


def test_the_migrated_schema_equals_the_tables(empty_url):
    with opened(empty_url) as db:
        schema.create_or_check(db)
        with db.engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_server_default": True})
            differences = compare_metadata(context, Base.metadata)

    assert [] == differences


def test_a_number_is_never_given_out_twice(db):
    add_study(db)
    with db.begin() as session:
        session.execute(text("DELETE FROM study"))

    add_study(db)

    with db.read() as session:
        assert 2 == session.query(Study).one().id


def test_create_or_check_makes_it_once_and_keeps_what_is_there(empty_url):
    with opened(empty_url) as db:
        schema.create_or_check(db)
        add_study(db)
        schema.create_or_check(db)
        schema.check(db)

        assert ["Zzphi^Jane"] == names(db)


def test_processes_that_meet_an_empty_database_at_once_all_succeed(empty_url):
    children = [
        subprocess.Popen(
            [sys.executable, "-c", CREATE, empty_url],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for _ in range(4)
    ]  # fmt: skip
    assert ["ready\n"] * 4 == [child.stdout.readline() for child in children]
    for child in children:
        child.stdin.write("x")
        child.stdin.flush()
    ends = [child.communicate() for child in children]

    assert [0] * 4 == [child.returncode for child in children], ends


def test_an_older_program_refuses_a_newer_schema_in_one_line(db):
    stamp(db, "beyond")

    for look in (schema.check, schema.create_or_check, lambda db: schema.upgrade(db.url, None)):
        with pytest.raises(SchemaMismatch) as refusal:
            look(db)
        assert (
            f"the database has schema beyond, made by a newer dicom-node than this one, "
            f"which knows {NEWEST}: install the newer program"
        ) == str(refusal.value)


def test_a_newer_program_on_an_older_schema_says_what_to_run(db, newer_program):
    for look in (schema.check, schema.create_or_check):
        with pytest.raises(SchemaMismatch, match=r"run `dicom-node db upgrade`$") as refusal:
            look(db)
        assert "\n" not in str(refusal.value)


def test_another_programs_database_is_left_alone(empty_url):
    administer(empty_url, "CREATE TABLE theirs (id INTEGER)")

    with opened(empty_url) as db:
        for look in (schema.check, schema.create_or_check):
            with pytest.raises(SchemaMismatch, match="another program's tables"):
                look(db)
        assert ["theirs"] == inspect(db.engine).get_table_names()


def test_upgrade_backs_up_first_and_says_what_it_did(db, db_url, newer_program, tmp_path):
    if not db.is_sqlite:
        program("pg_dump", package="postgresql-client")
    add_study(db)

    said = schema.upgrade(db_url, tmp_path / "backups")

    saved = next((tmp_path / "backups").iterdir())
    assert f"the database went from schema {NEWEST} to later; the backup is {saved}" == said
    assert 0o600 == stat.S_IMODE(saved.stat().st_mode)
    assert 0o700 == stat.S_IMODE(saved.parent.stat().st_mode)
    schema.check(db)
    with db.read() as session:
        assert "grey" == session.execute(text("SELECT colour FROM study")).scalar_one()
    assert 1 == verify(db, db.head_file)
    assert "the database is up to date (schema later)" == schema.upgrade(db_url, tmp_path / "more")
    assert not (tmp_path / "more").exists()


def test_upgrade_makes_the_schema_in_an_empty_database(empty_url, tmp_path):
    said = schema.upgrade(empty_url, tmp_path / "backups")

    assert f"the database went from schema none to {NEWEST}" == said
    with opened(empty_url) as db:
        schema.check(db)


def test_the_first_schema_is_upgraded_with_everything_in_it(empty_url, tmp_path):
    with opened(empty_url, head_file=tmp_path / "audit.head") as db:
        if not db.is_sqlite:
            program("pg_dump", package="postgresql-client")
        with db.engine.connect() as connection, connection.begin():
            config = schema._config()
            config.attributes["connection"] = connection
            command.upgrade(config, "0001")
        assert "commitment_request" not in inspect(db.engine).get_table_names()
        add_study(db)

        said = schema.upgrade(empty_url, tmp_path / "backups")

        assert said.startswith(f"the database went from schema 0001 to {NEWEST}; the backup is ")
        schema.check(db)
        assert ["Zzphi^Jane"] == names(db)
        assert 1 == verify(db, db.head_file)
        with db.begin() as session:
            request = a_row(session, CommitmentRequest)
            audit = AuditEvent("110103", "R", "node", "told")
            advance(session, request, "report", audit=audit, safe=1)
        with db.engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_server_default": True})
            assert [] == compare_metadata(context, Base.metadata)


def test_a_failed_migration_leaves_the_database_as_it_was(db, newer_program, monkeypatch):
    broken = schema.MIGRATIONS / "versions" / "later.py"
    broken.write_text(broken.read_text() + "    op.execute('nonsense')\n")
    add_study(db)

    with pytest.raises(Exception, match="nonsense"):
        schema.upgrade(db.url, None)

    with db.read() as session:
        columns = {column["name"] for column in inspect(session.connection()).get_columns("study")}
        assert NEWEST == session.execute(text("SELECT version_num FROM alembic_version")).scalar()
    assert "colour" not in columns
    assert ["Zzphi^Jane"] == names(db)


def test_backup_is_whole_while_writers_write(db, postgres_url, tmp_path):
    if not db.is_sqlite:
        program("pg_dump", package="postgresql-client")
    add_study(db)
    target = tmp_path / "node.backup"

    with db.begin() as session:
        session.execute(text("UPDATE study SET patient_name = 'not committed'"))
        assert target == backup(db, target)

    assert 0o600 == stat.S_IMODE(target.stat().st_mode)
    with restored(db, target, postgres_url) as copy:
        schema.check(copy)
        assert ["Zzphi^Jane"] == names(copy)
        assert 1 == verify(copy, db.head_file)


@contextmanager
def restored(db: Database, saved: Path, postgres_url: str) -> Iterator[Database]:
    """The database that a person gets from a backup by the database's own means."""
    if db.is_sqlite:
        with opened(f"sqlite:///{saved}") as copy:
            yield copy
        return
    pg_restore = program("pg_restore", package="postgresql-client")
    with a_postgres_database(postgres_url, "template0") as url:
        where = url.replace("+psycopg", "")
        subprocess.run([pg_restore, "--no-owner", f"--dbname={where}", saved], check=True)
        with opened(url) as copy:
            yield copy


def test_backup_never_overwrites(db, tmp_path):
    target = tmp_path / "node.backup"
    target.write_text("an older backup")

    with pytest.raises(BackupFailed, match="File exists"):
        backup(db, target)

    assert "an older backup" == target.read_text()


def test_a_backup_that_fails_leaves_no_file(tmp_path):
    path = tmp_path / "node.db"
    path.write_bytes(b"no database at all, but long enough to look like one" * 100)
    with opened(f"sqlite:///{path}") as db, pytest.raises(BackupFailed, match="not a database"):
        backup(db, tmp_path / "node.backup")

    assert not (tmp_path / "node.backup").exists()


@pytest.mark.postgres
def test_without_pg_dump_the_upgrade_stops_and_names_the_flag(
    postgres_url, postgres_template, newer_program, tmp_path, monkeypatch
):
    monkeypatch.setenv("PATH", str(tmp_path))
    with a_postgres_database(postgres_url, postgres_template) as url:
        with pytest.raises(BackupFailed, match=r"pg_dump is not installed.*--no-backup"):
            schema.upgrade(url, tmp_path / "backups")

        with opened(url) as db, db.read() as session:
            assert (
                NEWEST == session.execute(text("SELECT version_num FROM alembic_version")).scalar()
            )
        assert [] == list((tmp_path / "backups").iterdir())
        assert f"the database went from schema {NEWEST} to later" == schema.upgrade(url, None)


def test_a_password_goes_to_pg_dump_by_the_environment_alone(tmp_path, monkeypatch):
    fake = tmp_path / "pg_dump"
    fake.write_text('#!/bin/sh\necho "$@" >"$SEEN"\necho "$PGPASSWORD $PGSSLMODE" >>"$SEEN"\n')
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("SEEN", str(tmp_path / "seen"))
    url = "postgresql+psycopg://n%40de:s%2Fcret@db.example:5433/node?sslmode=verify-full"

    with opened(url) as db:
        backup(db, tmp_path / "b.dump")

    arguments, environment = (tmp_path / "seen").read_text().splitlines()
    assert "s/cret verify-full" == environment
    assert "cret" not in arguments
    assert arguments.endswith("--host=db.example --port=5433 --username=n@de --dbname=node")


def test_a_new_sqlite_database_is_the_owners_alone(tmp_path):
    path = tmp_path / "node.db"
    before = os.umask(0)
    try:
        with opened(f"sqlite:///{path}") as db:
            schema.create_or_check(db)
            add_study(db)
            modes = {stat.S_IMODE(each.stat().st_mode) for each in tmp_path.glob("node.db*")}
            count = len(list(tmp_path.glob("node.db*")))
    finally:
        os.umask(before)

    assert ({0o600}, 3) == (modes, count)


def test_the_audit_table_refuses_every_change_but_an_added_row(db):
    add_study(db)
    replace = "INSERT OR REPLACE INTO audit SELECT * FROM audit WHERE seq = 1"
    changes = [
        "UPDATE audit SET text = 'x'",
        "DELETE FROM audit",
        "DELETE FROM audit WHERE seq = 1",
    ]
    changes += [replace] if db.is_sqlite else ["TRUNCATE audit"]

    for change in changes:
        with pytest.raises(Exception, match="audit rows are only ever added"), db.begin() as writer:
            writer.execute(text(change))

    assert 1 == verify(db, db.head_file)
