"""An audit trail to tamper with, and a tamperer who has the database but not the program."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import create_engine, text

from storage.audit import AuditEvent, record
from storage.db.engine import Database

PATIENT = {"study_uid": "1.2.3", "patient_id": "ZZ-1", "accession_number": "ACC1"}


def an_event(number: int = 1, **values: Any) -> AuditEvent:
    """An event with every column filled; `number` makes it differ from the others."""
    detail = {"instances": number, "seconds": number / 3, "classes": ["CT", "患者"], "none": None}
    filled = {
        "event": "110104", "event_type": "110150", "action": "C", "outcome": 0,
        "actor": f"peer:CT{number}", "origin": "10.0.0.7", "subject": f"study:{number}",
        "text": f"stored {number}", "detail": detail, **PATIENT, **values,
    }  # fmt: skip
    return AuditEvent(**filled)


def add_events(db: Database, count: int) -> None:
    """Record `count` events, three to a transaction."""
    for start in range(0, count, 3):
        with db.begin() as session:
            for number in range(start, min(start + 3, count)):
                record(session, an_event(number + 1))


class Tamperer:
    """Raw SQL past the node: the triggers are dropped first, and every statement commits."""

    def __init__(self, url: str) -> None:
        self._engine = create_engine(url, isolation_level="AUTOCOMMIT")
        self.is_sqlite = self._engine.dialect.name == "sqlite"
        if self.is_sqlite:
            for name in ("update", "delete", "replace"):
                self.run(f"DROP TRIGGER audit_no_{name}")
        else:
            self.run("DROP TRIGGER audit_append_only ON audit")

    def run(self, statement: str, **values: Any) -> None:
        with self._engine.connect() as connection:
            connection.execute(text(statement), values)

    def row(self, seq: int) -> dict[str, Any]:
        with self._engine.connect() as connection:
            found = connection.execute(text("SELECT * FROM audit WHERE seq = :seq"), {"seq": seq})
            return dict(found.mappings().one())

    def set(self, this: int, **values: Any) -> None:
        columns = ", ".join(f"{name} = :{name}" for name in values)
        self.run(f"UPDATE audit SET {columns} WHERE seq = :this", this=this, **values)

    def insert(self, row: dict[str, Any]) -> None:
        columns, values = ", ".join(row), ", ".join(f":{name}" for name in row)
        self.run(f"INSERT INTO audit ({columns}) VALUES ({values})", **row)

    def renumber(self, first: int, by: int) -> None:
        """Add `by` to the numbers of all rows from `first` on, never using a taken number."""
        self.run("UPDATE audit SET seq = -(seq + :by) WHERE seq >= :first", by=by, first=first)
        self.run("UPDATE audit SET seq = -seq WHERE seq < 0")

    def close(self) -> None:
        self._engine.dispose()


def altered(value: Any) -> Any:
    """Another value of the same kind, the smallest step away."""
    if isinstance(value, datetime):
        return value + timedelta(microseconds=1)
    if isinstance(value, int):
        return value + 1
    return value[:-1] + ("0" if value[-1] != "0" else "1")


def forged_hash() -> str:
    """A hash that looks like one."""
    return os.urandom(32).hex()
