"""Signed checkpoints and sealed archives of the audit trail; archived rows may leave the table."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels = None
depends_on = None

REFUSAL = "audit rows are only ever added"
UNARCHIVED = "OLD.seq > (SELECT coalesce(max(through), 0) FROM audit_archive)"


def sqlite_triggers(table: str, number: str) -> tuple[str, ...]:
    """What keeps a table append-only: also against INSERT OR REPLACE, which asks no DELETE trigger."""
    refuse = f"BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
    return (
        f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} {refuse}",
        f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} {refuse}",
        f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} "
        f"WHEN EXISTS (SELECT 1 FROM {table} WHERE {number} = NEW.{number}) {refuse}",
    )


SQLITE_TRIGGERS = (
    *sqlite_triggers("audit_checkpoint", "number"),
    *sqlite_triggers("audit_archive", "through"),
    "DROP TRIGGER audit_no_delete",
    f"CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit WHEN {UNARCHIVED} "
    f"BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END",
)
POSTGRESQL_TRIGGERS = (
    "CREATE TRIGGER audit_checkpoint_append_only BEFORE UPDATE OR DELETE OR TRUNCATE "
    "ON audit_checkpoint FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change()",
    "CREATE TRIGGER audit_archive_append_only BEFORE UPDATE OR DELETE OR TRUNCATE "
    "ON audit_archive FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change()",
    "DROP TRIGGER audit_append_only ON audit",
    "CREATE TRIGGER audit_append_only BEFORE UPDATE OR TRUNCATE ON audit "
    "FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change()",
    f"CREATE FUNCTION refuse_audit_delete() RETURNS trigger LANGUAGE plpgsql AS "
    f"$$ BEGIN IF {UNARCHIVED} THEN RAISE EXCEPTION '{REFUSAL}'; END IF; RETURN OLD; END $$",
    "CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit "
    "FOR EACH ROW EXECUTE FUNCTION refuse_audit_delete()",
)


def upgrade() -> None:
    """Add both tables, append-only as the trail; let what an archive holds be deleted from the trail."""
    op.create_table('audit_checkpoint',
    sa.Column('number', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('line', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('number', name=op.f('pk_audit_checkpoint'))
    )
    op.create_table('audit_archive',
    sa.Column('through', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('hash', sa.String(length=64), nullable=False),
    sa.Column('file', sa.String(length=255), nullable=False),
    sa.Column('sha256', sa.String(length=64), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('through', name=op.f('pk_audit_archive'))
    )
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in SQLITE_TRIGGERS if is_sqlite else POSTGRESQL_TRIGGERS:
        op.execute(statement)
