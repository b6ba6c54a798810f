"""A DICOM file's header as rules would see it, had the file been received."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicom_node.intake.header import COUNT_KEYWORD, scan
from dicom_node.intake.part10 import read_meta

if TYPE_CHECKING:
    from pathlib import Path


def read_file_header(path: Path) -> dict[str, str | list[str]]:
    """Keyword to value or values; the file counts as a series of one instance.

    Raises
    ------
    NotTaken
        It is no DICOM file, or reception would decline it.
    """
    with path.open("rb") as file:
        meta = read_meta(file)
        header = scan(file, path.stat().st_size - file.tell(), meta.transfer_syntax_uid)
    own: dict[str, str | list[str]] = {"OwnResult": "YES"} if header.is_own else {}
    return {
        **header.values,
        COUNT_KEYWORD: "1",
        "CallingAETitle": meta.calling_aet,
        "CalledAETitle": meta.called_aet,
        "SendingHost": meta.host,
        **own,
    }
