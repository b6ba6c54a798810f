"""The one-time link by which the first admin is made; used on the machine that started the node."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from dicom_node.web.auth.tokens import hash_token, new_token
from storage.db.queries import accounts

if TYPE_CHECKING:
    from storage.db.engine import Database

VALID_FOR = timedelta(hours=24)
PATH = "/first-admin/"


def first_admin_link(db: Database, base_url: str) -> str | None:
    """A new link that makes the first admin, or None once there is an admin.

    Links given before stop working. The caller shows it on its terminal and nowhere else.
    """
    token = new_token()
    with db.begin() as session:
        if accounts.has_admin(session):
            return None
        accounts.replace_setup_links(session, hash_token(token), datetime.now(UTC))
    return f"{base_url.rstrip('/')}{PATH}{token}"


def is_open(db: Database, token: str) -> bool:
    """Whether the link with this token can make the first admin now."""
    with db.read() as session:
        since = datetime.now(UTC) - VALID_FOR
        return not accounts.has_admin(session) and accounts.has_setup_link(
            session, hash_token(token), since
        )
