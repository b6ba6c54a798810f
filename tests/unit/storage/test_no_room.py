from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from storage.db.engine import Database
from storage.no_room import lacks_room


def raised(function):
    with pytest.raises(Exception) as caught:
        function()
    return caught.value


def test_the_system_says_that_there_is_no_room():
    assert lacks_room(OSError(errno.ENOSPC, "No space left on device"))
    assert lacks_room(OSError(errno.EDQUOT, "Disk quota exceeded"))
    assert not lacks_room(OSError(errno.EIO, "Input/output error"))
    assert not lacks_room(ValueError("No space left on device"))


@pytest.mark.parametrize("how", ["from", "during"])
def test_what_a_library_makes_of_it_says_so_too(how):
    full = Path("/dev/full").open("wb", buffering=0)  # noqa: SIM115 - closed below

    def write():
        try:
            os.write(full.fileno(), b"x")
        except OSError as error:
            if how == "from":
                raise OSError("With tag (7FE0,0010) got exception") from error
            raise RuntimeError("cannot write")  # noqa: B904 - as libraries do

    with full:
        assert lacks_room(raised(write))


def test_sqlite_says_it_through_sqlalchemy(tmp_path):
    db = Database(f"sqlite:///{tmp_path / 'node.db'}")

    def fill():
        with db.begin() as session:
            session.execute(text("PRAGMA max_page_count=2"))
            session.execute(text("CREATE TABLE big (x)"))
            session.execute(text("INSERT INTO big VALUES (zeroblob(1000000))"))

    error = raised(fill)
    db.close()

    assert isinstance(error, OperationalError)
    assert lacks_room(error)
    assert not lacks_room(sqlite3.OperationalError("database is locked"))


def test_postgresql_says_it_by_its_sqlstate():
    class DiskFull(Exception):
        sqlstate = "53100"

    assert lacks_room(DiskFull())
