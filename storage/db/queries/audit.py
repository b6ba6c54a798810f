"""Reading the audit trail; adding to it is `storage.audit.record`."""

from __future__ import annotations

from contextlib import contextmanager
from operator import methodcaller
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, select, type_coerce
from sqlalchemy.types import NULLTYPE

from storage.db.tables import Audit
from storage.head import EMPTY

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from datetime import datetime

    from sqlalchemy.orm import Session


def hash_of_row(session: Session, seq: int) -> str | None:
    """The hash of one row, None where there is no such row."""
    return session.scalars(select(Audit.hash).where(Audit.seq == seq)).one_or_none()


def last_row(session: Session) -> tuple[int, str]:
    """Number and hash of the last row; those of `storage.head.EMPTY` in an empty trail."""
    row = session.execute(select(Audit.seq, Audit.hash).order_by(Audit.seq.desc()).limit(1)).first()
    return (row.seq, row.hash) if row else (EMPTY.count, EMPTY.hash)


def stream_rows(
    session: Session, columns: tuple[str, ...], through: int | None = None
) -> Generator[dict[str, Any]]:
    """Every row in order, as the database holds it: no column type reads meaning into it.

    `through` is the last one that is wanted.

    Close the generator where it is not read to its end: the server holds a cursor for it.
    """
    raw = [type_coerce(Audit.__table__.c[name], NULLTYPE).label(name) for name in columns]
    statement = select(*raw).order_by(Audit.seq).execution_options(yield_per=500)
    if through is not None:
        statement = statement.where(Audit.seq <= through)
    # Not by the session, which would look for objects among them.
    with broken_text_read_too(session), session.connection().execute(statement) as rows:
        for row in rows:
            yield dict(zip(columns, row, strict=True))


def last_row_before(session: Session, limit: datetime) -> int:
    """The last of the rows at the trail's beginning that are all older than `limit`; 0 for none.

    The trail's last row is never among them: the next one is sealed after it. Times need not be in
    order, as clocks are set: no row that is younger is among them.
    """
    first = session.scalar(select(func.min(Audit.seq)).where(Audit.at >= limit))
    last, _hash = last_row(session)
    return max(0, min(last if first is None else first, last) - 1)


def delete_rows(session: Session, through: int) -> int:
    """How many rows up to this one were deleted; the database refuses those in no archive."""
    done = session.execute(
        delete(Audit).where(Audit.seq <= through).execution_options(synchronize_session=False)
    )
    return int(done.rowcount)  # type: ignore[attr-defined]


def select_events(
    session: Session, *, limit: int, before_seq: int | None = None, **wanted: str | None
) -> list[Audit]:
    """The newest `limit` rows before `before_seq` whose columns have the `wanted` values."""
    statement = select(Audit).order_by(Audit.seq.desc()).limit(limit)
    if before_seq is not None:
        statement = statement.where(Audit.seq < before_seq)
    for name, value in wanted.items():
        if value is not None:
            statement = statement.where(Audit.__table__.c[name] == value)
    return list(session.scalars(statement))


_READ_TEXT = methodcaller("decode", "utf-8", "surrogateescape")  # called for each value


@contextmanager
def broken_text_read_too(session: Session) -> Iterator[None]:
    """SQLite holds any bytes as text; read what is not UTF-8 as something else, not as an error."""
    driver: Any = session.connection().connection.dbapi_connection
    if session.get_bind().dialect.name != "sqlite":
        yield
        return
    before = driver.text_factory
    driver.text_factory = _READ_TEXT
    try:
        yield
    finally:
        driver.text_factory = before
