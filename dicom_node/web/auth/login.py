"""Logging in and out: argon2, lock-out after failures, and an audit row for each try.

What a person is told is the same for an unknown name, a wrong password, a locked and a disabled
account, and takes the same time. The trail calls a name that is no account "unknown": people type
passwords into the wrong field.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from dicom_node.web.auth.events import login_event, logout_event, user
from dicom_node.web.auth.passwords import is_right
from dicom_node.web.auth.tokens import hash_token, new_token
from storage.audit import record
from storage.db.queries import accounts

if TYPE_CHECKING:
    from storage.db.engine import Database
    from storage.db.tables import Account

MOST_FAILURES = 5
LOCKED_FOR = timedelta(minutes=15)
LONGEST_SESSION = timedelta(hours=12)


def log_in(db: Database, login: str, password: str, origin: str) -> str | None:
    """The token of a new login session, or None when the login is refused."""
    with db.read() as session:
        account = accounts.account_by_login(session, login)
    right = is_right(password, account.password_hash if account else None)
    now = datetime.now(UTC)
    if account is None:
        with db.begin() as session:
            record(session, login_event("unknown", origin, failed="no such account"))
        return None
    return _settle(db, account.id, origin, right=right, now=now)


def log_out(db: Database, token: str, login: str, origin: str) -> None:
    """End the login session."""
    with db.begin() as session:
        accounts.close_session(session, hash_token(token))
        record(session, logout_event(login, origin))


def _settle(
    db: Database, account_id: int, origin: str, *, right: bool, now: datetime
) -> str | None:
    with db.begin() as session:
        account = accounts.account_of(session, account_id)
        if account is None:
            return None
        why = _objection(account, now) or ("" if right else "wrong password")
        record(session, login_event(user(account.login), origin, failed=why))
        if why == "wrong password":
            accounts.note_failed_login(
                session, account_id, most=MOST_FAILURES, until=now + LOCKED_FOR
            )
        if why:
            return None
        accounts.note_good_login(session, account_id)
        accounts.close_sessions_before(session, now - LONGEST_SESSION)
        token = new_token()
        accounts.add_session(
            session,
            token_hash=hash_token(token),
            account_id=account_id,
            csrf_token=new_token(),
            now=now,
        )
        return token


def _objection(account: Account, now: datetime) -> str:
    if account.disabled:
        return "account disabled"
    if account.locked_until and account.locked_until > now:
        return "account locked"
    return ""
