"""Objects as plain files in one folder tree of the local machine.

A new object is written without a name, synced, given its name and its folder synced, in this
order: no torn file can bear a key. Where there are no files without a name, they have a temporary
one in ``.parts`` (`storage.files.part`).
"""

from __future__ import annotations

import fcntl
import os
import re
from contextlib import suppress
from typing import TYPE_CHECKING

from storage.files.durable import sync_folder
from storage.files.part import LocalPart, open_named, open_nameless, unnamed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

PARTS = ".parts"
_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}"
_is_key = re.compile(rf"{_NAME}(?:/{_NAME})*", re.ASCII).fullmatch
_is_name = re.compile(_NAME, re.ASCII).fullmatch
_REMEMBERED_FOLDERS = 50_000


class LocalStore:
    """An `ObjectStore` in the folder `root`: folders 0700, files 0600. Threads may share it."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self._root = str(self.root)
        self._parts = f"{self._root}/{PARTS}"
        self._durable_folders: set[str] = set()
        self._make_folder(self._parts)

    def put(self, key: str, parts: Sequence[bytes | memoryview]) -> Path:
        """Path of a new durable object; FileExistsError where the key is taken."""
        part = self.open_part()
        try:
            part.write(parts)
            part.name(key)
        finally:
            part.close()
        return self.path(key)

    def open_part(self) -> LocalPart:
        """A new object without a name yet; `close` it whatever happens."""
        with unnamed():
            descriptor, path = open_nameless(self._parts), None
            if descriptor is None:
                descriptor, path = open_named(self._parts)
            return LocalPart(descriptor, path, self._place)

    def adopt(self, path: Path, key: str) -> Path:
        """Path of the object that the file at `path` became; it replaces what the key held."""
        target = self.path(key)
        with unnamed():
            descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
            try:
                os.fchmod(descriptor, 0o600)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            self._make_folder(str(target.parent))
            path.replace(target)
            sync_folder(target.parent)
        return target

    def path(self, key: str) -> Path:
        """Where the object of this key is, or would be; ValueError where `key` is none."""
        return self.root / _checked(key)

    def sync(self, key: str) -> None:
        """Sync the object's folder: another writer may have named it and not be done yet."""
        with unnamed():
            sync_folder(os.path.dirname(f"{self._root}/{_checked(key)}"))

    def exists(self, key: str) -> bool:
        """Whether the key holds an object."""
        return os.path.isfile(f"{self._root}/{_checked(key)}")

    def keys(self, prefix: str = "") -> Iterator[str]:
        """Every key that starts with `prefix`, in order within each folder."""
        folder = prefix.rpartition("/")[0]
        if folder:
            self.path(folder)
        yield from self._walk(folder, prefix)

    def delete(self, key: str) -> None:
        """Make the key hold nothing; FileNotFoundError where it held nothing."""
        target = self.path(key)
        with unnamed():
            target.unlink()
            sync_folder(target.parent)

    def sweep_parts(self) -> int:
        """How many leftovers of interrupted writes were removed; writes in progress stay."""
        return sum(_remove_if_left(part.path) for part in list(os.scandir(self._parts)))

    def _place(self, key: str, anew: bool) -> str:
        """Path of a key whose folder is made and on disk."""
        if anew:
            self._durable_folders.clear()
        target = f"{self._root}/{_checked(key)}"
        self._make_folder(os.path.dirname(target))
        return target

    def _make_folder(self, folder: str) -> None:
        """Make sure that `folder` and every folder above it up to the root are on disk.

        Another thread may have made a folder and not synced it yet, so each process syncs the
        folders that it meets for the first time, whoever made them.
        """
        if folder in self._durable_folders:
            return
        above = os.path.dirname(folder)
        if folder == self._root:
            os.makedirs(folder, mode=0o700, exist_ok=True)
        else:
            self._make_folder(above)
            with suppress(FileExistsError):
                os.mkdir(folder, mode=0o700)
        sync_folder(above)
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


def _checked(key: str) -> str:
    if not _is_key(key):
        raise ValueError("not a key of the file store")
    return key


def _remove_if_left(part: str) -> bool:
    """Whether this part was nobody's any more and is gone."""
    with suppress(FileNotFoundError, BlockingIOError):
        descriptor = os.open(part, os.O_RDWR)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.unlink(part)
            return True
        finally:
            os.close(descriptor)
    return False
