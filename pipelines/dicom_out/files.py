"""Data sets to files, byte for byte the same for the same data set."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pydicom
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from pipelines.header import whole_number
from pipelines.manifest import OutputFile

if TYPE_CHECKING:
    from pathlib import Path

    from pipelines.manifest import Kind

IMPLEMENTATION_CLASS_UID = "2.25.183456903842915628412974019236570361345"
IMPLEMENTATION_VERSION_NAME = "DICOM_NODE"


def write(dataset: Dataset, folder: Path, kind: Kind) -> OutputFile:
    """Write `dataset` as Explicit VR Little Endian to ``<SOP Instance UID>.dcm``."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = str(dataset.SOPClassUID)
    meta.MediaStorageSOPInstanceUID = str(dataset.SOPInstanceUID)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = IMPLEMENTATION_CLASS_UID
    meta.ImplementationVersionName = IMPLEMENTATION_VERSION_NAME
    dataset.file_meta = meta
    path = folder / f"{dataset.SOPInstanceUID}.dcm"
    pydicom.dcmwrite(path, dataset, enforce_file_format=True)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
    return OutputFile(
        file=path.name,
        kind=kind,
        sop_uid=str(dataset.SOPInstanceUID),
        series_uid=str(dataset.SeriesInstanceUID),
        sop_class_uid=str(dataset.SOPClassUID),
        transfer_syntax_uid=str(ExplicitVRLittleEndian),
        size=path.stat().st_size,
        sha256=digest.hexdigest(),
        frames=whole_number(dataset, "NumberOfFrames", 1),
    )
