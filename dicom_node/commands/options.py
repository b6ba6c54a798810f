"""What many commands need: the settings, the database, and who is asking."""

from __future__ import annotations

import getpass
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dicom_node.errors import ConfigInvalid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dicom_node.config import Settings
    from storage.db.engine import Database

Config = Annotated[
    Path | None, typer.Option("--config", help="Settings file; without it, the defaults.")
]
Limit = Annotated[int, typer.Option("--limit", min=1, help="How many at most, newest first.")]


def settings_of(config: Path | None) -> Settings:
    """The settings in the file, or the defaults, with the environment on top."""
    from dicom_node.config import load_settings

    return load_settings(config)


@contextmanager
def open_database(settings: Settings) -> Iterator[Database]:
    """The node's database, of this program's schema; one that is missing is not made.

    Raises
    ------
    ConfigInvalid
        There is no database in the data folder.
    SchemaMismatch
    """
    from storage.db.engine import Database
    from storage.db.schema import check

    db_file = settings.node.data_folder / "node.db"
    if not settings.database.url and not db_file.exists():
        raise ConfigInvalid(f"{db_file} does not exist: start the node once, or name its --config")
    db = Database(settings.database_url, head_file=settings.node.data_folder / "audit.head")
    try:
        check(db)
        yield db
    finally:
        db.close()


def actor() -> str:
    """Who types, for the audit trail."""
    return f"terminal:{getpass.getuser()}"
