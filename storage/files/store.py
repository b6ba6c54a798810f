"""What every file store promises: an object is whole, durable and under its key, or not there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import BinaryIO


class Part(Protocol):
    """A new object that is still being written: it has no key, and nobody else sees it."""

    def write(self, parts: Sequence[bytes | memoryview]) -> None:
        """Add bytes at the end; many at once where there are many."""

    def start_writing(self) -> None:
        """Have the disk begin on what was added; promises nothing."""

    def open(self) -> BinaryIO:
        """All bytes so far, from the first on; nothing may be added while it is open."""

    def name(self, key: str) -> None:
        """Make it the object of `key`, on disk when this returns.

        Raises
        ------
        FileExistsError
            The key is taken; the object under it is untouched, and another key may be tried.
        """

    def close(self) -> None:
        """Let go; what has no key is gone. Doing it again does nothing."""


class ObjectStore(Protocol):
    """Objects under keys such as ``received/<study>/<series>/<instance>.dcm``.

    A key is one or more names joined by ``/``; a name has ASCII letters, digits, ``.``, ``_`` and
    ``-`` and starts with a letter or a digit. Anything else is a ValueError. Errors never carry a
    key, because keys hold UIDs.
    """

    def put(self, key: str, parts: Sequence[bytes | memoryview]) -> Path:
        """Path of a new object made of `parts` one after another, on disk when this returns.

        Raises
        ------
        FileExistsError
            The key is taken; the object under it is untouched.
        """

    def open_part(self) -> Part:
        """A new object without a key yet; `close` it whatever happens."""

    def adopt(self, path: Path, key: str) -> Path:
        """Path of the object that the file at `path` became; it replaces what the key held."""

    def path(self, key: str) -> Path:
        """Where the object of this key is, or would be."""

    def sync(self, key: str) -> None:
        """Make sure that the object is found after a power cut, whoever put it there."""

    def exists(self, key: str) -> bool:
        """Whether the key holds an object."""

    def keys(self, prefix: str = "") -> Iterator[str]:
        """Every key that starts with `prefix`, in order within each folder."""

    def delete(self, key: str) -> None:
        """Make the key hold nothing; FileNotFoundError where it held nothing."""

    def sweep_parts(self) -> int:
        """How many leftovers of interrupted writes were removed; writes in progress stay."""
