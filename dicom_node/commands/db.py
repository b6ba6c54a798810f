"""dicom-node db: upgrade, backup."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dicom_node.commands.options import Config, open_database, settings_of

app = typer.Typer(no_args_is_help=True, help="The database: its schema and its copies.")


@app.command()
def upgrade(
    backup: Annotated[bool, typer.Option(help="Make a copy first.")] = True,
    config: Config = None,
) -> None:
    """Bring the database to this program's schema; the node must not run."""
    from dicom_node.data_folder import lock_data_folder, open_data_folder
    from storage.db.schema import upgrade as upgrade_schema

    settings = settings_of(config)
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

    settings = settings_of(config)
    with open_database(settings) as db:
        if to:
            made = back_up_to(db, to)
        else:
            made = back_up(db, settings.node.data_folder / "backups", "node")
    typer.echo(f"the backup is {made}")
