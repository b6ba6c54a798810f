"""dicom-node deliveries: list, resend, cancel."""

from __future__ import annotations

from typing import Annotated

import typer

from dicom_node.commands.options import Config, Limit, actor, open_database, settings_of, show

app = typer.Typer(no_args_is_help=True, help="Results on their way to their destinations.")

DeliveryId = Annotated[
    int, typer.Argument(metavar="DELIVERY", help="Its number, as `deliveries list` shows it.")
]


@app.command("list")
def list_(
    state: Annotated[str, typer.Option(help="Only deliveries in this state.")] = "",
    limit: Limit = 50,
    config: Config = None,
) -> None:
    """Show the newest deliveries."""
    from storage.db.queries.deliveries import list_deliveries

    with open_database(settings_of(config)) as db, db.read() as session:
        lines = (
            f"{row.id:6}  {row.state:9}  job {row.job_id:<6} to {row.destination:16} "
            f"accepted {row.accepted:<4} attempt {row.attempt}  {row.reason}"
            for row in list_deliveries(session, limit=limit, state=state or None)
        )
        show(lines, f"no delivery is {state}" if state else "no deliveries yet")


@app.command()
def resend(delivery: DeliveryId, config: Config = None) -> None:
    """Send a failed or held delivery again."""
    from dicom_node.delivery.orders import resend_delivery

    with open_database(settings_of(config)) as db, db.begin() as session:
        resend_delivery(session, delivery, actor=actor())
    typer.echo(f"delivery {delivery} is queued again")


@app.command()
def cancel(delivery: DeliveryId, config: Config = None) -> None:
    """Give up a waiting, held or failed delivery."""
    from dicom_node.delivery.orders import cancel_delivery

    with open_database(settings_of(config)) as db, db.begin() as session:
        cancel_delivery(session, delivery, actor=actor())
    typer.echo(f"delivery {delivery} is cancelled")
