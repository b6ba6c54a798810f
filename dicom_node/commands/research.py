"""dicom-node research: reveal, subject."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from dicom_node.commands.options import Config, actor, open_database, settings_of, show
from dicom_node.errors import ConfigInvalid

if TYPE_CHECKING:
    from dicom_node.config import Settings
    from dicom_node.research.stand_ins import StandIns
    from storage.db.engine import Database

app = typer.Typer(no_args_is_help=True, help="Who is behind a research project's pseudonyms.")

SECURITY_ALERT = "110113"
RESTRICTED_FUNCTION = "110132"

Project = Annotated[str, typer.Argument(help="A project of the settings.")]
Reason = Annotated[str, typer.Option(help="Why; it is kept in the audit trail.", prompt=True)]


@app.command()
def reveal(
    project: Project,
    pseudonym: Annotated[str, typer.Argument(help="A pseudonym, or a study UID of the project.")],
    reason: Reason,
    config: Config = None,
) -> None:
    """Show which patient and studies a pseudonym stands for. That it was asked is audited."""
    from storage.db.queries.exports import exported_studies

    settings = settings_of(config)
    stand_ins = _stand_ins(settings, project)
    with open_database(settings) as db:
        with db.read() as session:
            found = [
                (patient, study)
                for patient, study in exported_studies(session)
                if pseudonym in (stand_ins.subject(patient, study).pseudonym, stand_ins.uid(study))
            ]
        patient_id = found[0][0] if found else ""
        _record(db, project, pseudonym, patient_id, reason, f"{len(found)} studies revealed")
    show((f"{patient}  {study}" for patient, study in found), "no exported study is behind it")


@app.command()
def subject(
    project: Project,
    patient_id: Annotated[str, typer.Option(help="Asked for where it is not given.", prompt=True)],
    reason: Reason,
    config: Config = None,
) -> None:
    """Show the pseudonym of a patient, such as one who withdraws. That it was asked is audited."""
    settings = settings_of(config)
    pseudonym = _stand_ins(settings, project).subject(patient_id, "").pseudonym
    with open_database(settings) as db:
        _record(db, project, pseudonym, patient_id, reason, "a patient's pseudonym shown")
    typer.echo(pseudonym)


def _stand_ins(settings: Settings, project: str) -> StandIns:
    from dicom_node.research.key import project_key
    from dicom_node.research.stand_ins import StandIns

    if project not in settings.research:
        raise ConfigInvalid(f"the settings have no project {project!r}")
    own = settings.research[project].key_file
    return StandIns(project, project_key(settings.keys_folder, project, own, make=False))


def _record(
    db: Database, project: str, pseudonym: str, patient_id: str, reason: str, text: str
) -> None:
    """Note the look before its answer is shown (PS3.15 A.5.3.11, use of a restricted function)."""
    from storage.audit import AuditEvent, record

    event = AuditEvent(
        SECURITY_ALERT,
        "E",
        actor(),
        f"research project {project}: {text}",
        event_type=RESTRICTED_FUNCTION,
        patient_id=patient_id,
        subject=f"project:{project}"[:64],
        detail={"project": project, "pseudonym": pseudonym, "reason": reason},
    )
    with db.begin() as session:
        record(session, event)
