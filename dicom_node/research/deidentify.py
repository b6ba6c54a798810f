"""A DICOM file in, a de-identified one out: the same file gives the same bytes every time."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

from pydicom import dcmread, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.errors import InvalidDicomError
from pydicom.uid import UID, ExplicitVRLittleEndian

from dicom_node.net.identity import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from dicom_node.research.classes import check_class
from dicom_node.research.comments import without_comments
from dicom_node.research.errors import Refused
from dicom_node.research.marks import mark
from dicom_node.research.pixels import check_pixels
from dicom_node.research.profile import Profile
from dicom_node.research.scrub import Scrubber
from dicom_node.research.traces import Traces

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom import Dataset

    from dicom_node.config.research import ResearchSection
    from dicom_node.research.stand_ins import StandIns

_BROKEN = (
    ArithmeticError, AttributeError, EOFError, InvalidDicomError, LookupError, NotImplementedError,
    OSError, RuntimeError, TypeError, ValueError, struct.error, zlib.error,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Deidentified:
    """A de-identified object: its file's bytes, and the UIDs of its file meta."""

    content: bytes
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str


class Deidentifier:
    """Makes a project's objects of patients' files."""

    def __init__(self, options: ResearchSection, stand_ins: StandIns) -> None:
        self._options = options
        self._stand_ins = stand_ins
        self._profile = Profile(options)

    def file(self, path: Path) -> Deidentified:
        """The de-identified object of the file at `path`.

        Raises
        ------
        Refused
            It cannot be read, is of a class that is not exported, or text may be burnt in.
        """
        try:
            dataset = dcmread(path)
            syntax = UID(dataset.file_meta.TransferSyntaxUID)
            return self._made(dataset, syntax)
        except _BROKEN:
            raise Refused("it cannot be read whole") from None

    def _made(self, dataset: Dataset, syntax: UID) -> Deidentified:
        options = self._options
        study_uid, sop_uid = str(dataset.StudyInstanceUID), str(dataset.SOPInstanceUID)
        check_class(str(dataset.SOPClassUID), structured_content=options.structured_content)
        subject = self._stand_ins.subject(str(dataset.get("PatientID") or ""), study_uid)
        if not syntax.is_little_endian:
            raise Refused("its bytes are in big endian order, a syntax that is retired")
        is_blanked = check_pixels(dataset, options.blank)
        if is_blanked:
            syntax = ExplicitVRLittleEndian
        elif syntax.is_encapsulated and "PixelData" in dataset:
            dataset["PixelData"].value = without_comments(dataset.PixelData)
        scrubber = Scrubber(
            self._profile,
            self._stand_ins,
            subject,
            Traces(dataset),
            safe_private=options.safe_private,
        )
        scrubber.scrub(dataset)
        mark(dataset, options, subject, is_blanked=is_blanked)
        if not sop_uid or not dataset.get("SOPInstanceUID"):
            raise Refused("it has no SOP Instance UID")
        return Deidentified(
            _encoded(dataset, syntax),
            str(dataset.SOPClassUID), str(dataset.SOPInstanceUID), str(syntax),
        )  # fmt: skip


def _encoded(dataset: Dataset, syntax: UID) -> bytes:
    """A file with a preamble and a meta of this program's own: the source's may hold anything."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = syntax
    meta.ImplementationClassUID = UID(IMPLEMENTATION_CLASS_UID)
    meta.ImplementationVersionName = IMPLEMENTATION_VERSION_NAME
    dataset.file_meta = meta
    dataset.preamble = b"\0" * 128
    buffer = BytesIO()
    dcmwrite(
        buffer,
        dataset,
        enforce_file_format=True,
        implicit_vr=syntax.is_implicit_VR,
        little_endian=True,
    )
    return buffer.getvalue()
