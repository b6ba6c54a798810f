"""Reads an encoded data set far enough to trust it: every element is walked, big ones are skipped.

This is the arbiter: it is asked where the faster `intake.walk` is in doubt (`intake.elements`). A
data set is whole when its last element ends where the bytes end. pydicom does the parsing; what
is added here is the check that nothing is cut off, which pydicom itself lets pass.
"""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING, BinaryIO

from pydicom.dataelem import RawDataElement
from pydicom.errors import BytesLengthException
from pydicom.filereader import read_dataset

from dicom_node.intake.errors import Unreadable
from dicom_node.intake.window import inflate_in_pieces

if TYPE_CHECKING:
    from pydicom import Dataset

SKIP_ABOVE_BYTES = 65_536  # no attribute that is looked at is longer; pixels always are
MOST_INFLATED_BYTES = 256 << 20  # in memory; larger ones are only walked, piece by piece
UNDEFINED = 0xFFFFFFFF
PIXEL_DATA = 0x7FE00010
# Sequence Delimitation Item (FFFE,E0DD) of zero length, little and big endian (PS3.5 7.5).
DELIMITERS = (b"\xfe\xff\xdd\xe0\0\0\0\0", b"\xff\xfe\xe0\xdd\0\0\0\0")
# PS3.5 A.5 and the two JPIP and HTJ2K referenced syntaxes that deflate the data set as well.
DEFLATED = frozenset(
    {
        "1.2.840.10008.1.2.1.99",
        "1.2.840.10008.1.2.4.95",
        "1.2.840.10008.1.2.4.205",
    }
)
Encoded = tuple[bytes | memoryview, str]
"""A data set as it was sent, and its transfer syntax UID."""
BROKEN = (
    AttributeError,
    BytesLengthException,
    EOFError,
    IndexError,
    KeyError,
    LookupError,
    NotImplementedError,
    OSError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
)
"""What pydicom raises on bytes that are no data set."""


def read_elements(stream: BinaryIO, size: int, transfer_syntax_uid: str) -> Dataset:
    """The data set of `size` bytes at the stream's position; values over 64 KiB are left out.

    Raises
    ------
    Unreadable
        It is empty, truncated, or no data set in this transfer syntax.
    """
    if size == 0:
        raise Unreadable("the data set is empty")
    if transfer_syntax_uid in DEFLATED:
        inflated = inflate(stream.read(size))
        stream, size = io.BytesIO(inflated), len(inflated)
    implicit, little = encoding_of(transfer_syntax_uid)
    start = stream.tell()
    try:
        dataset = read_dataset(stream, implicit, little, defer_size=SKIP_ABOVE_BYTES)
    except BROKEN as error:
        raise Unreadable(f"no data set: {type(error).__name__}") from None
    if not len(dataset):
        raise Unreadable("no whole data set was found")
    _check_end(dataset, stream, start, size)
    return dataset


def decode(encoded: bytes | memoryview, transfer_syntax_uid: str) -> Dataset:
    """The whole data set, values and all; one of `BROKEN`, or Unreadable, where it is none."""
    if transfer_syntax_uid in DEFLATED:
        encoded = inflate(encoded)
    return read_dataset(io.BytesIO(encoded), *encoding_of(transfer_syntax_uid))


def encoding_of(transfer_syntax_uid: str) -> tuple[bool, bool]:
    """Whether VRs are implicit, and whether bytes are little endian; unknown ones are like most."""
    known = {"1.2.840.10008.1.2": (True, True), "1.2.840.10008.1.2.2": (False, False)}
    return known.get(transfer_syntax_uid, (False, True))


def inflate(deflated: bytes | memoryview) -> bytes:
    """The data set of a deflated transfer syntax (PS3.5 A.5, RFC 1951).

    Raises
    ------
    Unreadable
        It is cut off, not deflated, or would grow beyond 256 MiB.
    """
    return b"".join(inflate_in_pieces(memoryview(deflated), MOST_INFLATED_BYTES))


def _check_end(dataset: Dataset, stream: BinaryIO, start: int, size: int) -> None:
    """Raise where the last element does not end where the bytes end; zeros may follow pixels."""
    last = list(dataset.values())[-1]  # the values, unlike items, come as they were read
    if isinstance(last, RawDataElement) and last.length != UNDEFINED:
        end = last.value_tell + last.length
    else:
        # pydicom swallows a last piece that is too short for an element: look for the delimiter.
        stream.seek(max(stream.tell() - len(DELIMITERS[0]), start))
        end = stream.tell() + (8 if stream.read(8) in DELIMITERS else 0)
    if end > start + size:
        raise Unreadable("the data set is truncated")
    stream.seek(end)
    rest = stream.read(start + size - end)
    if rest and (rest.strip(b"\0") or last.tag < PIXEL_DATA):
        raise Unreadable(f"{len(rest)} bytes after the data set's last whole element")
