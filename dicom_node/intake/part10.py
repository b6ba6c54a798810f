"""Puts file meta in front of a received data set, and reads it back (PS3.10 7.1).

The meta also keeps who sent the instance, so that a file whose index row was lost can be indexed
as if it had just arrived. It is built by hand: a data set and its writer cost more than the file.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from pydicom.filereader import read_dataset

from dicom_node.intake.encoded import BROKEN
from dicom_node.intake.errors import Unreadable
from dicom_node.net.identity import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME

if TYPE_CHECKING:
    from dicom_node.net.incoming import Announced

PREAMBLE = b"\0" * 128 + b"DICM"
# Explicit VR Little Endian: tag, representation and length, of 2 bytes or, for OB, of 4.
SHORT = struct.Struct("<HH2sH")
LONG = struct.Struct("<HH2s2xL")
# (0002,0000) UL with 4 bytes: the length of the meta that follows it.
GROUP_LENGTH = struct.Struct("<HH2sHL")
LONGEST_META = 65_536
VERSION = LONG.pack(0x0002, 0x0001, b"OB", 2) + b"\0\1"


@dataclass(frozen=True, slots=True)
class FileMeta:
    """What a stored file says about itself and its sender."""

    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    calling_aet: str
    called_aet: str
    host: str


def write_meta(announced: Announced) -> bytes:
    """Preamble, prefix and file meta for a data set that is kept as received."""
    sender = announced.association
    meta = b"".join((
        VERSION,
        _element(0x0002, b"UI", announced.sop_class_uid),
        _element(0x0003, b"UI", announced.sop_instance_uid),
        _element(0x0010, b"UI", announced.transfer_syntax_uid),
        _element(0x0012, b"UI", IMPLEMENTATION_CLASS_UID),
        _element(0x0013, b"SH", IMPLEMENTATION_VERSION_NAME),
        _element(0x0016, b"AE", sender.calling_aet),
        _element(0x0018, b"AE", sender.called_aet),
        _element(0x0026, b"UR", sender.host),
    ))  # fmt: skip
    return PREAMBLE + GROUP_LENGTH.pack(0x0002, 0x0000, b"UL", 4, len(meta)) + meta


def _element(number: int, vr: bytes, text: str) -> bytes:
    value = text.encode("ascii", "replace")
    value += (b"\0" if vr == b"UI" else b" ") * (len(value) % 2)
    header = LONG if vr == b"UR" else SHORT
    return header.pack(0x0002, number, vr, len(value)) + value


def read_meta(stream: BinaryIO) -> FileMeta:
    """The file meta at the start of `stream`, which is left at the data set's first byte.

    Raises
    ------
    Unreadable
        The stream does not begin like a file that `write_meta` made.
    """
    head = stream.read(len(PREAMBLE) + GROUP_LENGTH.size)
    if len(head) != len(PREAMBLE) + GROUP_LENGTH.size or head[128:132] != b"DICM":
        raise Unreadable("no DICOM prefix")
    group, element, vr, _, length = GROUP_LENGTH.unpack_from(head, len(PREAMBLE))
    if (group, element, vr) != (2, 0, b"UL") or length > LONGEST_META:
        raise Unreadable("no file meta group length")
    try:
        meta = read_dataset(io.BytesIO(stream.read(length)), False, True)
    except BROKEN:
        raise Unreadable("the file meta cannot be read") from None
    try:
        return FileMeta(
            str(meta.MediaStorageSOPClassUID),
            str(meta.MediaStorageSOPInstanceUID),
            str(meta.TransferSyntaxUID),
            str(meta.get("SourceApplicationEntityTitle", "")),
            str(meta.get("ReceivingApplicationEntityTitle", "")),
            str(meta.get("SourcePresentationAddress", "")),
        )
    except AttributeError:
        raise Unreadable("file meta lacks an attribute") from None
