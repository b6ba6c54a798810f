"""A project's secret: whoever has it can tell which patient a pseudonym is, and nobody else can."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING

from dicom_node.research.errors import KeyUnusable
from storage.files.durable import sync_file, write_all

if TYPE_CHECKING:
    from pathlib import Path

SIZE = 32
"""Bytes of a key that is made here; one of a site's own has no fewer."""


def project_key(folder: Path, project: str, own: Path | None, *, make: bool = True) -> bytes:
    """The key in the site's `own` file, or the one in `folder`, made there unless told not to.

    Raises
    ------
    KeyUnusable
    """
    path = own or folder / f"{project}.key"
    try:
        if make and own is None and not path.exists():
            _make(path)
        key = path.read_bytes().strip()
    except OSError as error:
        raise KeyUnusable(f"[research.{project}] key: {path}: {error.strerror}") from None
    if len(key) < SIZE:
        raise KeyUnusable(f"[research.{project}] key: {path} holds fewer than {SIZE} bytes")
    return key


def _make(path: Path) -> None:
    """Make the file whole or not at all; of two who make it at once one wins, and both read it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        # Hexadecimal, so that it can be copied by hand into a safe and no end of it is a blank.
        write_all(descriptor, [secrets.token_hex(SIZE).encode("ascii")])
        sync_file(descriptor)
        with suppress(FileExistsError):
            os.link(part, path)
    finally:
        os.close(descriptor)
        part.unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
