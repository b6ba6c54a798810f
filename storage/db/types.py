"""Column types that give back on SQLite and on PostgreSQL exactly what was put in."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import DateTime, String, Text, TypeDecorator

if TYPE_CHECKING:
    from sqlalchemy import Dialect


def to_json(value: object) -> str:
    """The one JSON text of a value: sorted keys, ASCII, no blanks; ValueError for NaN and inf."""
    return json.dumps(
        value, sort_keys=True, ensure_ascii=True, separators=(",", ":"), allow_nan=False
    )


def storable(text: str, length: int | None = None) -> str:
    """The text as every database can hold it: no NUL, no lone surrogate, cut at `length`."""
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode("utf-8")
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")[:length]


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC time on every database; SQLite keeps no zone of its own."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """Store as UTC; a naive time is a programming error."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("naive datetime")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """Give back as aware UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class OutsideText(TypeDecorator[str]):
    """Text that came from a peer: made storable, so that no odd value stops a transaction."""

    impl = String
    cache_ok = True

    def __init__(self, length: int | None = None) -> None:
        super().__init__(length)
        self.length = length

    def process_bind_param(self, value: str | None, _dialect: Dialect) -> str | None:
        """Store what can be stored of it."""
        return None if value is None else storable(value, self.length)


class CanonicalJson(TypeDecorator[object]):
    """A JSON value kept as its one canonical text, so that a seal over the text holds for ever."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: object, _dialect: Dialect) -> str:
        """Store the canonical text."""
        return to_json(value)

    def process_result_value(self, value: str | None, _dialect: Dialect) -> object:
        """Give back the value."""
        return None if value is None else json.loads(value)
