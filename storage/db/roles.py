"""The SQL that gives PostgreSQL one role for each kind of work, none of which can change the trail.

The tables belong to another role, the owner, which migrates and which no running process uses: only
an owner can drop a trigger. The roles cannot log in; a login is made by the site and granted one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.db.tables import (
    Account,
    Audit,
    AuditArchive,
    AuditCheckpoint,
    AuditPosition,
    Base,
    LoginSession,
    SetupLink,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

WORKER, WEB, CORE = "dicom_node_worker", "dicom_node_web", "dicom_node_core"
ARCHIVER = "dicom_node_archiver"
ROLES = {
    WORKER: "receives, runs jobs, delivers: adds to the trail, reads of it only where it ends",
    WEB: "serves the admin page: adds to the trail and reads it",
    CORE: "the core process of one machine, which is both, and signs",
    ARCHIVER: "moves old rows of the trail into archives; the only one that may delete there",
}
TRAIL = (Audit.__tablename__, AuditCheckpoint.__tablename__, AuditArchive.__tablename__)
TOLD = AuditPosition.__tablename__  # who moves it keeps rows from the repositories
PEOPLE = (Account.__tablename__, LoginSession.__tablename__, SetupLink.__tablename__)


def role_statements() -> Iterator[str]:
    """Every statement, in order; run again after an upgrade, they give what is new its rights."""
    tables = [table.name for table in Base.metadata.sorted_tables]
    work = ", ".join(name for name in tables if name not in (*TRAIL, TOLD, *PEOPLE))
    everything = ", ".join(tables)
    for role in ROLES:
        yield (
            f"DO $$ BEGIN CREATE ROLE {role} NOLOGIN; "
            f"EXCEPTION WHEN duplicate_object THEN NULL; END $$"
        )
    names = ", ".join(ROLES)
    yield f"REVOKE ALL ON {everything} FROM PUBLIC, {names}"
    yield f"GRANT USAGE ON SCHEMA public TO {names}"
    yield f"GRANT SELECT ON alembic_version TO {names}"
    yield f"GRANT SELECT, INSERT, UPDATE, DELETE ON {work} TO {WORKER}, {WEB}"
    yield f"GRANT SELECT, INSERT, UPDATE, DELETE ON {', '.join(PEOPLE)} TO {WEB}"
    yield f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {WORKER}, {WEB}"
    yield f"GRANT INSERT, SELECT (seq, hash) ON audit TO {WORKER}"
    yield f"GRANT INSERT, SELECT ON audit TO {WEB}"
    yield f"GRANT SELECT ON audit_checkpoint, audit_archive, {TOLD} TO {WEB}"
    yield f"GRANT INSERT ON audit_checkpoint TO {CORE}"
    yield f"GRANT INSERT, UPDATE ON {TOLD} TO {CORE}"
    yield f"GRANT {WORKER}, {WEB} TO {CORE}"
    yield f"GRANT SELECT, INSERT ON {', '.join(TRAIL)} TO {ARCHIVER}"
    yield f"GRANT DELETE ON audit TO {ARCHIVER}"


def role_script() -> str:
    """The statements as a script for ``psql``, with what each role is for."""
    about = "".join(f"-- {role}: {what}\n" for role, what in ROLES.items())
    return about + "BEGIN;\n" + "".join(f"{one};\n" for one in role_statements()) + "COMMIT;\n"
