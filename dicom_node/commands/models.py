"""dicom-node models: list."""

from __future__ import annotations

import typer

app = typer.Typer(no_args_is_help=True, help="The pipelines: what they are for and not for.")


@app.command("list")
def list_() -> None:
    """Show every model card: method, input, intended use, limits, evidence."""
    from pipelines.registry import load_cards

    for card in load_cards().values():
        takes = "/".join(card.limits.modalities)
        typer.echo(f"{card.name} {card.version}: {card.title}")
        typer.echo(f"  {card.kind}, {card.method}, takes {takes} as {card.limits.input}")
        typer.echo(f"  for      {card.intended_use}")
        typer.echo(f"  not for  {card.not_for}")
        typer.echo(f"  evidence {card.evidence.text}")
