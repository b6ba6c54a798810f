"""A file on its way into the store: written without a name, synced, then given its key.

No torn file can bear a key: the name comes after the sync of the content, and the sync of the
folder after the name. Where the file system makes no files without a name (Linux's ``O_TMPFILE``),
a part has a temporary one, and is locked (``flock``) so that a sweep by another process knows it
from a leftover. Without a name there is nothing to sweep, and half the work for the file system's
journal: docs/adr/0012.
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from storage.files.direct import write_directly
from storage.files.durable import start_writing, sync_file, write_all

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import BinaryIO

_OPEN_FILES = "/proc/self/fd"  # proc(5): where a file without a name can be named by its number
_HAS_NO_NAMELESS = (errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT)  # open(2), O_TMPFILE


class LocalPart:
    """A `Part` that is a file; made by `LocalStore.open_part`.

    Parameters
    ----------
    descriptor : int
        Open, and locked if it has a temporary name; closed by `close`.
    path : str, optional
        The temporary name, if it has one.
    place : callable
        Gives the path of a key, with its folder made and on disk; told to look anew, it does not
        trust its memory of folders made before, which somebody may have deleted since.
    """

    def __init__(
        self, descriptor: int, path: str | None, place: Callable[[str, bool], str]
    ) -> None:
        self._descriptor = descriptor
        self._path = path
        self._place = place
        self._is_synced = False
        self._is_empty = True

    def write(self, parts: Sequence[bytes | memoryview]) -> None:
        """Add bytes at the end."""
        with unnamed():
            if self._is_empty and len(parts) == 1:
                (content,) = parts
                parts = [memoryview(content)[write_directly(self._descriptor, content) :]]
            write_all(self._descriptor, parts)
        self._is_synced = self._is_empty = False

    def start_writing(self) -> None:
        """Have the disk begin on what was added."""
        start_writing(self._descriptor)

    def open(self) -> BinaryIO:
        """All bytes so far, from the first on."""
        file = os.fdopen(os.dup(self._descriptor), "rb")
        file.seek(0)
        return file

    def name(self, key: str) -> None:
        """Give it the key, durably; FileExistsError where the key is taken."""
        with unnamed():
            if not self._is_synced:
                sync_file(self._descriptor)
                self._is_synced = True
            target = self._place(key, False)
            try:
                folder = _open_folder(target)
            except FileNotFoundError:
                target = self._place(key, True)
                folder = _open_folder(target)
            try:
                self._link(os.path.basename(target), folder)
            finally:
                os.close(folder)

    def _link(self, name: str, folder: int) -> None:
        """Put the name into the folder, and the folder on disk."""
        source = self._path or f"{_OPEN_FILES}/{self._descriptor}"
        # Unlike a rename, a link never replaces: of two writers of one key, one is told.
        os.link(source, name, dst_dir_fd=folder, follow_symlinks=True)
        try:
            os.fsync(folder)
        except OSError:
            os.unlink(name, dir_fd=folder)  # it may be gone after a power cut: it promises nothing
            raise

    def close(self) -> None:
        """Close, and remove the temporary name if there is one."""
        if self._descriptor < 0:
            return
        if self._path:
            with suppress(OSError):  # a sweep of leftovers will find it
                os.unlink(self._path)
        os.close(self._descriptor)
        self._descriptor = -1


def open_nameless(folder: str) -> int | None:
    """Descriptor of a new file on the folder's file system; None where none is to be had."""
    how: int | None = getattr(os, "O_TMPFILE", None)
    if how is None or not os.path.isdir(_OPEN_FILES):
        return None
    try:
        return os.open(folder, how | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        if error.errno in _HAS_NO_NAMELESS and os.path.isdir(folder):
            return None
        raise


def open_named(folder: str) -> tuple[int, str]:
    """Descriptor and path of a new file in the folder, locked."""
    while True:
        path = f"{folder}/{secrets.token_hex(8)}"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            return descriptor, path
        os.close(descriptor)  # a sweep took it between its making and its locking


def _open_folder(target: str) -> int:
    return os.open(os.path.dirname(target), os.O_RDONLY | os.O_DIRECTORY)


@contextmanager
def unnamed() -> Iterator[None]:
    """The same OSError without the file's name, which holds UIDs."""
    try:
        yield
    except FileExistsError:
        raise FileExistsError(errno.EEXIST, "the key is taken") from None
    except OSError as error:
        raise OSError(error.errno, error.strerror) from None
