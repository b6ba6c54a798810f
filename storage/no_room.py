"""Whether something failed because the disk takes no more, whoever noticed it first."""

from __future__ import annotations

import errno
import sqlite3
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# A file system, or the account's share of it, is used up.
_SYSTEM_SAYS = frozenset({errno.ENOSPC, errno.EDQUOT})
_SQLITE_SAYS = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE})
_POSTGRES_SAYS = "53100"  # disk_full


def lacks_room(error: BaseException) -> bool:
    """Whether the error, or one that it came of, says that the disk is full.

    Libraries wrap what the system said (pydicom names the attribute that it was writing, SQLAlchemy
    the statement), so the whole chain is asked.
    """
    return any(_says_full(one) for one in _chain(error))


def _says_full(error: BaseException) -> bool:
    if isinstance(error, OSError):
        return error.errno in _SYSTEM_SAYS
    if isinstance(error, sqlite3.Error):
        return getattr(error, "sqlite_errorcode", None) in _SQLITE_SAYS
    return getattr(error, "sqlstate", None) == _POSTGRES_SAYS


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
