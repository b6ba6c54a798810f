"""What many commands need: the settings, the database, and who is asking."""

from __future__ import annotations

import getpass
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dicom_node.errors import ConfigInvalid

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

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


def require_database(settings: Settings) -> None:
    """Nothing, where the database is a server's or its file is there; none is made.

    Raises
    ------
    ConfigInvalid
        The file is not there: most likely these are not the node's settings, or not its folder.
    """
    file = settings.database_file
    if file and not file.exists():
        raise ConfigInvalid(f"{file} does not exist: start the node once, or name its --config")


@contextmanager
def open_database(settings: Settings) -> Iterator[Database]:
    """The node's database, of this program's schema; one that is missing is not made.

    Raises
    ------
    ConfigInvalid
        There is no database.
    SchemaMismatch
    """
    from storage.db.engine import Database
    from storage.db.schema import check

    require_database(settings)
    db = Database(settings.database_url, head_file=settings.node.data_folder / "audit.head")
    try:
        check(db)
        yield db
    finally:
        db.close()


def show(lines: Iterable[str], nothing: str) -> None:
    """Print the lines of a list, or say in plain words that there is `nothing`."""
    shown = False
    for line in lines:
        typer.echo(line)
        shown = True
    if not shown:
        typer.echo(nothing)


def actor() -> str:
    """Who types, for the audit trail."""
    return f"terminal:{getpass.getuser()}"
