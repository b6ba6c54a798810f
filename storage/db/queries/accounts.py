"""Accounts, the browsers that are logged in to them, and the link that makes the first one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, select, update

from storage.db.tables import Account, LoginSession, SetupLink

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A browser's login session together with the account that it belongs to."""

    account_id: int
    login: str
    role: str
    csrf_token: str
    created_at: datetime
    last_seen_at: datetime


def has_admin(session: Session) -> bool:
    """Whether somebody can administer the node: an admin whose account is not disabled."""
    admins = select(Account.id).where(Account.role == "admin", Account.disabled.is_(False))
    return session.scalar(admins.limit(1)) is not None


def account_by_login(session: Session, login: str) -> Account | None:
    """The account of this login name, spelled exactly."""
    return session.scalars(select(Account).where(Account.login == login)).one_or_none()


def account_of(session: Session, account_id: int) -> Account | None:
    """The account's row."""
    return session.get(Account, account_id)


def list_accounts(session: Session) -> list[Account]:
    """Every account, by login name."""
    return list(session.scalars(select(Account).order_by(Account.login)))


def count_working_admins(session: Session) -> int:
    """How many accounts can still make and disable accounts."""
    query = select(func.count()).select_from(Account)
    return session.scalar(query.where(Account.role == "admin", Account.disabled.is_(False))) or 0


def add_account(
    session: Session, *, login: str, password_hash: str, role: str, now: datetime
) -> Account:
    """The new account's row; IntegrityError where the login name is taken."""
    account = Account(login=login, password_hash=password_hash, role=role, created_at=now)
    session.add(account)
    session.flush()
    return account


def note_failed_login(session: Session, account_id: int, *, most: int, until: datetime) -> None:
    """Count one more failed login; from `most` on the account is locked `until` then."""
    session.execute(
        update(Account)
        .where(Account.id == account_id)
        .values(failed_logins=Account.failed_logins + 1)
    )
    session.execute(
        update(Account)
        .where(Account.id == account_id, Account.failed_logins >= most)
        .values(failed_logins=0, locked_until=until)
    )


def note_good_login(session: Session, account_id: int) -> None:
    """Forget the failed logins before a good one."""
    session.execute(
        update(Account).where(Account.id == account_id).values(failed_logins=0, locked_until=None)
    )


def set_password_hash(session: Session, account_id: int, password_hash: str) -> None:
    """Give the account another password."""
    session.execute(
        update(Account).where(Account.id == account_id).values(password_hash=password_hash)
    )


def set_disabled(session: Session, account_id: int, *, disabled: bool) -> None:
    """Disable the account, or enable it again and lift its lock."""
    session.execute(
        update(Account)
        .where(Account.id == account_id)
        .values(disabled=disabled, failed_logins=0, locked_until=None)
    )


def add_session(
    session: Session, *, token_hash: str, account_id: int, csrf_token: str, now: datetime
) -> None:
    """Open a login session."""
    session.add(
        LoginSession(
            token_hash=token_hash,
            account_id=account_id,
            csrf_token=csrf_token,
            created_at=now,
            last_seen_at=now,
        )
    )


def open_session(session: Session, token_hash: str) -> OpenSession | None:
    """The login session of this token hash, unless its account is disabled."""
    row = session.execute(
        select(
            Account.id,
            Account.login,
            Account.role,
            LoginSession.csrf_token,
            LoginSession.created_at,
            LoginSession.last_seen_at,
        )
        .join(Account, LoginSession.account_id == Account.id)
        .where(LoginSession.token_hash == token_hash, Account.disabled.is_(False))
    ).one_or_none()
    return OpenSession(*row) if row else None


def renew_session(session: Session, token_hash: str, now: datetime) -> None:
    """Note that the person behind the session is still there."""
    session.execute(
        update(LoginSession).where(LoginSession.token_hash == token_hash).values(last_seen_at=now)
    )


def close_session(session: Session, token_hash: str) -> None:
    """Make the token worthless."""
    session.execute(delete(LoginSession).where(LoginSession.token_hash == token_hash))


def close_sessions_of(session: Session, account_id: int) -> None:
    """Log the account out everywhere."""
    session.execute(delete(LoginSession).where(LoginSession.account_id == account_id))


def close_sessions_before(session: Session, created: datetime) -> None:
    """Remove login sessions that were opened before then."""
    session.execute(delete(LoginSession).where(LoginSession.created_at < created))


def replace_setup_links(session: Session, token_hash: str, now: datetime) -> None:
    """Leave this link as the only one that can still be used."""
    session.execute(delete(SetupLink).where(SetupLink.used_at.is_(None)))
    session.add(SetupLink(token_hash=token_hash, created_at=now))


def has_setup_link(session: Session, token_hash: str, since: datetime) -> bool:
    """Whether an unused link of this hash was made since then."""
    query = select(func.count()).select_from(SetupLink)
    return bool(session.scalar(query.where(*_usable(token_hash, since))))


def use_setup_link(session: Session, token_hash: str, *, since: datetime, now: datetime) -> bool:
    """Use the link up; False when it was used, or is no link made since then."""
    statement = update(SetupLink).where(*_usable(token_hash, since)).values(used_at=now)
    used = session.execute(statement)
    return bool(used.rowcount == 1)  # type: ignore[attr-defined]  # it is a CursorResult


def _usable(token_hash: str, since: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        SetupLink.token_hash == token_hash,
        SetupLink.used_at.is_(None),
        SetupLink.created_at >= since,
    )
