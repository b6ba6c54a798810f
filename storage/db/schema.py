"""The schema's version: made, checked and upgraded by the migrations inside this package."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect

from storage.db.backup import back_up
from storage.db.engine import Database
from storage.errors import SchemaMismatch

if TYPE_CHECKING:
    from sqlalchemy import Connection

MIGRATIONS = Path(__file__).with_name("migrations")


def create_or_check(db: Database) -> None:
    """Give an empty database the schema; of any other, make sure that it is this program's.

    Any number of processes may call it at once: the first one to write makes the schema.

    Raises
    ------
    SchemaMismatch
        The database is older or newer than this program, or another program's; one plain line.
    """
    with db.engine.connect() as connection, connection.begin():
        if _is_empty(connection):
            _migrate(connection)
        else:
            _require_current(connection)


def check(db: Database) -> None:
    """Nothing, where the database has this program's schema; SchemaMismatch otherwise."""
    with db.read() as session:
        _require_current(session.connection())


def upgrade(database_url: str, backup_folder: Path | None) -> str:
    """A plain line saying what was done to bring the database to this program's schema.

    Parameters
    ----------
    database_url : str
        The database.
    backup_folder : Path or None
        Where a backup goes first. None: the caller has one.

    Raises
    ------
    SchemaMismatch
        The database is newer than this program, or another program's.
    BackupFailed
        No backup could be made; nothing was changed.
    """
    db = Database(database_url)
    try:
        with db.engine.connect() as connection, connection.begin():
            empty = _is_empty(connection)
            found = None if empty else _known_revision(connection)
        if found == _newest():
            return f"the database is up to date (schema {found})"
        saved = back_up(db, backup_folder, f"schema-{found}") if found and backup_folder else None
        with db.engine.connect() as connection, connection.begin():
            _migrate(connection)
    finally:
        db.close()
    kept = f"; the backup is {saved}" if saved else ""
    return f"the database went from schema {found or 'none'} to {_newest()}{kept}"


def _migrate(connection: Connection) -> None:
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _require_current(connection: Connection) -> None:
    found = _known_revision(connection)
    if found != _newest():
        raise SchemaMismatch(
            f"the database has schema {found}, this program needs {_newest()}: "
            "stop the node and run `dicom-node db upgrade`"
        )


def _known_revision(connection: Connection) -> str:
    """The database's revision, if it is one that this program's migrations know."""
    found = MigrationContext.configure(connection).get_current_revision()
    if found is None:
        raise SchemaMismatch("the database holds another program's tables, or none of this one's")
    if found not in {script.revision for script in _scripts().walk_revisions()}:
        raise SchemaMismatch(
            f"the database has schema {found}, made by a newer dicom-node than this one, "
            f"which knows {_newest()}: install the newer program"
        )
    return found


def _is_empty(connection: Connection) -> bool:
    return not inspect(connection).get_table_names()


def _newest() -> str:
    newest = _scripts().get_current_head()
    if newest is None:
        raise SchemaMismatch("this installation lacks its migrations")
    return newest


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config
