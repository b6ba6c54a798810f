"""Opens the database, SQLite or PostgreSQL, so that every transaction is safe by default.

On both, writing transactions take turns from their first statement on (``BEGIN IMMEDIATE``; an
advisory lock), so a value read in one cannot be stale when it is written back: otherwise updates
are lost silently (docs/adr/0004). A reading transaction sees one snapshot and cannot write.
"""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from storage.db.queries.audit import hash_of_row, last_row
from storage.db.types import to_json
from storage.errors import HeadUnusable
from storage.files.durable import sync_folder
from storage.head import Head, move_head

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection
    from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor, ExceptionContext
    from sqlalchemy.pool import ConnectionPoolEntry

BUSY_TIMEOUT_MS = 30_000
IDLE_TIMEOUT_MS = 300_000  # a frozen writer loses its turn on PostgreSQL after this long
HEAD_BEFORE = "head_before"  # a session's note: the head before its transaction added to the trail
_WRITER_LOCK = 0x0D1C0
_READ_ONLY = "dicom_node_read_only"


class Database:
    """One opened database. Share it between threads, not between processes.

    Parameters
    ----------
    url : str
        ``sqlite:///path`` or ``postgresql+psycopg://...``.
    durable : bool
        False relaxes SQLite to ``synchronous=NORMAL``: for rows that can be rebuilt.
    head_file : Path, optional
        Where the head of the audit trail is kept. It is moved after each commit that recorded an
        event; where that fails, `head_problem` says why, and the commit stands.
    """

    def __init__(self, url: str, *, durable: bool = True, head_file: Path | None = None) -> None:
        self.url = url
        self.durable = durable
        self.head_file = head_file
        self.head_problem = ""
        self.is_sqlite = make_url(url).get_backend_name() == "sqlite"
        self.engine = _sqlite(url, durable=durable) if self.is_sqlite else _postgresql(url)
        options: dict[str, Any] = {_READ_ONLY: True}
        if not self.is_sqlite:
            options |= {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        self._writing = sessionmaker(self.engine, expire_on_commit=False)
        self._reading = sessionmaker(
            self.engine.execution_options(**options), expire_on_commit=False, autoflush=False
        )

    @property
    def path(self) -> Path | None:
        """The database file, or None for a server."""
        name = self.engine.url.database
        return Path(name) if self.is_sqlite and name else None

    @contextmanager
    def begin(self) -> Iterator[Session]:
        """One writing transaction: committed at the end of the block, rolled back on an error."""
        with self._writing() as session, session.begin():
            yield session
            before = session.info.get(HEAD_BEFORE)
            # Asked now: a savepoint that was rolled back took its rows with it.
            new = Head(*last_row(session)) if before else None
        if before and new and self.head_file:
            self._move_head(self.head_file, before, new)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """One reading transaction on a single snapshot; it never waits for a writer."""
        with self._reading() as session:
            yield session

    def close(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()

    def _move_head(self, head_file: Path, before: Head, new: Head) -> None:
        """Bring the head file up to a commit; the commit is done, so no failure may undo it."""
        try:
            if not self.durable:
                self._sync_log()
            move_head(head_file, before, new, self._hash_of)
            self.head_problem = ""
        except (HeadUnusable, OSError, SQLAlchemyError) as problem:
            self.head_problem = str(problem)

    def _hash_of(self, seq: int) -> str | None:
        with self.read() as session:
            return hash_of_row(session, seq)

    def _sync_log(self) -> None:
        """Put commits of ``synchronous=NORMAL`` on disk: the head must not know more than they."""
        if self.path is None:
            return
        descriptor = os.open(f"{self.path}-wal", os.O_RDWR)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        sync_folder(self.path.parent)


def _sqlite(url: str, *, durable: bool) -> Engine:
    name = make_url(url).database
    if not name or name == ":memory:":
        raise ValueError("an SQLite database of this program is a file")
    # The write-ahead log takes its mode from the database file. One that is there is left alone:
    # closing any descriptor of it would drop this process's locks on it, and another process could
    # then delete the log under an open connection (sqlite.org/howtocorrupt.html, 2.2).
    with suppress(FileExistsError):
        os.close(os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    engine = create_engine(
        url,
        connect_args={"timeout": BUSY_TIMEOUT_MS / 1000},
        json_serializer=to_json,
        hide_parameters=True,
    )

    @event.listens_for(engine, "connect")
    def _on_connect(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        # SQLAlchemy's recipe: the driver must not open transactions on its own.
        connection.isolation_level = None
        cursor = connection.cursor()
        _keep_log_ahead(cursor)
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA secure_delete=ON")  # a deleted patient's name is overwritten
        cursor.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _on_begin(connection: Connection) -> None:
        reading = bool(connection.get_execution_options().get(_READ_ONLY))
        connection.exec_driver_sql(f"PRAGMA query_only={int(reading)}")
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    return engine


def _keep_log_ahead(cursor: DBAPICursor) -> None:
    """Have the database keep a write-ahead log; wait while another process has it do so.

    SQLite waits for no lock where two processes change a new file's mode at once
    (sqlite.org/wal.html, section 9: SQLITE_BUSY).
    """
    until = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            return


def _postgresql(url: str) -> Engine:
    engine = create_engine(
        url,
        pool_pre_ping=True,
        connect_args={"options": f"-c lock_timeout={BUSY_TIMEOUT_MS}"},
        json_serializer=to_json,
        hide_parameters=True,
    )

    @event.listens_for(engine, "begin")
    def _on_begin(connection: Connection) -> None:
        if not connection.get_execution_options().get(_READ_ONLY):
            connection.exec_driver_sql(
                f"SELECT pg_advisory_xact_lock({_WRITER_LOCK}), "
                f"set_config('idle_in_transaction_session_timeout', '{IDLE_TIMEOUT_MS}', true)"
            )

    @event.listens_for(engine, "handle_error")
    def _on_error(context: ExceptionContext) -> None:
        # The server's DETAIL quotes the row, and with it the patient.
        said = getattr(getattr(context.original_exception, "diag", None), "message_primary", None)
        if said:
            context.original_exception.args = (said,)
            if context.sqlalchemy_exception:
                context.sqlalchemy_exception.args = (said,)

    return engine
