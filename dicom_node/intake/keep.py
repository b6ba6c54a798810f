"""Puts an instance into the store beside whatever is there under its UID; nothing is replaced."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dicom_node.intake.duplicate import Verdict, compare, is_same_bytes, versions_of
from dicom_node.intake.errors import Unreadable
from dicom_node.intake.part10 import read_meta

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

    from dicom_node.intake.header import Header
    from dicom_node.intake.sent import Sent
    from dicom_node.net.incoming import Announced
    from storage.files.store import ObjectStore


@dataclass(frozen=True, slots=True)
class Kept:
    """Where the instance lies and what it is to the versions before it; size of the whole file."""

    key: str
    verdict: Verdict
    size: int


def key_of(header: Header) -> str:
    """Where the first version of an instance lies in the store."""
    return f"received/{header.study_uid}/{header.series_uid}/{header.sop_uid}.dcm"


def keep(store: ObjectStore, announced: Announced, header: Header, sent: Sent) -> Kept:
    """Keep the instance durably unless the store holds its content already.

    Raises
    ------
    OSError
        It could not be written; nothing of it is left once what was sent is let go.
    """
    verdict = Verdict.NEW
    for key in versions_of(key_of(header)):
        if not store.exists(key):
            try:
                sent.part().name(key)
            except FileExistsError:
                pass  # another association was faster by a moment: compare with what it brought
            else:
                return Kept(key, verdict, sent.file_size)
        with sent.open() as stream:
            verdict = verdict_on(store.path(key), stream, announced.transfer_syntax_uid)
        if verdict is Verdict.SAME:
            store.sync(key)
            return Kept(key, verdict, sent.file_size)
    raise AssertionError("versions_of never ends")


def verdict_on(stored: Path, sent: BinaryIO, transfer_syntax_uid: str) -> Verdict:
    """What a data set, the rest of a stream, is to a stored version of the same instance."""
    try:
        with stored.open("rb") as file:
            held_in = read_meta(file).transfer_syntax_uid
            begins = file.tell(), sent.tell()
            if held_in == transfer_syntax_uid and is_same_bytes(file, sent):
                return Verdict.SAME
            file.seek(begins[0])
            sent.seek(begins[1])
            return compare((file.read(), held_in), (sent.read(), transfer_syntax_uid))
    except Unreadable:
        return Verdict.CONFLICT  # what cannot be compared is kept, and a person is asked
