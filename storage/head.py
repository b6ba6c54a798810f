"""The head of the audit trail, its row count and last hash, in a file beside the database.

A trail that lost its end, or that was replaced by an older copy, is still a valid chain; only this
file tells. It therefore moves forward only, and only along a chain that holds the row it names.
"""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from storage.errors import HeadUnusable
from storage.files.durable import sync_file, write_all

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

GENESIS = "0" * 64


@dataclass(frozen=True, slots=True)
class Head:
    """The number of rows in the trail and the hash of the last one."""

    count: int
    hash: str


EMPTY = Head(0, GENESIS)


def read_head(path: Path) -> Head | None:
    """What the file says, or None where there is no file.

    Raises
    ------
    HeadUnusable
        The file cannot be read or says something else.
    """
    try:
        values = json.loads(path.read_text(encoding="ascii"))
        return Head(count=int(values["count"]), hash=str(values["hash"]))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        raise HeadUnusable("the audit head file cannot be read") from None


def move_head(path: Path, before: Head, new: Head, hash_of: Callable[[int], str | None]) -> None:
    """Write `new` to the file unless it is already there or further on.

    Parameters
    ----------
    path : Path
        The head file. Processes that write it take turns by a lock file beside it.
    before, new : Head
        The last row before the commit and after it.
    hash_of : callable
        Gives the hash of a row of the trail by its number, None where there is no such row; asked
        where the file does not hold `before`, because another process or a crash came between.

    Raises
    ------
    HeadUnusable
        The file is unreadable, or names a row that the trail does not hold. It is left as it is:
        it is the evidence that the trail was shortened or replaced.
    """
    with _turn(path):
        old = read_head(path) or EMPTY
        if old not in (before, EMPTY) and hash_of(old.count) != old.hash:
            raise HeadUnusable(f"the audit head file names row {old.count}, which the trail lacks")
        if new.count > old.count:
            _replace(path, new)


def _replace(path: Path, head: Head) -> None:
    """Replace the file whole; its folder is not synced, as an older head is right too."""
    text = json.dumps({"count": head.count, "hash": head.hash})
    part = path.with_name(path.name + ".part")  # one name: whoever holds the turn may reuse it
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        write_all(descriptor, [text.encode("ascii")])
        sync_file(descriptor)
    finally:
        os.close(descriptor)
    part.replace(path)


@contextmanager
def _turn(path: Path) -> Iterator[None]:
    descriptor = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
