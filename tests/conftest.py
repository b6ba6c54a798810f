"""Fixtures that more than one folder of tests asks for: the two databases and the file store."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.db import schema
from storage.db.engine import Database
from storage.files.local import LocalStore
from tests.databases import a_postgres_database, administer, database_url, opened
from tests.postgres import private_server

BOTH = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]
TEMPLATE = "template_node"


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """Address of a private PostgreSQL server's own database, ``postgres``."""
    with private_server() as url:
        yield url


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory) -> Path:
    """An SQLite file that has the schema and no rows."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    with opened(f"sqlite:///{path}") as db:
        schema.create_or_check(db)
    return path


@pytest.fixture(scope="session")
def postgres_template(postgres_url) -> str:
    """Name of a PostgreSQL database that has the schema and no rows."""
    administer(postgres_url, f"CREATE DATABASE {TEMPLATE}")
    with opened(database_url(postgres_url, TEMPLATE)) as db:
        schema.create_or_check(db)
    return TEMPLATE


@pytest.fixture(params=BOTH)
def empty_url(request, tmp_path) -> Iterator[str]:
    """Address of an empty database without a schema, on each of the two kinds."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
    else:
        with a_postgres_database(request.getfixturevalue("postgres_url"), "template1") as url:
            yield url


@pytest.fixture(params=BOTH)
def db_url(request, tmp_path) -> Iterator[str]:
    """Address of a database with the schema and no rows, on each of the two kinds."""
    if request.param == "sqlite":
        path = tmp_path / "node.db"
        shutil.copyfile(request.getfixturevalue("sqlite_template"), path)
        path.chmod(0o600)
        yield f"sqlite:///{path}"
    else:
        template = request.getfixturevalue("postgres_template")
        with a_postgres_database(request.getfixturevalue("postgres_url"), template) as url:
            yield url


@pytest.fixture
def db(db_url, tmp_path) -> Iterator[Database]:
    """A database with the schema and no rows, on each kind; its head file is `audit.head`."""
    with opened(db_url, head_file=tmp_path / "audit.head") as database:
        yield database


@pytest.fixture
def store(tmp_path) -> LocalStore:
    """An empty file store."""
    return LocalStore(tmp_path / "store")
