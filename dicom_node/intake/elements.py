"""The wanted attributes of an encoded data set, as they stand in it.

Two readers: `intake.walk` goes first and is fast; where it is in doubt, pydicom (`intake.encoded`)
decides alone, whether the data set is read and with which reason it is refused. The one refusal
that comes before both is that of a deflated data set that does not inflate to its end.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, cast

from pydicom.dataelem import RawDataElement

from dicom_node.intake.encoded import DEFLATED, encoding_of, read_elements
from dicom_node.intake.layout import Doubt
from dicom_node.intake.walk import walk
from dicom_node.intake.window import InflatedWindow

if TYPE_CHECKING:
    from pydicom import Dataset

    from dicom_node.intake.layout import Buffer
    from dicom_node.intake.walk import Raw

MOST_READS = 2_000_000  # some 500,000 elements; a CT slice takes 300


@dataclass(frozen=True, slots=True)
class Elements:
    """Tag to VR (None where it is implicit) and value; without those that are absent or empty."""

    raw: Raw
    is_little_endian: bool


def elements_of(buffer: Buffer, transfer_syntax_uid: str, wanted: frozenset[int]) -> Elements:
    """The wanted elements of the data set that fills the buffer.

    Raises
    ------
    Unreadable
        It is empty, truncated, or no data set in this transfer syntax.
    """
    _, little = encoding_of(transfer_syntax_uid)
    is_deflated = transfer_syntax_uid in DEFLATED and len(buffer)
    try:
        plain = InflatedWindow(buffer) if is_deflated else buffer
        return Elements(walk(plain, transfer_syntax_uid, wanted), little)
    except Doubt:
        stream = cast("BinaryIO", _BufferStream(buffer))
        dataset = read_elements(stream, len(buffer), transfer_syntax_uid)
        return Elements(_raw(dataset, wanted), little)


def _raw(dataset: Dataset, wanted: frozenset[int]) -> Raw:
    raw: Raw = {}
    for tag in wanted:
        if tag in dataset:
            # Deferred: a value over 64 KiB is left where it is.
            element = dataset.get_item(tag, keep_deferred=True)
            if isinstance(element, RawDataElement) and element.value:
                vr = None if element.VR is None else element.VR.encode("latin-1")
                raw[tag] = vr, element.value
    return raw


class _BufferStream:
    """A buffer as pydicom reads it, in a bounded number of reads.

    pydicom looks for a lost delimiter from each element anew, which in a hostile data set takes
    hours. Elements have eight bytes or more and take four reads or fewer, twice where that happens.
    """

    def __init__(self, buffer: Buffer) -> None:
        self._buffer = buffer
        self._at = 0
        self._reads_left = min(len(buffer) + 1000, MOST_READS)

    def read(self, count: int = -1) -> bytes:
        self._reads_left -= 1
        if self._reads_left < 0:
            raise OSError("too many reads")
        end = len(self._buffer) if count < 0 else self._at + count
        piece = bytes(self._buffer[self._at : end])
        self._at += len(piece)
        return piece

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: len(self._buffer)}
        self._at = start[whence] + offset
        return self._at

    def tell(self) -> int:
        return self._at
