"""Objects as plain files in one folder tree of the local machine.

A new object is written under a temporary name in ``.parts``, synced, given its name and its folder
synced, in this order: no torn file can bear a key. Parts in progress are locked (``flock``), so a
sweep by another process knows them from leftovers.
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import shutil
import string
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from storage.files.durable import sync_file, sync_folder, write_all

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

PARTS = ".parts"
_FIRST = frozenset(string.ascii_letters + string.digits)
_ALLOWED = _FIRST | frozenset("._-")
_REMEMBERED_FOLDERS = 50_000


class LocalStore:
    """An `ObjectStore` in the folder `root`: folders 0700, files 0600. Threads may share it."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self._parts = self.root / PARTS
        self._durable_folders: set[Path] = set()
        self._make_folder(self._parts)

    def put(self, key: str, parts: Sequence[bytes | memoryview]) -> Path:
        """Path of a new durable object; FileExistsError where the key is taken."""
        target = self.path(key)
        with _unnamed(), self._open_part() as (descriptor, part):
            write_all(descriptor, parts)
            sync_file(descriptor)
            self._make_folder(target.parent)
            # Unlike a rename, a link never replaces: of two writers of one key, one is told.
            os.link(part, target)
            sync_folder(target.parent)
        return target

    def adopt(self, path: Path, key: str) -> Path:
        """Path of the object that the file at `path` became; it replaces what the key held."""
        target = self.path(key)
        with _unnamed():
            descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
            try:
                os.fchmod(descriptor, 0o600)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            self._make_folder(target.parent)
            path.replace(target)
            sync_folder(target.parent)
        return target

    def path(self, key: str) -> Path:
        """Where the object of this key is, or would be; ValueError where `key` is none."""
        names = key.split("/")
        if not all(_is_name(name) for name in names):
            raise ValueError("not a key of the file store")
        return self.root.joinpath(*names)

    def sync(self, key: str) -> None:
        """Sync the object's folder: another writer may have named it and not be done yet."""
        with _unnamed():
            sync_folder(self.path(key).parent)

    def exists(self, key: str) -> bool:
        """Whether the key holds an object."""
        return self.path(key).is_file()

    def keys(self, prefix: str = "") -> Iterator[str]:
        """Every key that starts with `prefix`, in order within each folder."""
        folder = prefix.rpartition("/")[0]
        if folder:
            self.path(folder)
        yield from self._walk(folder, prefix)

    def delete(self, key: str) -> None:
        """Make the key hold nothing; FileNotFoundError where it held nothing."""
        target = self.path(key)
        with _unnamed():
            target.unlink()
            sync_folder(target.parent)

    def sweep_parts(self) -> int:
        """How many leftovers of interrupted writes were removed; writes in progress stay."""
        return sum(_remove_if_left(part) for part in list(self._parts.iterdir()))

    def free_mb(self) -> int:
        """Free space for objects, in MiB."""
        return shutil.disk_usage(self.root).free // 2**20

    @contextmanager
    def _open_part(self) -> Iterator[tuple[int, Path]]:
        """Descriptor and path of a locked temporary file, gone at the end of the block."""
        while True:
            part = self._parts / secrets.token_hex(8)
            descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if os.fstat(descriptor).st_nlink:
                break
            os.close(descriptor)  # a sweep took it between its making and its locking
        try:
            yield descriptor, part
        finally:
            part.unlink(missing_ok=True)
            os.close(descriptor)

    def _make_folder(self, folder: Path) -> None:
        """Make sure that `folder` and every folder above it up to the root are on disk.

        Another thread may have made a folder and not synced it yet, so each process syncs the
        folders that it meets for the first time, whoever made them.
        """
        if folder in self._durable_folders:
            return
        if folder == self.root:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        else:
            self._make_folder(folder.parent)
            folder.mkdir(mode=0o700, exist_ok=True)
        sync_folder(folder.parent)
        if len(self._durable_folders) >= _REMEMBERED_FOLDERS:
            self._durable_folders.clear()
        self._durable_folders.add(folder)

    def _walk(self, folder: str, prefix: str) -> Iterator[str]:
        try:
            entries = sorted(os.scandir(self.root / folder), key=lambda entry: entry.name)
        except (FileNotFoundError, NotADirectoryError):
            return
        for entry in entries:
            key = f"{folder}/{entry.name}" if folder else entry.name
            if not _is_name(entry.name):
                continue
            if entry.is_dir(follow_symlinks=False):
                if f"{key}/".startswith(prefix) or prefix.startswith(f"{key}/"):
                    yield from self._walk(key, prefix)
            elif entry.is_file(follow_symlinks=False) and key.startswith(prefix):
                yield key


def _is_name(name: str) -> bool:
    return name[:1] in _FIRST and len(name) <= 255 and _ALLOWED.issuperset(name)


def _remove_if_left(part: Path) -> bool:
    """Whether this part was nobody's any more and is gone."""
    with suppress(FileNotFoundError, BlockingIOError):
        descriptor = os.open(part, os.O_RDWR)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            part.unlink()
            return True
        finally:
            os.close(descriptor)
    return False


@contextmanager
def _unnamed() -> Iterator[None]:
    """The same OSError without the file's name, which holds UIDs."""
    try:
        yield
    except FileExistsError:
        raise FileExistsError(errno.EEXIST, "the key is taken") from None
    except OSError as error:
        raise OSError(error.errno, error.strerror) from None
