"""Inserts that two receivers may race for: the second one does nothing instead of failing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.dialects import postgresql, sqlite

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from storage.db.tables import Base


def insert_unless_there(session: Session, table: type[Base], **values: object) -> bool:
    """Insert a row unless one of its unique keys is taken; True when it was inserted."""
    is_postgresql = session.get_bind().dialect.name == "postgresql"
    insert = postgresql.insert if is_postgresql else sqlite.insert
    statement = insert(table).values(**values).on_conflict_do_nothing()
    return bool(session.execute(statement).rowcount)  # type: ignore[attr-defined]
