"""dicom-node jobs: list, rerun, cancel."""

from __future__ import annotations

from typing import Annotated

import typer

from dicom_node.commands.options import Config, Limit, actor, open_database, settings_of, show

app = typer.Typer(no_args_is_help=True, help="Pipelines on series: what waits, runs and ended.")

JobId = Annotated[
    int, typer.Argument(metavar="JOB", help="A job's number, as `jobs list` shows it.")
]


@app.command("list")
def list_(
    state: Annotated[str, typer.Option(help="Only jobs in this state.")] = "",
    limit: Limit = 50,
    config: Config = None,
) -> None:
    """Show the newest jobs."""
    from storage.db.queries.jobs import list_jobs

    with open_database(settings_of(config)) as db, db.read() as session:
        lines = (
            f"{job.id:6}  {job.state:9}  study {job.study_id:<5} series {job.series_id:<5} "
            f"{job.pipeline:16} priority {job.priority:<3} attempt {job.attempt}  {job.reason}"
            for job in list_jobs(session, limit=limit, state=state or None)
        )
        show(lines, f"no job is {state}" if state else "no jobs yet")


@app.command()
def rerun(job: JobId, config: Config = None) -> None:
    """Queue a failed or refused job again."""
    from dicom_node.jobs.orders import rerun_job

    with open_database(settings_of(config)) as db, db.begin() as session:
        rerun_job(session, job, actor=actor())
    typer.echo(f"job {job} is queued again")


@app.command()
def cancel(job: JobId, config: Config = None) -> None:
    """Cancel a waiting or running job; a running node kills what runs within a second."""
    from dicom_node.jobs.orders import cancel_job

    with open_database(settings_of(config)) as db, db.begin() as session:
        cancel_job(session, job, actor=actor())
    typer.echo(f"job {job} is cancelled")
