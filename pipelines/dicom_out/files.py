"""Data sets to files, byte for byte the same for the same data set."""

from __future__ import annotations

import hashlib
import struct
from typing import TYPE_CHECKING

from pydicom import Dataset
from pydicom.tag import Tag
from pydicom.uid import ExplicitVRLittleEndian

from pipelines.dicom_out.encode import encoded
from pipelines.header import whole_number
from pipelines.manifest import OutputFile
from pipelines.verbatim import mark_encoded, raw

if TYPE_CHECKING:
    from pathlib import Path

    from pipelines.manifest import Kind

PREAMBLE = bytes(128) + b"DICM"
IMPLEMENTATION_CLASS_UID = "2.25.183456903842915628412974019236570361345"
IMPLEMENTATION_VERSION_NAME = "DICOM_NODE"


def write(dataset: Dataset, folder: Path, kind: Kind) -> OutputFile:
    """Write `dataset` as Explicit VR Little Endian to ``<SOP Instance UID>.dcm``.

    Raises
    ------
    ValueError, OSError
        It holds what cannot be written, or the disk does not take it.
    """
    if any(tag >> 16 in (0, 2) for tag in dataset.keys()):  # noqa: SIM118 - iterating decodes
        raise ValueError("group 0000 or 0002 is no part of a data set")
    path = folder / f"{dataset.SOPInstanceUID}.dcm"
    digest, size = hashlib.sha256(), 0
    with path.open("wb") as file:
        for piece in (_beginning(dataset), *encoded(dataset)):
            file.write(piece)
            digest.update(piece)
            size += len(piece)
    return OutputFile(
        file=path.name,
        kind=kind,
        sop_uid=str(dataset.SOPInstanceUID),
        series_uid=str(dataset.SeriesInstanceUID),
        sop_class_uid=str(dataset.SOPClassUID),
        transfer_syntax_uid=str(ExplicitVRLittleEndian),
        size=size,
        sha256=digest.hexdigest(),
        frames=whole_number(dataset, "NumberOfFrames", 1),
    )


def _beginning(dataset: Dataset) -> bytes:
    """Preamble and File Meta Information (PS3.10 section 7.1)."""
    values = {
        0x0001: ("OB", b"\0\1"),
        0x0002: ("UI", str(dataset.SOPClassUID).encode()),
        0x0003: ("UI", str(dataset.SOPInstanceUID).encode()),
        0x0010: ("UI", ExplicitVRLittleEndian.encode()),
        0x0012: ("UI", IMPLEMENTATION_CLASS_UID.encode()),
        0x0013: ("SH", IMPLEMENTATION_VERSION_NAME.encode()),
    }
    meta = mark_encoded(Dataset())
    for number, (vr, value) in values.items():
        tag = Tag(0x0002, number)
        meta[tag] = raw(tag, vr, value)
    content = b"".join(encoded(meta))
    return PREAMBLE + struct.pack("<HH2sHL", 2, 0, b"UL", 4, len(content)) + content
