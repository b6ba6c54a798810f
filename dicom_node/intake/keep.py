"""Puts an instance into the store beside whatever is there under its UID; nothing is replaced."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dicom_node.intake.duplicate import Verdict, compare, is_same_bytes, versions_of
from dicom_node.intake.errors import Unreadable
from dicom_node.intake.part10 import read_meta, write_meta

if TYPE_CHECKING:
    from pathlib import Path

    from dicom_node.intake.header import Header
    from dicom_node.net.incoming import Announced
    from storage.files.store import ObjectStore, Part


@dataclass(frozen=True, slots=True)
class Kept:
    """Where the instance lies and what it is to the versions before it; size of the whole file."""

    key: str
    verdict: Verdict
    size: int


def key_of(header: Header) -> str:
    """Where the first version of an instance lies in the store."""
    return f"received/{header.study_uid}/{header.series_uid}/{header.sop_uid}.dcm"


def keep(
    store: ObjectStore,
    announced: Announced,
    header: Header,
    encoded: memoryview,
    part: Part | None = None,
) -> Kept:
    """Keep the instance durably unless the store holds its content already.

    Parameters
    ----------
    part : Part or None
        Where the instance, with its meta, is written already; without it, it is written here.

    Raises
    ------
    OSError
        It could not be written; nothing of it is left once the part is closed.
    """
    meta = write_meta(announced)
    size = len(meta) + len(encoded)
    verdict = Verdict.NEW
    own: Part | None = None
    try:
        for key in versions_of(key_of(header)):
            if not store.exists(key):
                if part is None:
                    part = own = store.open_part()
                    own.write([meta, encoded])
                try:
                    part.name(key)
                except FileExistsError:
                    pass  # another association was faster by a moment: compare with what it brought
                else:
                    return Kept(key, verdict, size)
            verdict = verdict_on(store.path(key), encoded, announced.transfer_syntax_uid)
            if verdict is Verdict.SAME:
                store.sync(key)
                return Kept(key, verdict, size)
    finally:
        if own is not None:
            own.close()
    raise AssertionError("versions_of never ends")


def verdict_on(stored: Path, encoded: bytes | memoryview, transfer_syntax_uid: str) -> Verdict:
    """What a data set is to a stored version of the same instance."""
    try:
        with stored.open("rb") as file:
            held_in = read_meta(file).transfer_syntax_uid
            start = file.tell()
            if held_in == transfer_syntax_uid and is_same_bytes(file, encoded):
                return Verdict.SAME
            file.seek(start)
            return compare((file.read(), held_in), (encoded, transfer_syntax_uid))
    except Unreadable:
        return Verdict.CONFLICT  # what cannot be compared is kept, and a person is asked
