"""Puts file meta in front of a received data set, and reads it back (PS3.10 7.1).

The meta also keeps who sent the instance, so that a file whose index row was lost can be indexed
as if it had just arrived.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from pydicom.dataset import FileMetaDataset
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_file_meta_info

from dicom_node.intake.encoded import BROKEN
from dicom_node.intake.errors import Unreadable
from dicom_node.net.identity import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME

if TYPE_CHECKING:
    from dicom_node.net.incoming import Incoming

PREAMBLE = b"\0" * 128 + b"DICM"
# (0002,0000) UL with 4 bytes: the length of the meta that follows it.
GROUP_LENGTH = struct.Struct("<HH2sHL")
LONGEST_META = 65_536


@dataclass(frozen=True, slots=True)
class FileMeta:
    """What a stored file says about itself and its sender."""

    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    calling_aet: str
    called_aet: str
    host: str


def write_meta(incoming: Incoming) -> bytes:
    """Preamble, prefix and file meta for a data set that is kept as received."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = incoming.sop_class_uid
    meta.MediaStorageSOPInstanceUID = incoming.sop_instance_uid
    meta.TransferSyntaxUID = incoming.transfer_syntax_uid
    meta.ImplementationClassUID = IMPLEMENTATION_CLASS_UID
    meta.ImplementationVersionName = IMPLEMENTATION_VERSION_NAME
    meta.SourceApplicationEntityTitle = incoming.association.calling_aet
    meta.ReceivingApplicationEntityTitle = incoming.association.called_aet
    meta.SourcePresentationAddress = incoming.association.host
    stream = io.BytesIO()
    stream.write(PREAMBLE)
    write_file_meta_info(stream, meta)
    return stream.getvalue()


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
