"""Audit events about people: logging in and out, accounts, looking (PS3.15 A.5.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from storage.audit import AuditEvent, study_event

if TYPE_CHECKING:
    from storage.db.tables import Study

AUDIT_LOG_USED = "110101"
INSTANCES_ACCESSED = "110103"
QUERY = "110112"
SECURITY_ALERT = "110113"
USER_AUTHENTICATION = "110114"
LOGIN = "110122"
LOGOUT = "110123"
USER_ATTRIBUTES_CHANGED = "110137"
MINOR_FAILURE = 4


def user(login: str) -> str:
    """How the trail calls the person behind an account."""
    return f"user:{login}"


def login_event(actor: str, origin: str, *, failed: str = "") -> AuditEvent:
    """Somebody logged in; or tried to, when `failed` says why not."""
    return AuditEvent(
        event=USER_AUTHENTICATION,
        event_type=LOGIN,
        action="E",
        outcome=MINOR_FAILURE if failed else 0,
        actor=actor,
        origin=origin,
        text=f"login failed: {failed}" if failed else "logged in",
    )


def logout_event(login: str, origin: str, text: str = "logged out") -> AuditEvent:
    """Somebody's login session ended."""
    return AuditEvent(
        event=USER_AUTHENTICATION,
        event_type=LOGOUT,
        action="E",
        actor=user(login),
        origin=origin,
        text=text,
    )


def account_event(actor: str, origin: str, text: str, account_id: int) -> AuditEvent:
    """An account was made or changed."""
    return AuditEvent(
        event=SECURITY_ALERT,
        event_type=USER_ATTRIBUTES_CHANGED,
        action="E",
        actor=actor,
        origin=origin,
        subject=f"account:{account_id}",
        text=text,
    )


def query_event(login: str, origin: str, asked: dict[str, Any], found: int) -> AuditEvent:
    """Somebody was shown a list of studies; what was asked for is patient data, so in `detail`."""
    return AuditEvent(
        event=QUERY,
        action="E",
        actor=user(login),
        origin=origin,
        text=f"listed studies: {found} shown",
        detail={"asked": asked},
    )


def view_event(study: Study, login: str, origin: str) -> AuditEvent:
    """Somebody opened the page of a study, its pictures included."""
    return study_event(
        study,
        INSTANCES_ACCESSED,
        "R",
        actor=user(login),
        origin=origin,
        text="study page opened, pictures included",
    )


def audit_read_event(login: str, origin: str, text: str) -> AuditEvent:
    """Somebody read or checked the trail."""
    return AuditEvent(event=AUDIT_LOG_USED, action="R", actor=user(login), origin=origin, text=text)
