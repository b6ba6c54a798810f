"""Who is asking: the login session behind a request, its rights, and its CSRF token.

A page of rights ``allow("read")`` takes the `Visit` as a dependency. A visit that renews nothing
(``HX-Request`` polling) does not keep a session open: a screen left alone is logged out.
"""

from __future__ import annotations

import hmac
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, HTTPException, Request

from dicom_node.web.auth.login import LONGEST_SESSION
from dicom_node.web.auth.roles import Permission, may
from dicom_node.web.auth.tokens import hash_token
from dicom_node.web.site import site_of
from storage.db.queries import accounts
from storage.db.unavailable import DATABASE_UNAVAILABLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from dicom_node.config import WebSection
    from storage.db.queries.accounts import OpenSession

RENEW_EVERY = timedelta(seconds=30)  # a write for each request would be a write too many
CSRF_FIELD = "csrf"


class LoginNeeded(Exception):
    """The request comes from nobody who is logged in."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One request by a person who is logged in."""

    login: str
    account_id: int
    role: str
    csrf_token: str
    origin: str
    since: datetime

    def may(self, permission: Permission) -> bool:
        """Whether the person's role has the permission; asked by templates too."""
        return may(self.role, permission)


def cookie_name(web: WebSection) -> str:
    """The session cookie; over TLS the browser itself holds it to this host and path."""
    return "__Host-dicom-node" if is_secure(web) else "dicom-node"


def is_secure(web: WebSection) -> bool:
    """Whether browsers reach the page by https."""
    return bool(web.tls_key) or web.behind_proxy


def origin_of(request: Request) -> str:
    """The network address that asks."""
    return request.client.host if request.client else ""


def token_of(request: Request) -> str:
    """The session token that the browser sent, or nothing."""
    return request.cookies.get(cookie_name(site_of(request).settings.web), "")


def visit_of(request: Request) -> Visit:
    """The visit behind a request; LoginNeeded where there is none."""
    site = site_of(request)
    token = token_of(request)
    if not token:
        raise LoginNeeded
    token_hash = hash_token(token)
    now = datetime.now(UTC)
    with site.db.read() as session:
        found = accounts.open_session(session, token_hash)
    if found is None or _is_over(found, now, site.settings.web.session_minutes):
        raise LoginNeeded
    polling = request.headers.get("HX-Request") == "true" and request.method == "GET"
    if not polling and now - found.last_seen_at > RENEW_EVERY:
        # A full disk takes no row, and is the very thing to be looked at: the next page renews.
        with suppress(*DATABASE_UNAVAILABLE), site.db.begin() as session:
            accounts.renew_session(session, token_hash, now)
    return Visit(
        found.login,
        found.account_id,
        found.role,
        found.csrf_token,
        origin_of(request),
        found.created_at,
    )


def allow(permission: Permission) -> Any:  # noqa: ANN401 - FastAPI's Depends() is typed Any
    """A dependency that gives the visit, or answers 403 where the role lacks the permission."""
    return Depends(_gate(permission))


def _gate(permission: Permission) -> Callable[[Visit], Visit]:
    def gate(visit: Annotated[Visit, Depends(visit_of)]) -> Visit:
        if not visit.may(permission):
            raise HTTPException(403)
        return visit

    return gate


async def check_form(request: Request, visit: Annotated[Visit, Depends(visit_of)]) -> None:
    """Let a POST pass only with its session's CSRF token; 403 otherwise."""
    form = await request.form()
    sent = form.get(CSRF_FIELD)
    if not isinstance(sent, str) or not hmac.compare_digest(
        sent.encode("utf-8", "replace"), visit.csrf_token.encode()
    ):
        raise HTTPException(403)


def _is_over(found: OpenSession, now: datetime, silent_minutes: int) -> bool:
    return (
        now - found.last_seen_at > timedelta(minutes=silent_minutes)
        or now - found.created_at > LONGEST_SESSION
    )


Reader = Annotated[Visit, allow("read")]
Operator = Annotated[Visit, allow("operate")]
UserAdmin = Annotated[Visit, allow("users")]
AuditReader = Annotated[Visit, allow("audit")]
CheckedForm = Depends(check_form)
