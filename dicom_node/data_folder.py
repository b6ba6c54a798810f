"""The folder where the node keeps everything: private, writable, and used by one node at a time."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from dicom_node.errors import FolderUnusable
from storage.no_room import lacks_room

if TYPE_CHECKING:
    from pathlib import Path

LOCK_NAME = "node.lock"
FREE_WITHIN_S = 5.0  # what a node that was killed leaves behind ends within seconds
LOOK_S = 0.1


def open_data_folder(folder: Path) -> None:
    """Make the folder where it is missing, and everything made in it from now on private.

    The process's umask becomes 077: folders 0700, files 0600.

    Raises
    ------
    FolderUnusable
        It cannot be made, or this account may not write in it.
    """
    os.umask(0o077)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.stat().st_uid == os.getuid():
            folder.chmod(0o700)
        probe = folder / f".writable-{os.getpid()}"
        probe.touch(mode=0o600)
        probe.unlink()
    except OSError as error:
        if folder.is_dir() and lacks_room(error):
            return  # full, which passes: what starts again must not end the node for it
        raise FolderUnusable(f"data folder {folder.absolute()}: {error.strerror}") from None


def is_in_use(folder: Path) -> bool | None:
    """Whether a node runs in the folder; None where this account may not know."""
    try:
        lock = os.open(folder / LOCK_NAME, os.O_RDONLY)
    except FileNotFoundError:
        return False
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def lock_data_folder(folder: Path, *, within_s: float = FREE_WITHIN_S) -> int:
    """A descriptor that keeps other nodes out while this process, or a child with it, lives.

    Raises
    ------
    FolderUnusable
        Another node uses the folder, and still did after `within_s`.
    """
    lock = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + within_s
    while True:
        with suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return lock
        if time.monotonic() > deadline:
            os.close(lock)
            raise FolderUnusable(f"data folder {folder.absolute()}: another node uses it")
        time.sleep(LOOK_S)
