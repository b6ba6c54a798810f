"""Whether an object is in its file who it says it is (PS3.10 section 7.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.conformance.raw import text
from pipelines.conformance.report import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydicom import Dataset

_PAIRS = (
    ("MediaStorageSOPClassUID", "SOPClassUID"),
    ("MediaStorageSOPInstanceUID", "SOPInstanceUID"),
)
_FILE_META = ("MediaStorageSOPClassUID", "MediaStorageSOPInstanceUID", "TransferSyntaxUID")
_UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")


def identity_faults(dataset: Dataset) -> Iterator[Finding]:
    """The file meta information where it is absent or contradicts; UIDs that are one."""
    meta = getattr(dataset, "file_meta", None)
    if meta is not None:
        for keyword in _FILE_META:
            if not meta.get(keyword):
                yield Finding("error", keyword, "is absent, but it is of type 1")
        for keyword, own in _PAIRS:
            if str(meta.get(keyword, "")) != text(dataset, own):
                yield Finding("error", keyword, f"contradicts {own}")
    found = [each for each in (text(dataset, keyword) for keyword in _UIDS) if each]
    if len(set(found)) < len(found):
        yield Finding("error", "SOPInstanceUID", "is the UID of its study or series too")
