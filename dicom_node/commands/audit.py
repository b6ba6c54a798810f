"""dicom-node audit: list, verify, public-key."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dicom_node.commands.options import Config, Limit, actor, open_database, settings_of, show
from dicom_node.errors import NodeError

if TYPE_CHECKING:
    from storage.db.tables import Audit
    from storage.verification import Examined

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
def verify(
    public_key: Annotated[
        Path | None, typer.Option(help="Trusted public keys, PEM; without it, the node's own.")
    ] = None,
    anchor: Annotated[
        Path | None, typer.Option(help="Checkpoints kept outside; without it, the node's own.")
    ] = None,
    database: Annotated[
        str, typer.Option(help="A copy to verify in place of the node's own: file or address.")
    ] = "",
    archive: Annotated[
        Path | None, typer.Option(help="Archive folder, or one file: verified with the rest.")
    ] = None,
    config: Config = None,
) -> None:
    """Verify every row, link and signed checkpoint; name the first row that is wrong.

    On another machine, name all three: a copy of the database, the public key, the anchor file.
    """
    from dicom_node.config.settings import DatabaseSection
    from dicom_node.witness import proof_of
    from storage.archive import archives_in
    from storage.errors import KeyUnusable
    from storage.proof import Proof
    from storage.signing import read_public_keys
    from storage.verification import examine

    settings = settings_of(config)
    head: Path | None = settings.node.data_folder / "audit.head"
    if database:
        address = database if "://" in database else f"sqlite:///{database}"
        section = DatabaseSection(url=address)
        settings = settings.model_copy(update={"database": section})
        head = None  # it belongs to the node's own database
        if not public_key:
            raise KeyUnusable("name the --public-key of the node whose copy this is")
    keys = read_public_keys(public_key) if public_key else proof_of(settings).keys
    proof = Proof(keys, anchor if anchor or database else proof_of(settings).anchor)
    with open_database(settings) as db:
        found = examine(db, head, proof, archives_in(archive) if archive else ())
    typer.echo(f"{found.rows} rows verified")
    typer.echo(_signed(found))


def _signed(found: Examined) -> str:
    if not found.checkpoints:
        return "no checkpoint is signed yet"
    younger = found.last - max(found.anchored, found.last - found.rows)
    return (
        f"signed up to row {found.signed} by {found.checkpoints} checkpoints, "
        f"outside the database up to row {found.anchored}; {younger} rows are younger"
    )


@app.command("public-key")
def public_key(config: Config = None) -> None:
    """Print the node's public keys, for who verifies elsewhere."""
    from dicom_node.witness import public_file_of
    from storage.signing import pem_of, read_public_keys

    for name, key in read_public_keys(public_file_of(settings_of(config))).keys.items():
        typer.echo(f"key {name}\n{pem_of(key).decode('ascii')}", nl=False)
