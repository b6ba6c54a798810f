"""Making and changing accounts, each change with its audit row; for the page and the commands."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dicom_node.errors import NodeError
from dicom_node.web.auth.events import account_event
from dicom_node.web.auth.first_admin import VALID_FOR
from dicom_node.web.auth.passwords import hash_password, problem_with
from dicom_node.web.auth.roles import ROLES
from dicom_node.web.auth.tokens import hash_token
from storage.audit import record
from storage.db.queries import accounts

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from storage.db.engine import Database
    from storage.db.tables import Account

LONGEST_LOGIN = 64
_LOGIN_SIGNS = frozenset("._-@")


class AccountRefused(NodeError):
    """The account cannot be made or changed so; the message says why."""


def add_account(
    db: Database, *, login: str, password: str, role: str, actor: str, origin: str = ""
) -> int:
    """The id of the new account.

    Raises
    ------
    AccountRefused
        The login name is taken or malformed, the password too weak, or the role unknown.
    """
    _check(login, password, role)
    password_hash = hash_password(password)  # slow by design, so outside the transaction
    with db.begin() as session:
        return _add(session, login, password_hash, role, actor=actor, origin=origin).id


def add_first_admin(db: Database, *, token: str, login: str, password: str, origin: str) -> int:
    """The id of the first admin, whose one-time link is used up by it.

    Raises
    ------
    AccountRefused
        As `add_account`; or the link is spent, too old, or there is an account already.
    """
    _check(login, password, "admin")
    password_hash = hash_password(password)
    now = datetime.now(UTC)
    with db.begin() as session:
        spent = not accounts.use_setup_link(
            session, hash_token(token), since=now - VALID_FOR, now=now
        )
        if spent or accounts.has_admin(session):
            raise AccountRefused("This link has been used or is too old.")
        account = _add(
            session, login, password_hash, "admin", actor="first-admin link", origin=origin
        )
        return account.id


def set_password(db: Database, *, login: str, password: str, actor: str, origin: str = "") -> None:
    """Give an account another password and log it out everywhere.

    Raises
    ------
    AccountRefused
        No such account, or the password is too weak.
    """
    if problem := problem_with(password, login):
        raise AccountRefused(problem)
    password_hash = hash_password(password)
    with db.begin() as session:
        account = accounts.account_by_login(session, login)
        if account is None:
            raise AccountRefused("There is no account of this login name.")
        accounts.set_password_hash(session, account.id, password_hash)
        accounts.note_good_login(session, account.id)
        accounts.close_sessions_of(session, account.id)
        record(session, account_event(actor, origin, "password changed", account.id))


def set_disabled(
    db: Database, account_id: int, *, disabled: bool, actor: str, origin: str = ""
) -> None:
    """Disable an account and log it out everywhere, or enable it again.

    Raises
    ------
    AccountRefused
        No such account, or it is the last admin that works.
    """
    with db.begin() as session:
        account = accounts.account_of(session, account_id)
        if account is None:
            raise AccountRefused("There is no such account.")
        if account.disabled == disabled:
            return
        accounts.set_disabled(session, account_id, disabled=disabled)
        if not accounts.count_working_admins(session):
            raise AccountRefused("This is the last admin: without it nobody could manage users.")
        accounts.close_sessions_of(session, account_id)
        said = "account disabled" if disabled else "account enabled"
        record(session, account_event(actor, origin, said, account_id))


def _check(login: str, password: str, role: str) -> None:
    if not 1 <= len(login) <= LONGEST_LOGIN or not all(
        sign.isalnum() or sign in _LOGIN_SIGNS for sign in login
    ):
        raise AccountRefused("A login name has 1 to 64 letters, digits and . _ - @")
    if role not in ROLES:
        raise AccountRefused(f"A role is one of {', '.join(ROLES)}.")
    if problem := problem_with(password, login):
        raise AccountRefused(problem)


def _add(
    session: Session, login: str, password_hash: str, role: str, *, actor: str, origin: str
) -> Account:
    if accounts.account_by_login(session, login):
        raise AccountRefused("This login name is taken.")
    account = accounts.add_account(
        session, login=login, password_hash=password_hash, role=role, now=datetime.now(UTC)
    )
    record(session, account_event(actor, origin, f"account made, role {role}", account.id))
    return account
