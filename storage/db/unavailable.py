"""What the database raises while it takes nothing: locked, full, restarting or out of reach."""

from __future__ import annotations

from sqlalchemy.exc import (
    InterfaceError,
    InternalError,
    OperationalError,
    SQLAlchemyError,
    TimeoutError,
)

DATABASE_UNAVAILABLE = (OperationalError, InterfaceError, InternalError, TimeoutError)
"""For ``except``: the transaction was rolled back, and trying again may succeed."""

DATABASE_UNUSABLE = (SQLAlchemyError, ValueError)
"""For ``except`` where a database is only looked at: also what is no database, or no address."""
