"""Databases made for one test and thrown away after it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from sqlalchemy import create_engine, make_url, text

from storage.db.engine import Database


@contextmanager
def opened(url: str, *, durable: bool = True, head_file: Path | None = None) -> Iterator[Database]:
    """The database, closed at the end of the block."""
    database = Database(url, durable=durable, head_file=head_file)
    try:
        yield database
    finally:
        database.close()


@contextmanager
def a_postgres_database(server_url: str, template: str) -> Iterator[str]:
    """Address of a new database like `template`, dropped at the end of the block."""
    name = f"test_{uuid4().hex}"
    administer(server_url, f"CREATE DATABASE {name} TEMPLATE {template}")
    try:
        yield database_url(server_url, name)
    finally:
        administer(server_url, f"DROP DATABASE {name} WITH (FORCE)")


def administer(url: str, *statements: str) -> None:
    """Run statements outside a transaction and outside the node's own way to open a database."""
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            for statement in statements:
                connection.execute(text(statement))
    finally:
        engine.dispose()


def database_url(server_url: str, name: str) -> str:
    """The same server's other database."""
    return make_url(server_url).set(database=name).render_as_string(hide_password=False)
