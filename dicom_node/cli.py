"""`dicom-node`: every command, and how each ends: an answer, or one plain line and an exit code."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from dicom_node import __version__
from dicom_node.commands import (
    audit,
    db,
    deliveries,
    jobs,
    models,
    research,
    rules,
    run,
    users,
)
from dicom_node.commands.send import send
from dicom_node.errors import NodeError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="A DICOM node that enhances and segments what it receives, and audits every touch.",
)
app.add_typer(run.app)
app.command()(send)
app.add_typer(rules.app, name="rules")
app.add_typer(jobs.app, name="jobs")
app.add_typer(deliveries.app, name="deliveries")
app.add_typer(audit.app, name="audit")
app.add_typer(research.app, name="research")
app.add_typer(users.app, name="user")
app.add_typer(db.app, name="db")
app.add_typer(models.app, name="models")


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"dicom-node {__version__}")
        raise typer.Exit


@app.callback()
def _start(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="The version.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command; an expected failure is told in plain words, without a traceback."""
    try:
        app(prog_name="dicom-node")
    except NodeError as error:
        _fail(str(error), error.exit_code)
    except Exception as error:
        message = _plain_message(error)
        if message is None:
            raise
        _fail(message, NodeError.exit_code)


def _plain_message(error: Exception) -> str | None:
    """What went wrong, if it is something to be expected."""
    from pipelines.errors import PipelineError  # noqa: PLC0415 - only a failure needs them
    from storage.db.unavailable import DATABASE_UNAVAILABLE  # noqa: PLC0415
    from storage.errors import StorageError  # noqa: PLC0415

    if isinstance(error, StorageError | PipelineError):
        return str(error)
    if isinstance(error, DATABASE_UNAVAILABLE):
        return "the database cannot be used: it is locked, full, restarting or out of reach"
    return None


def _fail(message: str, exit_code: int) -> None:
    sys.stderr.write(f"{message}\n")
    sys.exit(exit_code)
