"""What Alembic runs: the migrations, on the connection and transaction that the caller opened."""

from __future__ import annotations

from alembic import context

from storage.db.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,  # SQLite alters a table by copying it
)
context.run_migrations()
