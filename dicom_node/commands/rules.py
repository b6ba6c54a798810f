"""dicom-node rules: check, explain."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dicom_node.commands.options import Config, actor, open_database, settings_of
from dicom_node.errors import NodeError, RuleInvalid

app = typer.Typer(no_args_is_help=True, help="Which series goes through which pipeline, and why.")


class NotExplained(NodeError):
    """There is nothing to explain: no such file, study or decision."""


@app.command()
def check(
    folder: Annotated[
        Path | None, typer.Argument(help="Rule folder; without it, the one in the settings.")
    ] = None,
    config: Config = None,
) -> None:
    """Read every rule and run the tests beside them; name every mistake."""
    from dicom_node.routing.check import check_rules
    from dicom_node.rulebook import known_names

    settings = settings_of(config)
    checked = check_rules(folder or settings.rules.folder, known_names(settings))
    if checked.mistakes:
        raise RuleInvalid("\n".join(checked.mistakes))
    typer.echo(f"{len(checked.rules.rules)} rules, {checked.passed} tests passed")


@app.command()
def explain(
    what: Annotated[str, typer.Argument(metavar="FILE|STUDY", help="A DICOM file, or a study.")],
    config: Config = None,
) -> None:
    """Say what every rule says about a file, or what was decided about a study and why."""
    from dicom_node.routing.explain import render

    path = Path(what)
    if path.is_dir():
        raise NotExplained(f"{path} is a folder: name one DICOM file in it, or a study")
    lines = render(_explain_file(path, config) if path.exists() else _explain_study(what, config))
    typer.echo("\n".join(lines))


def _explain_file(path: Path, config: Path | None) -> list[dict[str, object]]:
    from dicom_node.intake.errors import NotTaken
    from dicom_node.intake.file_header import read_file_header
    from dicom_node.routing.decide import SeriesHeader, decide
    from dicom_node.routing.titles import titles_of
    from dicom_node.rulebook import load_rulebook

    settings = settings_of(config)
    try:
        header = SeriesHeader("", read_file_header(path))
    except NotTaken as refusal:
        raise NotExplained(f"{path}: {refusal.reason}") from None
    rules, titles = load_rulebook(settings), titles_of(settings)
    return decide(rules, [header], settings.default_destinations, titles).explanation


def _explain_study(what: str, config: Path | None) -> list[dict[str, object]]:
    from storage.audit import record, study_event
    from storage.db.queries.decisions import decision_of
    from storage.db.queries.studies import find_study, study_of

    with open_database(settings_of(config)) as db, db.begin() as session:
        study = study_of(session, int(what)) if what.isdecimal() else find_study(session, what)
        if study is None:
            raise NotExplained("neither a file, nor the number or UID of a study of this node")
        decision = decision_of(session, study.id, study.revision)
        if decision is None:
            raise NotExplained(f"study {study.id} is {study.state}: nothing is decided yet")
        text = "decision explained at the terminal"
        record(session, study_event(study, "110103", "R", actor=actor(), text=text))
        return decision.explanation
