"""A whole and consistent copy of the database, taken while it is in use; readable by its owner."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy.engine import make_url

from storage.errors import BackupFailed
from storage.files.durable import sync_folder

if TYPE_CHECKING:
    from pathlib import Path

    from storage.db.engine import Database

_CONNECTION_FLAGS = {"host": "--host", "port": "--port", "user": "--username", "dbname": "--dbname"}


def back_up(db: Database, folder: Path, name: str) -> Path:
    """Path of a new backup in `folder`, named by `name` and the time."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    suffix = "db" if db.is_sqlite else "dump"
    return backup(db, folder / f"{name}-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}.{suffix}")


def backup(db: Database, target: Path) -> Path:
    """`target`, now a backup: an SQLite file, or a PostgreSQL dump for ``pg_restore``.

    Raises
    ------
    BackupFailed
        There is such a file already, or the copy could not be made; then no file is left.
    """
    try:
        # Made before it is filled, so that it is never readable by others.
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError as error:
        raise BackupFailed(f"cannot write the backup {target}: {error.strerror}") from None
    try:
        if db.path:
            _copy_sqlite(db.path, target)
        else:
            _dump_postgresql(db.url, target)
        _sync(target)
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    return target


def _copy_sqlite(source: Path, target: Path) -> None:
    try:
        with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
            old.backup(new)
            # The copy says WAL as its source does; as one file it can be moved anywhere.
            new.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.Error as error:
        raise BackupFailed(f"cannot copy {source} to {target}: {error}") from None


def _dump_postgresql(url: str, target: Path) -> None:
    program = shutil.which("pg_dump")
    if program is None:
        raise BackupFailed(
            "pg_dump is not installed: back the database up by your own means, "
            "then run `dicom-node db upgrade --no-backup`"
        )
    where, environment = _libpq(url)
    command = [program, "--format=custom", "--no-password", f"--file={target}", *where]
    done = subprocess.run(  # noqa: S603 - no shell; the arguments come from the node's own settings
        command, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise BackupFailed(f"pg_dump: {done.stderr.strip() or f'exit code {done.returncode}'}")


def _libpq(url: str) -> tuple[list[str], dict[str, str]]:
    """Arguments and environment that name the database to PostgreSQL's own programs.

    The password goes by the environment: other users can read a command line.
    """
    parsed = make_url(url)
    named = {
        "host": parsed.host,
        "port": parsed.port,
        "user": parsed.username,
        "dbname": parsed.database,
        **parsed.query,
    }
    environment = dict(os.environ)
    if parsed.password:
        environment["PGPASSWORD"] = str(parsed.password)
    arguments = []
    for name, value in named.items():
        if value is None:
            continue
        if name in _CONNECTION_FLAGS:
            arguments.append(f"{_CONNECTION_FLAGS[name]}={value}")
        else:  # sslmode, sslrootcert and the like
            environment[f"PG{name.upper()}"] = str(value)
    return arguments, environment


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    sync_folder(path.parent)
