"""dicom-node serve, doctor and demo."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dicom_node.commands.options import Config, settings_of

app = typer.Typer()


@app.command()
def serve(config: Config = None) -> None:
    """Run the node: receive, route, compute, deliver, audit, show."""
    from dicom_node.supervisor import serve as supervise

    raise typer.Exit(supervise(settings_of(config), config, typer.echo))


@app.command()
def doctor(config: Config = None) -> None:
    """Check what the node stands on, one plain line each; exit code 1 where something is wrong."""
    from dicom_node.doctor import examine

    findings = examine(settings_of(config))
    for finding in findings:
        typer.echo(str(finding))
    raise typer.Exit(any(finding.ok is False for finding in findings))


@app.command()
def demo(
    once: Annotated[bool, typer.Option("--once", help="End by itself.")] = False,
    study: Annotated[Path | None, typer.Option(help="A folder with a study of your own.")] = None,
) -> None:
    """Show the whole road on real images: receive, enhance, segment, deliver, audit."""
    from dicom_node.demo.road import run_demo

    raise typer.Exit(run_demo(once=once, study=study))
