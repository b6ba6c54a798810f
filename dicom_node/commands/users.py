"""dicom-node user: add, password, list."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from dicom_node.commands.options import Config, actor, open_database, settings_of, show

app = typer.Typer(no_args_is_help=True, help="Who may log in to the admin page.")

Login = Annotated[str, typer.Argument(help="The login name.")]


@app.command()
def add(
    login: Login,
    role: Annotated[str, typer.Option(help="viewer, operator, auditor or admin.")] = "viewer",
    config: Config = None,
) -> None:
    """Make an account; the password is asked for."""
    from dicom_node.web.auth.accounts import add_account

    with open_database(settings_of(config)) as db:
        add_account(db, login=login, password=_ask(), role=role, actor=actor())
    typer.echo(f"{login} can log in as {role}")


@app.command()
def password(login: Login, config: Config = None) -> None:
    """Give an account another password, which is asked for, and log it out everywhere."""
    from dicom_node.web.auth.accounts import set_password

    with open_database(settings_of(config)) as db:
        set_password(db, login=login, password=_ask(), actor=actor())
    typer.echo(f"{login} has a new password")


@app.command("list")
def list_(config: Config = None) -> None:
    """Show the accounts."""
    from storage.db.queries.accounts import list_accounts

    with open_database(settings_of(config)) as db, db.read() as session:
        lines = (
            f"{account.login:24} {account.role:9}{' disabled' if account.disabled else ''}"
            for account in list_accounts(session)
        )
        show(lines, "no accounts yet")


def _ask() -> str:
    """A password typed twice and not shown; or, from a program, one line of standard input.

    It is never an argument: other users can read a command line.
    """
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    typed: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    return typed
