"""Reading and adding the audit trail's signed checkpoints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select, type_coerce
from sqlalchemy.types import NULLTYPE

from storage.db.queries.audit import broken_text_read_too
from storage.db.tables import AuditCheckpoint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.orm import Session

PAGE = 500
NEWEST = 50
"""How far back the newest signed checkpoint is looked for behind forged ones."""

_COLUMNS = AuditCheckpoint.__table__.c
# As the database holds it: who tampers may have put anything there.
_NUMBER = type_coerce(_COLUMNS.number, NULLTYPE).label("number")


def stream_lines(session: Session) -> Iterator[tuple[object, str]]:
    """Number and line of every checkpoint by number, a page at a time."""
    last: Any = None
    while True:
        statement = select(_NUMBER, _COLUMNS.line).order_by(_COLUMNS.number).limit(PAGE)
        if last is not None:
            statement = statement.where(_COLUMNS.number > type_coerce(last, NULLTYPE))
        with broken_text_read_too(session):
            rows = session.execute(statement).all()
        for row in rows:
            yield row.number, str(row.line)
        if len(rows) < PAGE:
            return
        last = rows[-1].number


def lines_after(session: Session, number: int) -> Iterator[str]:
    """The lines of the checkpoints after this one, by number."""
    statement = select(_COLUMNS.line).where(_COLUMNS.number > number).order_by(_COLUMNS.number)
    with broken_text_read_too(session):
        yield from map(str, session.scalars(statement).all())


def newest_lines(session: Session) -> list[str]:
    """The lines of the highest numbers, highest first."""
    statement = select(_COLUMNS.line).order_by(_COLUMNS.number.desc()).limit(NEWEST)
    with broken_text_read_too(session):
        return [str(line) for line in session.scalars(statement)]


def highest_number(session: Session) -> int:
    """The highest number that is taken; 0 without any."""
    number = session.scalars(
        select(_NUMBER).order_by(_COLUMNS.number.desc()).limit(1)
    ).one_or_none()
    return number if isinstance(number, int) else 0


def add_line(session: Session, number: int, line: str) -> None:
    """Append one checkpoint."""
    session.add(AuditCheckpoint(number=number, line=line))
    session.flush()
