"""A sealed archive: rows of the audit trail in a file of their own, which still verifies.

Gzip of JSON lines, a row each as it was sealed, oldest first. The last line is signed: it names the
first and last row, the hashes that join the file to what came before and comes after, and the
SHA-256 of all lines above it. So a file needs nothing else to be checked but a trusted key.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
import zlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, BinaryIO

from storage.db.types import to_json
from storage.errors import AuditBroken
from storage.files.durable import sync_folder
from storage.head import EMPTY, Head
from storage.seal import SEALED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from storage.signing import KeyRing, SigningKey

PURPOSE = b"dicom-node audit archive 1\n"
SUFFIX = ".jsonl.gz"
LEVEL = 6
_NAME = re.compile(r"audit-(\d{12,})-(\d{12,})\.jsonl\.gz", re.ASCII)
_LONGEST = 64 * 1024 * 1024  # of one line, so that a crafted file cannot fill the memory
_ROW = frozenset({*SEALED, "hash"})
_END = frozenset(
    {"archive", "first", "last", "previous_hash", "hash", "sha256", "at", "key", "signature"}
)


def name_of(first: int, last: int) -> str:
    """The file name of an archive, by which archives sort as their rows do."""
    return f"audit-{first:012d}-{last:012d}{SUFFIX}"


def rows_named(path: Path) -> tuple[int, int]:
    """The first and the last row by the file's name; zeros for a file that is no archive."""
    named = _NAME.fullmatch(path.name)
    return (int(named[1]), int(named[2])) if named else (0, 0)


def archives_in(place: Path) -> list[Path]:
    """The archive files of a folder as their rows follow on each other, or the one file."""
    if place.is_file():
        return [place]
    return sorted(path for path in place.glob(f"*{SUFFIX}") if rows_named(path)[0])


def row_before(path: Path) -> Head:
    """The row before the archive's first one, as that one remembers it; EMPTY before row 1.

    AuditBroken where the file does not begin with a row.
    """
    row = _first_row(path)
    return Head(row["seq"] - 1, row["previous_hash"]) if row["seq"] > 1 else EMPTY


def first_row(path: Path) -> Head:
    """The archive's first row; AuditBroken where the file does not begin with one."""
    row = _first_row(path)
    return Head(row["seq"], row["hash"])


def _first_row(path: Path) -> dict[str, Any]:
    first, _last = rows_named(path)
    try:
        with gzip.open(path, "rb") as file:
            return _row_of(file.readline(_LONGEST), first, path)
    except (OSError, EOFError, zlib.error) as error:
        raise AuditBroken(first, _unreadable(path, error)) from None


def write_archive(
    path: Path, rows: Iterable[Mapping[str, Any]], before: Head, key: SigningKey
) -> tuple[Head, str]:
    """The last row and the file's SHA-256, once the file is whole and on disk under its name.

    Parameters
    ----------
    rows : iterable of mapping
        Rows with the `SEALED` values and the hash, ``at`` as a seal spells it.
    before : Head
        The row before the first one.

    Raises
    ------
    OSError
        The file cannot be written; there is none under its name.
    """
    part = path.with_name(f"{path.name}.part")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as raw:
            last = _write(raw, rows, before, key)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    sync_folder(path.parent)
    return last, digest_of_file(path)


def _write(raw: BinaryIO, rows: Iterable[Mapping[str, Any]], before: Head, key: SigningKey) -> Head:
    last, lines = before, hashlib.sha256()
    # No time and no name in its head: the same rows are the same bytes.
    with gzip.GzipFile("", "wb", LEVEL, raw, mtime=0) as file:
        for row in rows:
            line = to_json(dict(row)).encode("ascii") + b"\n"
            lines.update(line)
            file.write(line)
            last = Head(row["seq"], row["hash"])
        values = {
            "archive": 1,
            "first": before.count + 1,
            "last": last.count,
            "previous_hash": before.hash,
            "hash": last.hash,
            "sha256": lines.hexdigest(),
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "key": key.id,
        }
        signature = key.sign(PURPOSE + to_json(values).encode("ascii"))
        file.write(to_json({**values, "signature": signature}).encode("ascii") + b"\n")
    raw.flush()
    os.fsync(raw.fileno())
    return last


def read_archive(path: Path, keys: KeyRing) -> Iterator[dict[str, Any]]:
    """Every row, ``at`` as an aware time, in constant memory; after the last, its end is checked.

    The rows' own seals and links are for who reads them (`storage.verification`).

    Raises
    ------
    AuditBroken
        The file is no archive, is cut off, was changed, or no trusted key signed it.
    """
    seq, lines, held = max(rows_named(path)[0], 1) - 1, hashlib.sha256(), b""
    try:
        with gzip.open(path, "rb") as file:
            while line := file.readline(_LONGEST):
                if held:
                    lines.update(held)
                    row = _row_of(held, seq + 1, path)
                    seq = row["seq"]
                    yield row
                held = line
    except (OSError, EOFError, zlib.error) as error:
        raise AuditBroken(seq + 1, _unreadable(path, error)) from None
    _check_end(held, lines.hexdigest(), seq, path, keys)


def _unreadable(path: Path, error: Exception) -> str:
    return f"missing: the archive {path.name} cannot be read on ({type(error).__name__})"


def digest_of_file(path: Path) -> str:
    """The SHA-256 of the file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _row_of(line: bytes, seq: int, path: Path) -> dict[str, Any]:
    row = _parsed(line)
    if row is None or row.keys() != _ROW or type(row["seq"]) is not int:
        raise AuditBroken(seq, f"edited: the archive {path.name} holds a line that is none")
    try:
        return {**row, "at": datetime.fromisoformat(row["at"])}
    except (ValueError, TypeError):
        raise AuditBroken(row["seq"], "edited: its time is none") from None


def _check_end(line: bytes, digest: str, seq: int, path: Path, keys: KeyRing) -> None:
    end = _parsed(line)
    if end is None or end.keys() != _END or type(end["first"]) is not int:
        raise AuditBroken(seq + 1, f"missing: the archive {path.name} lacks its end")
    signature = str(end.pop("signature"))
    content = PURPOSE + to_json(end).encode("ascii")
    if not keys.fits(str(end["key"]), signature, content):
        raise AuditBroken(end["first"], f"forged: no trusted key signed the archive {path.name}")
    if end["sha256"] != digest:
        raise AuditBroken(end["first"], f"edited: the archive {path.name} was changed")


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        values = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return values if isinstance(values, dict) else None
