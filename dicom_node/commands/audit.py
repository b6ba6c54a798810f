"""dicom-node audit: list, verify."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from dicom_node.commands.options import Config, Limit, actor, open_database, settings_of, show
from dicom_node.errors import NodeError

if TYPE_CHECKING:
    from storage.db.tables import Audit

app = typer.Typer(no_args_is_help=True, help="Who did what to which study.")


class NoSuchStudy(NodeError):
    """The index has no study of this number."""


@app.command("list")
def list_(
    limit: Limit = 50,
    study: Annotated[int, typer.Option(help="Only events about the study of this number.")] = 0,
    event: Annotated[str, typer.Option(help="Only events of this code, such as 110104.")] = "",
    by: Annotated[str, typer.Option(help="Only events by this actor.")] = "",
    config: Config = None,
) -> None:
    """Show the newest events. What is shown of a study is noted in the trail itself."""
    from storage.audit import AuditEvent, list_events, record
    from storage.db.queries.studies import study_of

    with open_database(settings_of(config)) as db:
        with db.read() as session:
            about = study_of(session, study)
            if study and about is None:
                raise NoSuchStudy(f"there is no study {study}")
            study_uid = about.study_uid if about else None
            rows = list_events(
                session, limit=limit, study_uid=study_uid, event=event or None, actor=by or None
            )
        with db.begin() as session:  # the audit log was used (PS3.15 A.5.3.2)
            text = f"{len(rows)} rows listed"
            record(session, AuditEvent("110101", "R", actor(), text, study_uid=study_uid or ""))
    show(map(_line, rows), "no such events" if study or event or by else "no events yet")


def _line(row: Audit) -> str:
    outcome = f" [{row.outcome}]" if row.outcome else ""
    return (
        f"{row.seq:7}  {row.at:%Y-%m-%d %H:%M:%S}Z  {row.event} {row.action}{outcome}  "
        f"{row.actor}  {row.subject}  {row.text}"
    )


@app.command()
def verify(config: Config = None) -> None:
    """Verify every row, every link and the head file; name the first row that is wrong."""
    from storage.audit import verify as verify_trail

    settings = settings_of(config)
    with open_database(settings) as db:
        rows = verify_trail(db, settings.node.data_folder / "audit.head")
    typer.echo(f"{rows} rows verified")
