"""On PostgreSQL who runs can add to the trail and not change it, even with SQL of his own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import DBAPIError

from storage.anchor import AnchorFile
from storage.audit import list_events, record, verify
from storage.db import schema
from storage.db.queries.audit_positions import move_position, position_of
from storage.db.roles import ARCHIVER, CORE, ROLES, WEB, WORKER, role_script
from storage.db.tables import Account, Study
from storage.notary import Notary
from storage.verification import examine
from tests.databases import a_postgres_database, administer, opened
from tests.trail import Notarised, add_events, an_event
from tests.unit.storage.rows import NOW, a_row

pytestmark = pytest.mark.postgres


@pytest.fixture
def owner_url(postgres_url, postgres_template) -> Iterator[str]:
    """A database with the schema, the roles, and a login for each."""
    with a_postgres_database(postgres_url, postgres_template) as url:
        for _again in range(2):
            run_script(url)
        logins = [
            f"DO $$ BEGIN CREATE ROLE {role}_login LOGIN IN ROLE {role}; "
            f"EXCEPTION WHEN duplicate_object THEN NULL; END $$"
            for role in ROLES
        ]
        administer(url, *logins)
        yield url


def run_script(url: str) -> None:
    engine = create_engine(url)
    with engine.connect() as connection:
        connection.exec_driver_sql(role_script())
    engine.dispose()


def as_role(url: str, role: str) -> str:
    return make_url(url).set(username=f"{role}_login").render_as_string(hide_password=False)


CHANGES = [
    "UPDATE audit SET text = 'x'",
    "UPDATE audit SET text = 'x' WHERE false",
    "TRUNCATE audit",
    "ALTER TABLE audit DISABLE TRIGGER ALL",
    "DROP TRIGGER audit_append_only ON audit",
    "DROP TRIGGER audit_no_delete ON audit",
    "CREATE OR REPLACE FUNCTION refuse_audit_delete() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RETURN OLD; END $$",
    "DROP TABLE audit",
    "ALTER TABLE audit OWNER TO CURRENT_USER",
    "SET session_replication_role = replica",
    "UPDATE audit_checkpoint SET line = 'x'",
    "DELETE FROM audit_checkpoint",
    "DROP TRIGGER audit_checkpoint_append_only ON audit_checkpoint",
    "UPDATE audit_archive SET through = 99",
    "CREATE RULE none AS ON INSERT TO audit DO INSTEAD NOTHING",
    "SET ROLE node",
]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("role", ROLES)
def test_no_role_changes_the_trail(owner_url, role, change):
    with opened(owner_url) as db:
        add_events(db, 3)
    with (
        opened(as_role(owner_url, role)) as db,
        pytest.raises(DBAPIError, match=r"permission denied|must be (owner|able)"),
        db.begin() as session,
    ):
        session.execute(text(change))


@pytest.mark.parametrize("role", [WORKER, WEB, CORE])
@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM audit",
        "INSERT INTO audit_archive VALUES (3, 'x', 'x', 'x', now())",
    ],
)
def test_only_the_archiver_deletes_and_says_what_is_archived(owner_url, role, change):
    with (
        opened(as_role(owner_url, role)) as db,
        pytest.raises(DBAPIError, match="permission denied"),
        db.begin() as session,
    ):
        session.execute(text(change))


def test_the_archiver_deletes_nothing_that_is_not_archived(owner_url):
    with opened(owner_url) as db:
        add_events(db, 3)
    with (
        opened(as_role(owner_url, ARCHIVER)) as db,
        pytest.raises(DBAPIError, match="audit rows are only ever added"),
        db.begin() as session,
    ):
        session.execute(text("DELETE FROM audit"))


@pytest.mark.parametrize("role", ROLES)
def test_every_role_records_and_the_trail_verifies(owner_url, role, tmp_path):
    head = tmp_path / "audit.head"
    with opened(as_role(owner_url, role), head_file=head) as db:
        schema.check(db)
        add_events(db, 7)
        assert "" == db.head_problem
    with opened(owner_url) as db:
        assert 7 == verify(db, head)


def test_a_worker_reads_neither_the_trail_nor_accounts(owner_url):
    with opened(as_role(owner_url, WORKER)) as db:
        for question in ("SELECT text FROM audit", "SELECT * FROM account", "SELECT * FROM audit"):
            with pytest.raises(DBAPIError, match="permission denied"), db.read() as session:
                session.execute(text(question))


@pytest.mark.parametrize("role", [WORKER, WEB, CORE])
def test_work_is_done(owner_url, role):
    with opened(as_role(owner_url, role)) as db:
        with db.begin() as session:
            study = a_row(session, Study)
            record(session, an_event())
        with db.begin() as session:
            session.execute(text("DELETE FROM study WHERE id = :id"), {"id": study.id})
        if role != WORKER:
            with db.begin() as session:
                session.add(Account(login="ann", password_hash="x", role="admin",
                                    failed_logins=0, created_at=NOW))  # fmt: skip
            with db.read() as session:
                assert 1 == len(list_events(session, limit=5))


def test_the_core_signs_and_verifies(owner_url, tmp_path):
    with opened(owner_url) as db:
        trail = Notarised(db, tmp_path)
    with opened(as_role(owner_url, CORE)) as db:
        add_events(db, 4)
        Notary(db, trail.key, trail.ring, AnchorFile(trail.anchor)).sign()

        assert 4 == examine(db, None, trail.proof).anchored


@pytest.mark.parametrize("role", [WORKER, WEB, ARCHIVER])
def test_only_the_core_says_what_repositories_were_told(owner_url, role):
    with opened(as_role(owner_url, CORE)) as db:
        for seq in (1, 2):
            with db.begin() as session:
                move_position(session, "arr", seq, NOW)
    for change in ("UPDATE audit_position SET seq = 9", "DELETE FROM audit_position"):
        with (
            opened(as_role(owner_url, role)) as db,
            pytest.raises(DBAPIError, match="permission denied"),
            db.begin() as session,
        ):
            session.execute(text(change))
    with opened(as_role(owner_url, WEB)) as db, db.read() as session:
        assert 2 == position_of(session, "arr")
