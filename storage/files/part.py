"""A file on its way into the store: written under a temporary name, synced, then given its key.

No torn file can bear a key: the name comes after the sync of the content, and the sync of the
folder after the name. A part in progress is locked (``flock``), so a sweep by another process knows
it from a leftover.
"""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from storage.files.durable import start_writing, sync_file, sync_folder, write_all

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import BinaryIO


class LocalPart:
    """A `Part` that is a file; made by `LocalStore.open_part`.

    Parameters
    ----------
    descriptor : int
        Open and locked; closed by `close`.
    path : str
        The temporary name.
    place : callable
        Gives the path of a key, with its folder made and on disk; told to look anew, it does not
        trust its memory of folders made before, which somebody may have deleted since.
    """

    def __init__(self, descriptor: int, path: str, place: Callable[[str, bool], str]) -> None:
        self._descriptor = descriptor
        self._path = path
        self._place = place
        self._is_synced = False

    def write(self, parts: Sequence[bytes | memoryview]) -> None:
        """Add bytes at the end."""
        with unnamed():
            write_all(self._descriptor, parts)
        self._is_synced = False

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
            # Unlike a rename, a link never replaces: of two writers of one key, one is told.
            target = self._place(key, False)
            try:
                os.link(self._path, target)
            except FileNotFoundError:
                target = self._place(key, True)
                os.link(self._path, target)
            try:
                sync_folder(os.path.dirname(target))
            except OSError:
                os.unlink(target)  # a name that may be gone after a power cut promises nothing
                raise

    def close(self) -> None:
        """Remove the temporary name and close."""
        if self._descriptor < 0:
            return
        with suppress(OSError):  # a sweep of leftovers will find it
            os.unlink(self._path)
        os.close(self._descriptor)
        self._descriptor = -1


@contextmanager
def unnamed() -> Iterator[None]:
    """The same OSError without the file's name, which holds UIDs."""
    try:
        yield
    except FileExistsError:
        raise FileExistsError(errno.EEXIST, "the key is taken") from None
    except OSError as error:
        raise OSError(error.errno, error.strerror) from None
