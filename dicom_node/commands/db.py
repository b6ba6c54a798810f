"""dicom-node db: upgrade, backup, roles."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dicom_node.commands.options import (
    Config,
    actor,
    open_database,
    require_database,
    settings_of,
)

if TYPE_CHECKING:
    from storage.db.engine import Database

app = typer.Typer(no_args_is_help=True, help="The database: its schema and its copies.")

EXPORT = "110106"  # PS3.15 A.5.3.4: data leaves what the node guards
SERIOUS_FAILURE = 8


@app.command()
def upgrade(
    backup: Annotated[bool, typer.Option(help="Make a copy first.")] = True,
    config: Config = None,
) -> None:
    """Bring the database to this program's schema; the node must not run."""
    from dicom_node.data_folder import lock_data_folder, open_data_folder
    from storage.db.schema import upgrade as upgrade_schema

    settings = settings_of(config)
    require_database(settings)
    open_data_folder(settings.node.data_folder)
    lock_data_folder(settings.node.data_folder, within_s=0)
    folder = settings.node.data_folder / "backups" if backup else None
    typer.echo(upgrade_schema(settings.database_url, folder))


@app.command()
def backup(
    to: Annotated[
        Path | None, typer.Option(help="The new file; without it, in the data folder.")
    ] = None,
    config: Config = None,
) -> None:
    """Copy the database whole and consistent, while the node runs."""
    from storage.db.backup import back_up
    from storage.db.backup import backup as back_up_to
    from storage.errors import BackupFailed

    settings = settings_of(config)
    with open_database(settings) as db:
        _record(db, "the database is copied to a backup")  # before, so that the copy tells of it
        try:
            if to:
                made = back_up_to(db, to)
            else:
                made = back_up(db, settings.node.data_folder / "backups", "node")
        except BackupFailed:
            _record(db, "no backup was made", outcome=SERIOUS_FAILURE)
            raise
    typer.echo(f"the backup is {made}")


@app.command()
def roles() -> None:
    """Print the SQL that makes PostgreSQL roles which can add to the trail, and not change it."""
    from storage.db.roles import role_script

    typer.echo(role_script(), nl=False)


def _record(db: Database, text: str, outcome: int = 0) -> None:
    from storage.audit import AuditEvent, record

    with db.begin() as session:
        record(session, AuditEvent(EXPORT, "R", actor(), text, outcome=outcome, subject="node"))
