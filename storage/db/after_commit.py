"""Calls that must wait until a transaction is on disk, such as waking who looks for its rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import event

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.orm import Session


def after_commit(session: Session, call: Callable[[], None]) -> None:
    """Call `call` once when the session's transaction has been committed; never on a rollback.

    It runs in the committing thread, outside the transaction, and must not use the session.
    """
    event.listen(session, "after_commit", lambda _session: call(), once=True)
