"""An audit trail to tamper with, and a tamperer who has the database but not the program."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text

from storage.anchor import AnchorFile
from storage.audit import AuditEvent, record
from storage.db.engine import Database
from storage.errors import AuditBroken
from storage.notary import Notary
from storage.proof import Proof
from storage.seal import seal
from storage.signing import KeyRing, read_or_make_key
from storage.verification import Examined, examine

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


def sealed_again(row: dict[str, Any]) -> str:
    """The hash that belongs to the row's content, as a forger who read the program makes it."""
    at = row["at"]
    if isinstance(at, str):
        at = datetime.fromisoformat(at).replace(tzinfo=UTC)
    return seal({**row, "at": at})


class Tamperer:
    """Raw SQL past the node: the triggers are dropped first, and every statement commits."""

    def __init__(self, url: str) -> None:
        self._engine = create_engine(url, isolation_level="AUTOCOMMIT")
        self.is_sqlite = self._engine.dialect.name == "sqlite"
        if self.is_sqlite:
            for table in ("audit", "audit_checkpoint"):
                for name in ("update", "delete", "replace"):
                    self.run(f"DROP TRIGGER {table}_no_{name}")
        else:
            for name in ("append_only", "no_delete"):
                self.run(f"DROP TRIGGER audit_{name} ON audit")
            self.run("DROP TRIGGER audit_checkpoint_append_only ON audit_checkpoint")

    def run(self, statement: str, **values: Any) -> None:
        with self._engine.connect() as connection:
            connection.execute(text(statement), values)

    def row(self, seq: int) -> dict[str, Any]:
        found = self.find(seq)
        assert found is not None
        return found

    def find(self, seq: int) -> dict[str, Any] | None:
        with self._engine.connect() as connection:
            found = connection.execute(text("SELECT * FROM audit WHERE seq = :seq"), {"seq": seq})
            row = found.mappings().one_or_none()
            return dict(row) if row else None

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

    def rewrite(self, first: int, **values: Any) -> None:
        """Change row `first` and seal it and all that follow anew, as if it had always been so."""
        previous = self.row(first - 1)["hash"] if first > 1 else "0" * 64
        seq = first
        while row := self.find(seq):
            row |= {"previous_hash": previous, **(values if seq == first else {})}
            previous = sealed_again(row)
            self.set(seq, **{**row, "hash": previous})
            seq += 1

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


class Notarised:
    """A trail whose growth is signed, with its key and its anchor file in one folder."""

    def __init__(self, db: Database, folder: Path) -> None:
        self.db = db
        self.key = read_or_make_key(folder / "audit.key")
        self.ring = KeyRing.of([self.key.private.public_key()])
        self.anchor = folder / "audit.anchor"
        self.notary = Notary(db, self.key, self.ring, AnchorFile(self.anchor))
        self.proof = Proof(self.ring, self.anchor)

    def grow(self, *counts: int) -> None:
        """Record so many events before each of as many checkpoints."""
        for count in counts:
            add_events(self.db, count)
            self.notary.sign()

    def examine(self, db: Database | None = None) -> Examined:
        """What verification finds whole, with the anchor file and without the head file's word."""
        return examine(db or self.db, None, self.proof)

    def fault(self, db: Database | None = None) -> tuple[int, str]:
        """Number and reason of the first fault that verification names."""
        try:
            examined = self.examine(db)
        except AuditBroken as broken:
            return broken.seq, broken.reason
        raise AssertionError(f"nothing was found: {examined}")

    def lines(self) -> list[str]:
        """The lines of the anchor file."""
        return self.anchor.read_text("ascii").splitlines()

    def write_lines(self, lines: list[str]) -> None:
        """Replace the anchor file."""
        self.anchor.write_text("".join(f"{line}\n" for line in lines))
