"""Opening the same SQLite file again must not cost the first opening its locks."""

from __future__ import annotations

import subprocess
import sys

from sqlalchemy import select

from storage.db.engine import Database
from storage.db.tables import Association

LOOK = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
print(connection.execute("select count(*) from association").fetchone()[0])
connection.close()
"""


def test_a_second_opening_keeps_the_locks_of_the_first(tmp_path, sqlite_template):
    path = tmp_path / "node.db"
    path.write_bytes(sqlite_template.read_bytes())

    def look() -> int:
        command = [sys.executable, "-c", LOOK, str(path)]
        return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    first = Database(f"sqlite:///{path}")
    with first.read() as session:
        assert session.scalars(select(Association)).all() == []
    second = Database(f"sqlite:///{path}", durable=False)
    try:
        assert look() == 0
        with first.engine.begin() as connection:
            connection.exec_driver_sql(
                "insert into association values"
                " ('1', 'A', 'B', 'h', '2026-01-01', '2026-01-01', null, 'open')"
            )
        assert look() == 1
    finally:
        first.close()
        second.close()
