"""Files to data sets that hold one series' source images, and nothing else (ENH-28)."""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING

import pydicom
from pydicom.errors import InvalidDicomError
from pydicom.uid import UID, UID_dictionary

from pipelines.digest import content_digest
from pipelines.errors import PipelineRefused

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pydicom import Dataset

    from pipelines.stored_pixels import StoredPixels

OWN_MODEL = "dicom-node"
ENHANCED_CT, ENHANCED_MR = "1.2.840.10008.5.1.4.1.1.2.1", "1.2.840.10008.5.1.4.1.1.4.1"
_OTHER_MULTI_FRAME = {
    "1.2.840.10008.5.1.4.1.1.2.2": "Legacy Converted Enhanced CT",
    "1.2.840.10008.5.1.4.1.1.4.3": "Enhanced MR Color",
    "1.2.840.10008.5.1.4.1.1.4.4": "Legacy Converted Enhanced MR",
    "1.2.840.10008.5.1.4.1.1.130": "Enhanced PET",
    "1.2.840.10008.5.1.4.1.1.128.1": "Legacy Converted Enhanced PET",
    "1.2.840.10008.5.1.4.1.1.6.2": "Enhanced US Volume",
}
_IMAGE_CLASSES = {
    ENHANCED_CT,
    ENHANCED_MR,
    "1.2.840.10008.5.1.4.1.1.1",  # CR
    "1.2.840.10008.5.1.4.1.1.1.1",  # DX for presentation
    "1.2.840.10008.5.1.4.1.1.1.1.1",  # DX for processing; refused by its intent
    "1.2.840.10008.5.1.4.1.1.1.2",  # MG for presentation
    "1.2.840.10008.5.1.4.1.1.1.2.1",  # MG for processing
    "1.2.840.10008.5.1.4.1.1.2",  # CT
    "1.2.840.10008.5.1.4.1.1.4",  # MR
    "1.2.840.10008.5.1.4.1.1.3.1",  # US multi-frame
    "1.2.840.10008.5.1.4.1.1.6.1",  # US
    "1.2.840.10008.5.1.4.1.1.20",  # NM
    "1.2.840.10008.5.1.4.1.1.128",  # PET
}
_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"  # and its multi-frame kinds .7.1 to .7.4
_UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
_UID_TEXT = re.compile(r"[0-9.]{1,64}")  # leading zeros are wrong, too, but known to every PACS
_UNREADABLE = (
    InvalidDicomError, AttributeError, EOFError, LookupError, NotImplementedError, OSError,
    TypeError, ValueError, struct.error,
)  # fmt: skip


def read_instances(paths: Sequence[Path | str]) -> list[Dataset]:
    """Every file of one series as a data set with pixel data, in the order given.

    Raises
    ------
    PipelineRefused
        ``no-instances``, ``unreadable``, ``several-series``, ``duplicate-instance``, or what
        `refuse_foreign` finds.
    """
    if not paths:
        raise PipelineRefused("no-instances", "The series holds no instances.")
    images = [_read(path) for path in paths]
    for image in images:
        refuse_foreign(image)
    if len({image.get("SeriesInstanceUID") for image in images}) > 1:
        raise PipelineRefused("several-series", "The instances belong to several series.")
    if len({image.get("SOPInstanceUID") for image in images}) < len(images):
        raise PipelineRefused("duplicate-instance", "Two files hold the same instance.")
    return images


def refuse_foreign(image: Dataset) -> None:
    """Refuse an instance that is not a source image as a scanner makes it.

    Raises
    ------
    PipelineRefused
        ``enhanced-multi-frame``, ``secondary-capture``, ``not-an-image``, ``no-identity``,
        ``localizer``, ``screen-save``, ``for-processing`` or ``own-result``.
    """
    sop_class = UID(str(image.get("SOPClassUID", "")))
    if sop_class in _OTHER_MULTI_FRAME:
        raise PipelineRefused(
            "enhanced-multi-frame",
            f"{_OTHER_MULTI_FRAME[sop_class]} objects are not supported; single-frame images and "
            "Enhanced CT and MR are.",
        )
    if f"{sop_class}.".startswith(f"{_SECONDARY_CAPTURE}."):
        raise PipelineRefused("secondary-capture", "A secondary capture is no source image.")
    if sop_class not in _IMAGE_CLASSES:
        known = sop_class.name if sop_class in UID_dictionary else "an unknown class"
        raise PipelineRefused("not-an-image", f"An instance is no image but of {known}.")
    _refuse_nameless(image)
    refuse_kind(image)
    if str(image.get("PresentationIntentType", "")).upper() == "FOR PROCESSING":
        raise PipelineRefused("for-processing", "The image is a detector's raw image.")
    if str(image.get("ManufacturerModelName", "")) == OWN_MODEL:
        raise PipelineRefused("own-result", "The series is a result of this product.")


def refuse_kind(image: Dataset) -> None:
    """Refuse what Image Type, or Frame Type of a frame, calls no slice of a volume."""
    kinds = {word.strip() for word in image_type(image)}
    if "LOCALIZER" in kinds:
        raise PipelineRefused("localizer", "The series holds a localizer.")
    if "SCREEN SAVE" in kinds:
        raise PipelineRefused("screen-save", "The series holds a screen save.")


def is_multi_frame(image: Dataset) -> bool:
    """Whether the instance is an Enhanced object, whose frames have their own headers."""
    return str(image.SOPClassUID) in (ENHANCED_CT, ENHANCED_MR)


def _refuse_nameless(image: Dataset) -> None:
    """Refuse what cannot be referred to."""
    for keyword in (*_UIDS, "Modality"):
        if not image.get(keyword):
            raise PipelineRefused("no-identity", f"An instance has no {keyword}.")
    for keyword in _UIDS:
        if not _UID_TEXT.fullmatch(str(image.get(keyword))):
            raise PipelineRefused("no-identity", f"The {keyword} of an instance is no UID.")


def image_type(image: Dataset) -> list[str]:
    """The values of Image Type in capitals; none where it is absent."""
    found = image.get("ImageType", None) or []
    return [found.upper()] if isinstance(found, str) else [str(value).upper() for value in found]


def _read(path: Path | str) -> Dataset:
    try:
        image = pydicom.dcmread(path)
        image.file_meta.TransferSyntaxUID  # noqa: B018 - asked for here to fail here
    except _UNREADABLE as error:
        raise PipelineRefused("unreadable", "A file cannot be read as DICOM.") from error
    return image


def digest(image: Dataset, pixels: StoredPixels) -> str:
    """Content digest of a received instance, or a refusal where its header is broken."""
    try:
        return content_digest(image, pixels.values)
    except _UNREADABLE as error:
        raise PipelineRefused("unreadable", "The header of an instance is damaged.") from error
